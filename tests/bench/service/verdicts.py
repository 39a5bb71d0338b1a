"""The table: each target's figures, Luna's ratios to it, and whether they are what is required."""

# Points: Luna's requests a second in those of the floor and of the peer, at least. HTTP/1.1, the
# service's usual limits and logs on.
RATIOS_MIN = {10: {"floor": 0.65, "peer": 9}, 1000: {"floor": 0.6, "peer": 30}, 10000: {"floor": 0.35, "peer": 50}}
P99_MAX = 3  # Luna's in those of the floor, at the same three sizes

GROUPS = ("nginx", "workers", "redis", "postgres", "syncd")
HEADER = (f"{'points':>7} {'HTTP':>4} {'target':<10} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU us':>8} "
          + " ".join(f"{name:>8}" for name in GROUPS) + f" {'load':>7} {'errors':>6}  luna/target")


def judge(points, protocol, name, luna, row):
    """(text, holds) for Luna beside this target; holds is None where nothing is required."""
    if name == "luna" or not luna or not row["rps"]:
        return "", None
    ratio, texts, holds = luna["rps"] / row["rps"], [], []
    wanted = RATIOS_MIN.get(points, {}).get(name) if protocol == "1.1" else None
    texts.append(f"{ratio:6.2f}x")
    if wanted:
        holds.append(ratio >= wanted)
        texts.append(f"(>= {wanted}: {'ok' if holds[-1] else 'TOO LOW'})")
    if wanted and name == "floor":
        late = luna["p99_ms"] / row["p99_ms"]
        holds.append(late <= P99_MAX)
        texts.append(f"p99 {late:.2f}x (<= {P99_MAX}: {'ok' if holds[-1] else 'TOO HIGH'})")
    return " ".join(texts), all(holds) if holds else None


def table(points, protocol, figures):
    """The rows of one size, and how many requirements are not met."""
    lines, missed = [], 0
    for name, row in figures.items():
        text, holds = judge(points, protocol, name, figures.get("luna"), row)
        missed += holds is False
        groups = " ".join(f"{row[key]:8.0f}" if (key := f"cpu_{group}_us") in row else f"{'':>8}" for group in GROUPS)
        lines.append(f"{points:>7} {protocol:>4} {name:<10} {row['rps']:>9.1f} {row['p50_ms']:>8.2f} {row['p99_ms']:>8.2f} {row['cpu_us']:>8.0f} "
                     f"{groups} {row['cpu_load_us']:>7.0f} {row['errors']:>6}  {text}".rstrip())
    return "\n".join(lines), missed
