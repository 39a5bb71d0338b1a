"""Count the instructions of each part of a request with callgrind, and compare them with bounds.txt.

The exit status is 1 if a part needs more instructions than its bound allows.

The counts do not depend on the load of the machine. They depend on the compiler, the C library and
the kind of build. If one of these has changed since the bounds were written, the tolerance is
larger. On another architecture, nothing is compared.
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
    why = f"the bounds were counted with \"{bounds_by}\", but this program was built with \"{built_by}\""
    if built_by.split()[0] != bounds_by.split()[0]:
        return None, f"nothing is compared: {why}"
    return TOLERANCE_OF_OTHERS, f"the tolerance is {TOLERANCE_OF_OTHERS:.0%}: {why}. To write bounds for this program: {UPDATE}"


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
        print(f"A part needs over {tolerance:.0%} more instructions than its bound. callgrind_annotate shows where (docs/PERFORMANCE.md). "
              f"To accept the counts: {UPDATE}")
    elif why is None and any(counted[name] < (1 - TOLERANCE) * bounds[name] for name in counted):
        print(f"A part needs fewer instructions than its bound. To lower the bound: {UPDATE}")
    return len(counted) - failed, failed


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench instructions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--update", action="store_true", help="write the counts to bounds.txt as the new bounds")
    asked = parser.parse_args()
    counted = count_all(asked.program)
    if asked.update:
        write_bounds(asked.program, counted)
    passed, failed = report(asked.program, counted)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
