"""The plots of docs/PERFORMANCE.md: the same figures give the same bytes, and both a light and a dark page can carry them."""
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
import matplotlib.ticker  # noqa: E402

INK = "#768390"  # grey enough for white and for black
LUNA, FLOOR, THIRD, FOURTH = "#2f81f7", "#d9822b", "#2da44e", "#a371f7"
plt.rcParams.update({
    "svg.hashsalt": "luna", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "figure.figsize": (5.2, 3.0),
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK, "grid.color": INK, "grid.alpha": 0.25, "axes.grid": True, "axes.spines.top": False,
    "axes.spines.right": False, "lines.linewidth": 1.6, "lines.markersize": 4, "legend.frameon": False, "figure.constrained_layout.use": True})


def plain(number, _):
    """10, 1k, 1M: a tick that can be read without thinking."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def plot(file, labels, lines, logarithmic="xy", bottom=None):
    """`labels`: x and y, units included. `lines`: (name, colour, xs, ys)."""
    figure, axes = plt.subplots()
    for name, colour, xs, ys in lines:
        # Nothing measured, such as Redis's few microseconds in a round of three large requests, has
        # no place on a logarithmic axis.
        axes.plot(xs, [y or float("nan") for y in ys], marker="o", color=colour, label=name)
    if "x" in logarithmic:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(plain)
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    if "y" in logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(bottom=bottom)
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(plain)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.legend()
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def column(rows, name, *path):
    values = []
    for row in rows:
        value = row
        for key in (name, *path):
            value = value[key]
        values.append(value)
    return values


def points(rows, folder):
    sizes = column(rows, "points")
    plot(folder / "points-rate.svg", ("points in a request", "requests a second"),
         [("floor", FLOOR, sizes, column(rows, "floor", "rps")), ("Luna", LUNA, sizes, column(rows, "luna", "rps"))])
    plot(folder / "points-cpu.svg", ("points in a request", "processor time of a request, µs"),
         [(name, colour, sizes, column(rows, "luna", f"cpu_{group}_us"))
          for name, colour, group in (("workers", LUNA, "workers"), ("nginx", FLOOR, "nginx"), ("Redis", THIRD, "redis"))])


def connections(rows, folder):
    clients = column(rows, "connections")
    plot(folder / "connections-rate.svg", ("connections", "requests a second"),
         [("floor", FLOOR, clients, column(rows, "floor", "rps")), ("Luna", LUNA, clients, column(rows, "luna", "rps"))], "x")
    plot(folder / "connections-p99.svg", ("connections", "latency, ms"),
         [("floor, p99", FLOOR, clients, column(rows, "floor", "p99_ms")), ("Luna, p99", LUNA, clients, column(rows, "luna", "p99_ms")),
          ("Luna, p50", THIRD, clients, column(rows, "luna", "p50_ms"))])


def accounts(rows, folder):
    plot(folder / "accounts.svg", ("warm accounts", "requests a second"),
         [("Luna, 10 points", LUNA, column(rows, "accounts"), column(rows, "luna", "rps"))], "x")


def workers(rows, folder):
    lines = []
    for size, colour in ((10, LUNA), (1000, THIRD)):
        chosen = [row for row in rows if row["points"] == size]
        lines.append((f"{size} points", colour, column(chosen, "workers"), column(chosen, "luna", "rps")))
    plot(folder / "workers.svg", ("workers", "requests a second"), lines, "")


def memory(rows, folder):
    lines = []
    for model, colour in (("given", LUNA), ("fitted", FOURTH)):
        chosen = [row for row in rows if row["model"] == model]
        lines.append((f"worker's peak, parameters {model}", colour, column(chosen, "points"), [row["after"]["peak"] / 1e6 for row in chosen]))
    chosen = [row for row in rows if row["model"] == "given"]
    lines.append(("four times the body", FLOOR, column(chosen, "points"), [4 * row["body"] / 1e6 for row in chosen]))
    plot(folder / "memory.svg", ("points in a request", "memory, MB"), lines, bottom=1)


def draw(results, folder):
    folder.mkdir(exist_ok=True)
    for section in (points, connections, accounts, workers, memory):
        if section.__name__ in results:
            section(results[section.__name__], folder)
