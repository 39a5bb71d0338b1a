"""Fits of truncated harmonics beside a likelihood that is coded here: dense generalised least squares, maximised from many starts.

The season of `harmonics` pairs that turn by 2 pi j / period in each step starts diffuse; beside it level, slope and noise. The
maximum is over the logarithms of the four variances, the scale concentrated out.
"""
import math
import subprocess

import numpy as np
import pytest
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from test_kalman import DRIVER

N = 120
PAIRS = [(48, 2), (48, 3), (168, 3), (365, 3), (365, 1)]


def series(period):
    """The series of a defect report: a sine of one unit of noise around ten."""
    return [round(10 + 3 * math.sin(2 * math.pi * t / period) + ((7919 * t % 101) - 50) / 100, 2) for t in range(N)]


class Dense:
    """-2 log L of a basic structural model, by its covariances; q are the variances over that of the noise."""

    def __init__(self, y, period, harmonics):
        t = np.arange(N)
        angles = [2 * math.pi * j / period for j in range(1, harmonics + 1)]
        self.y = np.array(y)
        self.design = np.column_stack([np.ones(N), t] + [f(a * t) for a in angles for f in (np.cos, np.sin)])
        steps = np.minimum.outer(t, t)  # disturbances that both have met
        # of the slope after s steps: sum over k < s of (s - 1 - k) (r - 1 - k)
        reach = np.maximum(t[:, None] - 1 - t[None, :], 0).astype(float)
        self.parts = [np.eye(N), steps.astype(float), reach @ reach.T, sum(np.cos(a * np.subtract.outer(t, t)) for a in angles) * steps]

    def sums(self, variances):
        covariance = sum(v * part for v, part in zip(variances, self.parts))
        root = np.linalg.cholesky(covariance)
        x, y = solve_triangular(root, self.design, lower=True), solve_triangular(root, self.y, lower=True)
        q, r = np.linalg.qr(x)
        left = y - q @ (q.T @ y)
        determinant = 2 * np.log(np.diag(root)).sum() + 2 * np.log(np.abs(np.diag(r))).sum()
        return determinant, left @ left

    def loglikelihood(self, variances):
        determinant, squares = self.sums(variances)
        return -0.5 * (N * math.log(2 * math.pi) + determinant + squares)

    def concentrated(self, logs):
        try:
            determinant, squares = self.sums([1.0, *np.exp(logs)])
        except np.linalg.LinAlgError:
            return 1e10
        m = N - self.design.shape[1]
        return 0.5 * (N * math.log(2 * math.pi) + determinant + m * (math.log(squares / m) + 1))

    def maximum(self):
        random, best = np.random.default_rng(1), math.inf
        starts = [[-3, -8, -5], [-8, -14, -8], [-25, -25, -25], [0, -6, -3], *random.uniform(-16, 1, (8, 3))]
        for start in starts:
            found = minimize(self.concentrated, start, method="L-BFGS-B", bounds=[(-40, 8)] * 3)
            best = min(best, found.fun)
            best = min(best, minimize(self.concentrated, found.x, method="Nelder-Mead",
                                      options={"maxiter": 400, "xatol": 1e-7, "fatol": 1e-10}).fun)
        return -best


@pytest.mark.parametrize("period,harmonics", PAIRS)
def test_a_fit_of_harmonics_is_below_the_maximum(tmp_path, period, harmonics):
    y = series(period)
    file = tmp_path / "y.csv"
    file.write_text("\n".join(map(repr, y)))
    run = subprocess.run([DRIVER, file, "basic_structural", f"period={period}", f"harmonics={harmonics}"], capture_output=True, text=True,
                         check=True)
    said = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    dense = Dense(y, period, harmonics)
    variances = [float(said[f"{name}_variance"]) for name in ("observation", "level", "slope", "seasonal")]
    ours = float(said["loglikelihood"])
    assert ours == pytest.approx(dense.loglikelihood(variances), abs=1e-6)
    assert ours >= dense.maximum() - 1e-6
