#!/usr/bin/env python3
"""Draws the README's picture: the Nile's annual flow, filtered and forecast by `luna kalman`.

    docs/images/nile.py [LUNA [FILE]]    LUNA: the program, build/dev/bin/luna; FILE: nile.svg beside this script

The colours are legible on a light and on a dark page; the background is transparent.
"""
import json
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
SERIES = ROOT / "tests/vectors/kalman/nile.csv"
FIRST_YEAR, HORIZON, LEVEL = 1871, 20, 0.9

WIDTH, HEIGHT = 860, 360
LEFT, RIGHT, TOP, BOTTOM = 62, 830, 36, 328
FLOW_MIN, FLOW_MAX = 400, 1500
GREY, BLUE, ORANGE = "#768390", "#2f81f7", "#db8a1a"


def answer_of(luna):
    command = [luna, "kalman", SERIES, "--horizon", str(HORIZON), "--interval", str(LEVEL), "--output-format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def x(year):
    return round(LEFT + (year - FIRST_YEAR) * (RIGHT - LEFT) / 119, 1)


def y(flow):
    return round(BOTTOM - (flow - FLOW_MIN) * (BOTTOM - TOP) / (FLOW_MAX - FLOW_MIN), 1)


def points(first_year, flows):
    return [f"{x(first_year + i)},{y(flow)}" for i, flow in enumerate(flows)]


def line(first_year, flows, colour):
    return f'<polyline points="{" ".join(points(first_year, flows))}" fill="none" stroke="{colour}" stroke-width="2.5"/>'


def band(first_year, interval, colour):
    outline = points(first_year, interval["upper"]) + points(first_year, interval["lower"])[::-1]
    return f'<polygon points="{" ".join(outline)}" fill="{colour}" fill-opacity="0.22"/>'


def text(at_x, at_y, words, anchor="start", colour=GREY):
    return f'<text x="{at_x}" y="{at_y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def axes():
    for flow in range(FLOW_MIN, FLOW_MAX + 1, 200):
        yield f'<path d="M{LEFT} {y(flow)}H{RIGHT}" stroke="{GREY}" stroke-opacity="0.25"/>'
        yield text(LEFT - 8, y(flow) + 4, f"{flow}", "end")
    for year in range(1880, 1991, 10):
        yield text(x(year), BOTTOM + 20, f"{year}", "middle")
    yield text(LEFT, 16, "Annual flow of the Nile at Aswan, 10⁸ m³")


def legend():
    yield f'<circle cx="{LEFT + 330}" cy="12" r="2.6" fill="{GREY}"/>' + text(LEFT + 340, 16, "observed")
    yield text(LEFT + 430, 16, "filtered level, 90 % interval", colour=BLUE)
    yield text(LEFT + 626, 16, "forecast, 90 % interval", colour=ORANGE)


def drawing(answer):
    observed, forecast = answer["input_data"], answer["forecast"]
    next_year = FIRST_YEAR + len(observed)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">'
    yield "<title>The Nile series: observed, filtered, and forecast with intervals</title>"
    yield from axes()
    yield from legend()
    yield band(FIRST_YEAR, answer["intervals"][0], BLUE)
    yield band(next_year, forecast["intervals"][0], ORANGE)
    for point in points(FIRST_YEAR, observed):
        cx, cy = point.split(",")
        yield f'<circle cx="{cx}" cy="{cy}" r="2.6" fill="{GREY}"/>'
    yield line(FIRST_YEAR, answer["processed_results"], BLUE)
    yield line(next_year, forecast["mean"], ORANGE)
    yield "</svg>"


def main():
    defaults = [ROOT / "build/dev/bin/luna", FOLDER / "nile.svg"]
    luna, file = sys.argv[1:] + defaults[len(sys.argv) - 1 :]
    pathlib.Path(file).write_text("\n".join(drawing(answer_of(luna))) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
