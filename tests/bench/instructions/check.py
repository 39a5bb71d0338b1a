"""Counts the instructions of each part of a request by callgrind and holds them against bounds.txt.

    check.py PROGRAM             the table; fails where a part has become slower than its bound allows
    check.py PROGRAM --update    writes what is counted now as the new bounds

Counts do not depend on what else the machine does, so a small tolerance is enough. They do depend on compiler, C library and kind of
build: made by others than the bounds, the program is held to loose bounds only, and on another architecture to none.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BOUNDS = pathlib.Path(__file__).with_name("bounds.txt")
TOLERANCE = 0.03
TOLERANCE_OF_OTHERS = 0.5
# The C library chooses its string functions by the processor; here by none of its features, so that
# every machine counts alike.
TUNABLES = "glibc.cpu.hwcaps=" + ",".join("-" + name for name in ("AVX2", "AVX", "AVX512F", "AVX512VL", "AVX512BW", "BMI1", "BMI2", "ERMS",
                                                                  "FSRM", "LZCNT", "MOVBE", "POPCNT", "RTM", "SSE4_1", "SSE4_2", "SSSE3"))
UPDATE = "scripts/bench instructions --update"


def said_by(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def parts_of(program):
    """Name, units and what a unit is, of every part the program has."""
    return [tuple(line.split(" ", 2)) for line in said_by(program).splitlines()]


def count(program, part):
    """Instructions that the part's measured() takes, all that it calls counted too."""
    with tempfile.TemporaryDirectory(prefix="luna-", ignore_cleanup_errors=True) as folder:
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=measured", "--child-silent-after-fork=yes",
                   f"--callgrind-out-file={folder}/out.%p", program, part]
        environment = os.environ | {"GLIBC_TUNABLES": TUNABLES, "LUNA_BENCH_FOLDER": folder, "LC_ALL": "C"}
        said = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
        found = re.search(r"Collected : (\d+)", said.stderr)
        if said.returncode or not found or int(found[1]) == 0:
            raise RuntimeError(f"{part}: callgrind counted nothing (status {said.returncode}):\n{said.stderr}")
        return int(found[1])


def count_all(program):
    names = [name for name, _, _ in parts_of(program)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(lambda name: count(program, name), names)))


def read_bounds():
    """What made the program that the bounds are of, and the bounds."""
    lines = [line for line in BOUNDS.read_text(encoding="ascii").splitlines() if line and not line.startswith("#")]
    return lines[0].removeprefix("built-by "), {name: int(value) for name, value in (line.split() for line in lines[1:])}


def write_bounds(program, counted):
    lines = [f"# Instructions by callgrind, written by {UPDATE}. Commit them with the change that made them, and say there why.",
             f"built-by {said_by(program, '--built-by').strip()}"]
    BOUNDS.write_text("\n".join(lines + [f"{name} {value}" for name, value in counted.items()]) + "\n", encoding="ascii")


def choose_tolerance(built_by, bounds_by):
    """The tolerance, and why it is another than the usual one; None: nothing can be compared."""
    if built_by == bounds_by:
        return TOLERANCE, None
    why = f"the bounds are of \"{bounds_by}\", this program is of \"{built_by}\", which makes other instructions of the same source"
    if built_by.split()[0] != bounds_by.split()[0]:
        return None, f"nothing is compared: {why}"
    return TOLERANCE_OF_OTHERS, f"held to {TOLERANCE_OF_OTHERS:.0%} more only: {why}. Its own bounds come from {UPDATE}"


def report(program, counted):
    """Prints the table; returns how many parts passed and how many are over their bound."""
    bounds_by, bounds = read_bounds()
    tolerance, why = choose_tolerance(said_by(program, "--built-by").strip(), bounds_by)
    if why:
        print(why)
    failed = 0
    print(f"{'part':<15}{'instructions':>13}{'bound':>11}{'change':>9}   {'each':>8}")
    for name, units, unit in parts_of(program):
        change = counted[name] / bounds[name] - 1 if name in bounds else None
        over = tolerance is not None and (change is None or change > tolerance)
        failed += over
        told = "no bound" if change is None else f"{change:+.1%}"
        print(f"{name:<15}{counted[name]:>13}{bounds.get(name, 0):>11}{told:>9}   {counted[name] / int(units):>8.1f} per {unit}"
              + ("   TOO MANY" if over else ""))
    if failed:
        print(f"More work than before, by more than {tolerance:.0%}. Where: callgrind_annotate (docs/PERFORMANCE.md). If it is wanted: {UPDATE}")
    elif why is None and any(counted[name] < (1 - TOLERANCE) * bounds[name] for name in counted):
        print(f"Less work than before: keep what was won by {UPDATE}")
    return len(counted) - failed, failed


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench instructions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--update", action="store_true", help="write what is counted now as the new bounds")
    asked = parser.parse_args()
    counted = count_all(asked.program)
    if asked.update:
        write_bounds(asked.program, counted)
    passed, failed = report(asked.program, counted)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
