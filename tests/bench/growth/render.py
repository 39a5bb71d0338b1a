"""The figures as tables of Markdown, put between their markers in docs/PERFORMANCE.md."""
import pathlib
import re
import textwrap

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs"
PAGE = DOCS / "PERFORMANCE.md"


def count(number):
    return f"{number:,.0f}"


def megabytes(number):
    return f"{number / 1e6:.1f}"


def small(number):
    """Two digits or so, whatever the size."""
    return f"{number:.0f}" if abs(number) >= 20 else f"{number:.1f}" if abs(number) >= 1 else f"{number:.2f}"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(" ---: " if place else " --- " for place in range(len(heads))) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def service(results):
    rows = []
    for points, protocols in results.items():
        for protocol, figures in protocols.items():
            for name, row in figures.items():
                compared = name != "luna" and "luna" in figures and row["rps"]
                ratio = f"{figures['luna']['rps'] / row['rps']:.2f}" if compared else ""
                cpu = [small(row[key]) if (key := f"cpu_{group}_us") in row else "" for group in ("nginx", "workers", "redis")]
                rows.append([count(int(points)), protocol, name, count(row["rps"]), ratio, small(row["p50_ms"]), small(row["p99_ms"]), *cpu])
    return table(["points", "HTTP", "target", "requests/s", "luna/target", "p50 ms", "p99 ms", "nginx us", "workers us", "Redis us"], rows)


def whole(row):
    """Processor time of a request, the load generator's too: on a machine that is busy to the last core, this is what the rate is made of."""
    return row["cpu_us"] + row["cpu_load_us"]


def budget(results):
    rows = []
    for points, protocols in results.items():
        figures = protocols.get("1.1", {})
        if not {"floor", "floor-same", "luna"} <= set(figures):
            continue
        floor, same, luna = (figures[name] for name in ("floor", "floor-same", "luna"))
        parts = [whole(same) - whole(floor), luna["cpu_nginx_us"] - same["cpu_nginx_us"], luna["cpu_workers_us"] - same["cpu_workers_us"],
                 luna["cpu_redis_us"]]
        rest = whole(luna) - whole(floor) - sum(parts)
        rows.append([count(int(points)), small(whole(floor)), *map(small, parts), small(rest), small(whole(luna)),
                     f"{whole(floor) / whole(luna):.2f}", f"{luna['rps'] / floor['rps']:.2f}", f"{same['rps'] / floor['rps']:.2f}"])
    return table(["points", "floor", "+ its bytes", "+ nginx", "+ workers", "+ Redis", "+ rest", "= Luna", "floor / Luna", "measured", "floor-same / floor"], rows)


def beside_floor(rows, key):
    return [[count(row[key]), count(row["luna"]["rps"]), count(row["floor"]["rps"]), f"{row['luna']['rps'] / row['floor']['rps']:.2f}",
             small(row["luna"]["p50_ms"]), small(row["luna"]["p99_ms"]), small(row["floor"]["p99_ms"]), small(row["luna"]["cpu_us"])] for row in rows]


def points(rows):
    return table(["points", "requests/s", "floor", "ratio", "p50 ms", "p99 ms", "floor's p99", "CPU us"], beside_floor(rows, "points"))


def connections(rows):
    return table(["connections", "requests/s", "floor", "ratio", "p50 ms", "p99 ms", "floor's p99", "CPU us"], beside_floor(rows, "connections"))


def accounts(rows):
    return table(["accounts", "requests/s", "p99 ms", "Redis us a request", "Redis MB", "seconds until all were warm"],
                 [[count(row["accounts"]), count(row["luna"]["rps"]), small(row["luna"]["p99_ms"]), small(row["redis_us"]),
                   megabytes(row["redis_bytes"]), small(row["warm_s"])] for row in rows])


def workers(rows):
    return table(["workers", "points", "requests/s", "p50 ms", "p99 ms"],
                 [[row["workers"], count(row["points"]), count(row["luna"]["rps"]), small(row["luna"]["p50_ms"]), small(row["luna"]["p99_ms"])]
                  for row in rows])


def beyond_before(row):
    """What a request took at most, beyond what its worker held before it."""
    return row["after"]["peak"] - row["before"]["peak"]


def memory(rows):
    return table(["points", "parameters", "body MB", "answer MB", "private, PSS before", "peak before", "peak", "of the body", "beyond before",
                  "private, PSS after"],
                 [[count(row["points"]), row["model"], megabytes(row["body"]), megabytes(row["answer"]),
                   f"{megabytes(row['before']['private'])}, {megabytes(row['before']['pss'])}", megabytes(row["before"]["peak"]),
                   megabytes(row["after"]["peak"]), *(f"{peak / row['body']:.2f}" if row["points"] >= 100000 else ""
                                                      for peak in (row["after"]["peak"], beyond_before(row))),
                   f"{megabytes(row['after']['private'])}, {megabytes(row['after']['pss'])}"] for row in rows])


def startup(found):
    return table(["from", "ms"], [["start of the master to the first 200, one worker", small(found["start_1_ms"])],
                                  ["start of the master to the first 200, four workers", small(found["start_4_ms"])],
                                  ["`kill -9` of the only worker to the next 200", small(found["respawn_ms"])]])


def steps(found):
    rows = []
    for label, row in found["numbers"].items():
        rows.append([f"decode a number, {label}", f"{small(row['decode_ns'])} ns", f"jansson {small(row['jansson_decode_ns'])} ns",
                     f"{row['decode_times']:.1f}"])
        rows.append([f"encode a number, {label}", f"{small(row['encode_ns'])} ns", f"jansson {small(row['jansson_encode_ns'])} ns",
                     f"{row['encode_times']:.1f}"])
    kalman = found["kalman"]
    rows += [["a step of the local level's filter, with variances", f"{small(kalman['level_filter_ns'])} ns", "", ""],
             ["a step of a structural model's filter (monthly)", f"{small(kalman['structural_filter_ns'])} ns", "", ""],
             ["a fit of the local level, 10,000 points", f"{small(kalman['level_fit_10000_us'])} us", "", ""],
             ["an admission, Redis's own time", f"{small(found['redis_us'])} us", "", ""],
             ["an admission and its commit, one worker, including the round trip and Redis's time", f"{small(found['admit_us'])} us", "", ""]]
    return table(["step", "takes", "beside", "times"], rows)


def wrapped(text, indent=""):
    """Prose of the page, which is 100 columns wide."""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def part_calls(row, group):
    listed = ", ".join(f"{name} {small(calls)}" for name, calls in row[f"{group}_calls"].items() if calls >= 0.1)
    return wrapped(f"- {group}: {sum(row[f'{group}_calls'].values()):.0f} per request: {listed}", "  ")


def part_functions(row, group):
    functions = row[f"{group}_functions"]
    objects = ", ".join(f"{dso} {small(us)}" for dso, us in functions["objects"].items() if us >= 0.02 * row[f"{group}_us"])
    symbols = ", ".join(f"`{symbol.partition('<')[0]}` {small(us)}" for us, _, symbol in functions["symbols"] if us >= 0.02 * row[f"{group}_us"])
    return wrapped(f"- {group}, {small(row[f'{group}_us'])} us per request: {objects}. Largest: {symbols}", "  ")


def parts(rows):
    names = list(rows[0]["phases"])
    lines = [table(["microseconds of a request", *(f"{count(row['points'])} points" for row in rows)],
                   [[f"worker: {name}", *(small(row["phases"][name]) for row in rows)] for name in names
                    if any(row["phases"][name] >= 0.5 for row in rows)]
                   + [[f"processor, {name}", *(small(row["cpu"][name]) for row in rows)] for name in rows[0]["cpu"]]
                   + [["seen by the client (p50)", *(count(row["latency_us"]) for row in rows)]])]
    for row in rows:
        lines += ["", f"**{count(row['points'])} points.** System calls (strace -c):", "",
                  part_calls(row, "workers"), part_calls(row, "nginx"), "", "Processor time by object and function (perf), in microseconds:", "",
                  part_functions(row, "workers"), part_functions(row, "nginx")]
    return "\n".join(lines)


def machine(found):
    line = f"{found['date']}: {found['cores']} cores of {found['cpu']}, Linux {found['kernel']}, {found['packages']}, commit {found['commit']}."
    return "\n".join([wrapped(line)] + (["Short rounds: these show the shape, not the level."] if found["quick"] else []))


TABLES = {"machine": machine, "budget": budget, "service": service, "points": points, "connections": connections, "accounts": accounts, "workers": workers, "memory": memory,
          "startup": startup, "steps": steps, "parts": parts}


def tables(section, found):
    return TABLES[section](found)


def put(page, section, text):
    """The page with this text between the section's markers."""
    pattern = rf"(<!-- figures: {section} -->\n).*?(<!-- end of figures -->)"
    changed, found = re.subn(pattern, lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page, flags=re.DOTALL)
    if found != 1:
        raise LookupError(f"{PAGE}: {found} places for the figures of {section}; wanted one")
    return changed


def write(results):
    """Every section that was measured goes into the page; then the plots."""
    import plots  # matplotlib: only who writes needs it
    page = PAGE.read_text(encoding="utf-8")
    if "service" in results:
        results = results | {"budget": results["service"]}
    for section, found in results.items():
        page = put(page, section, tables(section, found))
    PAGE.write_text(page, encoding="utf-8")
    plots.draw(results, DOCS / "performance")
