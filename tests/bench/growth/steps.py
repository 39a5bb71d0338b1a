"""What the parts cost by themselves: the figures of the benches in C, beside jansson in the same run."""
import re
import subprocess

from luna_stack import BUILD

MODELLING = re.compile(r"^(.+?) +([\d.]+) B/number +decode +([\d.]+) ns +\(jansson +([\d.]+), x *([\d.]+)\) +encode +([\d.]+) ns +"
                       r"\(jansson +([\d.]+), x *([\d.]+)\)$", re.MULTILINE)
ADMISSION = re.compile(r"admission: ([\d.]+) us of Redis, ([\d.]+) us admit and commit")
FIELDS = ("bytes", "decode_ns", "jansson_decode_ns", "decode_times", "encode_ns", "jansson_encode_ns", "encode_times")


def said_by(program, *arguments):
    return subprocess.run([BUILD / "bin" / program, *arguments], check=True, capture_output=True, text=True, timeout=600).stdout


def by_step(bench):
    numbers = {row[0]: dict(zip(FIELDS, map(float, row[1:])))
               for row in MODELLING.findall(said_by("bench_modelling", "100000", "3" if bench.quick else "25"))}
    kalman = dict(line.split() for line in said_by("bench_kalman").splitlines())
    redis, both = map(float, ADMISSION.search(said_by("bench_store", "0")).groups())
    return {"numbers": numbers, "kalman": {name: float(value) for name, value in kalman.items()}, "redis_us": redis, "admit_us": both}
