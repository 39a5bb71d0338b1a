"""The model `auto` on the weekly or hourly series of the M4 competition (Makridakis, Spiliotis & Assimakopoulos 2020), with only
a period given: sMAPE, MASE and OWA beside Naive2 of the same series, coverage and MSIS of the 95 % intervals, time.

`scripts/bench m4` runs it. The files have a series on each line, its id first. With --before the test values and the last N of
training are left out, and the values after the new end judged on: what is tuned by these is not tuned on the test set.
"""
import argparse
import math
import pathlib
import resource
import statistics
import subprocess
import tempfile

HORIZON = {"weekly": 13, "hourly": 48}
SEASON = {"weekly": 1, "hourly": 24}  # of Naive2 and of the scale of MASE, as in the competition
PERIOD = {"weekly": 52, "hourly": 24}
MEASURES = ("smape", "mase", "naive_smape", "naive_mase", "coverage", "msis")


def series_of(path):
    """By id. The competition's own files start with a line of column names."""
    lines = (line.split(",") for line in path.read_text().splitlines() if not line.startswith('"V1"'))
    return {fields[0].strip('"'): [float(x.strip('"')) for x in fields[1:] if x.strip('"')] for fields in lines}


def is_seasonal(y, m):
    """The competition's test: the autocorrelation at lag m at 90 %."""
    n, mean = len(y), statistics.fmean(y)
    squares = sum((v - mean) ** 2 for v in y)
    if m == 1 or n < 3 * m or squares == 0:
        return False
    r = [sum((y[i] - mean) * (y[i + k] - mean) for i in range(n - k)) / squares for k in range(1, m + 1)]
    return abs(r[-1]) > 1.645 * math.sqrt((1 + 2 * sum(v * v for v in r[:-1])) / n)


def seasonal_indices(y, m):
    """Multiplicative, by moving averages over an even m."""
    half, found = m // 2, [[] for _ in range(m)]
    for t in range(half, len(y) - half):
        average = (sum(y[t - half + 1:t + half]) + (y[t - half] + y[t + half]) / 2) / m
        found[t % m].append(y[t] / average)
    means = [statistics.fmean(v) if v else 1.0 for v in found]
    return [v * m / sum(means) for v in means]


def naive2(y, m, horizon):
    if not is_seasonal(y, m):
        return [y[-1]] * horizon
    index = seasonal_indices(y, m)
    last = y[-1] / index[(len(y) - 1) % m]
    return [last * index[(len(y) + h) % m] for h in range(horizon)]


def smape(forecast, actual):
    return statistics.fmean(200 * abs(f - a) / (abs(f) + abs(a)) if f or a else 0.0 for f, a in zip(forecast, actual))


def forecast_auto(driver, y, period, horizon):
    """Rows of median, variance, bounds of 95 % and 80 %; what was chosen; seconds of processor time."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("\n".join(map(repr, y)))
        file.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        run = subprocess.run([driver, file.name, "auto", f"period={period}", "choose_scale", f"forecast={horizon}"],
                             capture_output=True, text=True, check=True)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    lines = [line.split(" ", 1) for line in run.stdout.splitlines()]
    said = {key: rest for key, rest in lines if key in ("scale", "reason")}
    rows = [[float(x) for x in rest.split()] for key, rest in lines if key == "forecast"]
    return rows, f"{said['scale']}: {said['reason']}", seconds


def judge(driver, y, actual, m, period):
    rows, chosen, seconds = forecast_auto(driver, y, period, len(actual))
    scale = statistics.fmean(abs(y[t] - y[t - m]) for t in range(m, len(y)))
    middle, naive = [row[0] for row in rows], naive2(y, m, len(actual))
    widths = [(row[3] - row[2]) + 40 * max(0.0, row[2] - a) + 40 * max(0.0, a - row[3]) for row, a in zip(rows, actual)]
    error = lambda forecast: statistics.fmean(abs(f - a) for f, a in zip(forecast, actual)) / scale
    return {"smape": smape(middle, actual), "mase": error(middle), "naive_smape": smape(naive, actual), "naive_mase": error(naive),
            "coverage": statistics.fmean(row[2] <= a <= row[3] for row, a in zip(rows, actual)),
            "msis": statistics.fmean(widths) / scale, "seconds": seconds, "chosen": chosen}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--set", choices=HORIZON, default="weekly", dest="which")
    parser.add_argument("--period", type=int)
    parser.add_argument("--every", type=int, default=1, help="only every Nth series")
    parser.add_argument("--before", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="a line for each series")
    arguments = parser.parse_args()
    horizon, m, name = HORIZON[arguments.which], SEASON[arguments.which], arguments.which.title()
    period = arguments.period or PERIOD[arguments.which]
    past, future, rows = series_of(arguments.data / f"{name}-train.csv"), series_of(arguments.data / f"{name}-test.csv"), []
    for key in list(past)[::arguments.every]:
        y, actual = past[key], future[key]
        if arguments.before:
            end = len(y) - arguments.before
            y, actual = y[:end], y[end:end + horizon]
        rows.append(judge(arguments.driver, y, actual, m, period))
        if arguments.verbose:
            row = rows[-1]
            print(f"{key:6} {len(y):5} sMAPE {row['smape']:7.3f} MASE {row['mase']:7.3f} coverage {row['coverage']:.2f} "
                  f"MSIS {row['msis']:7.2f} {row['seconds']:6.2f} s  {row['chosen']}", flush=True)
    mean = {key: statistics.fmean(row[key] for row in rows) for key in MEASURES}
    owa = (mean["smape"] / mean["naive_smape"] + mean["mase"] / mean["naive_mase"]) / 2
    seconds = sorted(row["seconds"] for row in rows)
    print(f"{arguments.which}, period {period}, {len(rows)} series: sMAPE {mean['smape']:.3f} (Naive2 {mean['naive_smape']:.3f}), "
          f"MASE {mean['mase']:.3f} (Naive2 {mean['naive_mase']:.3f}), OWA {owa:.3f}; 95 % covers {mean['coverage']:.3f}, "
          f"MSIS {mean['msis']:.2f}; median {statistics.median(seconds):.2f} s, worst {seconds[-1]:.2f} s")


if __name__ == "__main__":
    main()
