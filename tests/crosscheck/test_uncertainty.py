"""Standard errors of fitted parameters beside statsmodels and R.

statsmodels' are the inverse of minus the Hessian of its own likelihood at our estimates: the same function, so the same
numbers to what differences of a likelihood allow, and to what its steady state leaves. R's come with its fit.
"""
import math
import subprocess

import pytest

from test_kalman import DRIVER, HERE, PYTHON, arima_words, folder, kalman, r, variances  # noqa: F401 (fixtures)

# case: series, kind, settings; statsmodels' model and settings; its parameters, by our names
CASES = {
    "nile": ("Nile", "local_level", (), "level", "0", ("observation_variance", "level_variance")),
    "drivers": ("drivers", "local_level", (), "level", "0", ("observation_variance", "level_variance")),
    "nottem": ("nottem", "seasonal", ("period=12",), "season", "12",
               ("observation_variance", "level_variance", "seasonal_variance")),
    "airline": ("arima_airline", "arima", ("d=1", "q=1", "D=1", "Q=1", "period=12"), "arima", "0,1,1,0,1,1,12",
                ("ma1", "seasonal_ma1", "innovation_variance")),
    "www": ("arima_www", "arima", ("p=3", "d=1"), "arima", "3,1,0,0,0,0,0",
            ("ar1", "ar2", "ar3", "innovation_variance")),
    "lh": ("arma_lh11", "arima", ("p=1", "q=1"), "arima", "1,0,1,0,0,0,0", ("ar1", "ma1", "innovation_variance")),
}


def fitted(folder, case):
    name, kind, settings, *_ = CASES[case]
    text = subprocess.run([DRIVER, folder / f"{name}.csv", kind, *settings, "errors"], capture_output=True, text=True,
                          check=True).stdout
    rows = [line.split() for line in text.splitlines()]
    values = {row[0]: float(row[1]) for row in rows if len(row) == 2 and row[0] not in ("status", "kind", "reason", "scale")}
    names = [row[0] for row in rows[[row[0] for row in rows].index("kind") + 1:] if row[0] != "error"]
    errors = dict(zip(names, ([float(x) for x in row[1:]] for row in rows if row[0] == "error")))
    return values, errors


@pytest.fixture(scope="module")
def ours(r, folder):
    return {case: fitted(folder, case) for case in CASES}


@pytest.fixture(scope="module")
def theirs(ours, folder):
    lines = [" ".join([case, str(folder / f"{name}.csv"), model, settings, *(repr(ours[case][0][n]) for n in names)])
             for case, (name, _, _, model, settings, names) in CASES.items()]
    run = subprocess.run([PYTHON, HERE / "uncertainty_reference.py"], input="\n".join(lines), capture_output=True,
                         text=True, check=True)
    return {line.split()[0]: [float(x) for x in line.split()[1:]] for line in run.stdout.splitlines()}


@pytest.mark.parametrize("case", CASES)
def test_standard_errors_are_those_of_statsmodels(ours, theirs, case):
    values, errors = ours[case]
    for name, reference in zip(CASES[case][5], theirs[case], strict=True):
        if math.isnan(errors[name][0]):  # on the edge: then the others are not the same quantity either
            assert values[name] == 0
            pytest.fail(f"{case}: {name} is on the edge, choose another series")
        assert errors[name][0] == pytest.approx(reference, rel=1e-4), name


@pytest.mark.parametrize("case", ("airline", "www"))
def test_standard_errors_of_r_are_ours(r, ours, case):
    name, _, _, _, _, names = CASES[case]
    for error, ours_name in zip(r[name, "arima_errors"], names):
        assert ours[case][1][ours_name][0] == pytest.approx(error, rel=5e-3)


@pytest.mark.parametrize("case", CASES)
def test_an_interval_holds_the_estimate_and_stays_in_the_domain(ours, case):
    values, errors = ours[case]
    for name, (error, lower, upper) in errors.items():
        assert lower < values[name] < upper and error > 0
        assert lower > 0 or not name.endswith("variance")
