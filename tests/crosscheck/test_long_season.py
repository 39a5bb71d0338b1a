"""The airline model of a year of days beside a likelihood that is coded here: that of the differences, which are a moving average
of 366 steps, by Cholesky's factor of their covariance. What is missing is integrated out: the differences are projected on what
does not depend on it.
"""
import math

import numpy as np
import pytest
from scipy.linalg import cholesky, solve_triangular, toeplitz
from scipy.optimize import minimize

from test_kalman import kalman

N, PERIOD = 800, 365
GAPS = [3, 100, 364, 400, 401, 402, 403, 500, 730, 799]


def series():
    level, y = 20.0, []
    for t in range(N):
        level += ((613 * t * t + 7 * t) % 97 - 48) / 100
        y.append(round(level + 8 * math.sin(2 * math.pi * t / PERIOD) + ((7919 * t % 101) - 50) / 25, 2))
    return y


def differences(values):
    change = values[1:] - values[:-1]
    return change[PERIOD:] - change[:-PERIOD]


class Differences:
    """The log density of the observed values given what the start consumes; the variance of the innovations concentrated out."""

    def __init__(self, y, gaps):
        self.gaps = gaps
        if not gaps:
            self.values, self.constant = differences(np.array(y)), 0.0
            return
        effect = differences(np.eye(N)[:, gaps])
        q, r = np.linalg.qr(effect, mode="complete")
        self.basis, self.constant = q[:, len(gaps):], -np.log(np.abs(np.diag(r))).sum()
        filled = np.array([0.0 if t in gaps else value for t, value in enumerate(y)])
        self.values = self.basis.T @ differences(filled)

    def loglikelihood(self, theta, seasonal_theta):
        ma = np.zeros(N + 1)
        ma[[0, 1, PERIOD, PERIOD + 1]] = 1, theta, seasonal_theta, theta * seasonal_theta
        covariance = toeplitz([ma[:len(ma) - k] @ ma[k:] for k in range(N - PERIOD - 1)])
        root = cholesky(self.basis.T @ covariance @ self.basis if self.gaps else covariance, lower=True)
        left = solve_triangular(root, self.values, lower=True)
        n = len(left)
        return self.constant - np.log(np.diag(root)).sum() - 0.5 * n * (math.log(2 * math.pi * (left @ left) / n) + 1)

    def maximum(self):
        return -minimize(lambda x: -self.loglikelihood(*np.tanh(x)), [0.0, 0.0], method="Nelder-Mead",
                         options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 60}).fun


def fitted(folder, y):
    (folder / "y.csv").write_text("\n".join(y))
    ours = kalman(folder, "y", "arima", "d=1", "q=1", "D=1", "Q=1", f"period={PERIOD}")
    assert ours.status == "interior"
    return ours.marginal, ours.ma1, ours.seasonal_ma1


def test_a_fit_of_a_year_of_days_is_below_the_maximum(tmp_path):
    ours, theta, seasonal_theta = fitted(tmp_path, map(repr, series()))
    theirs = Differences(series(), [])
    assert ours == pytest.approx(theirs.loglikelihood(theta, seasonal_theta), abs=1e-6)
    assert ours >= theirs.maximum() - 1e-6


def test_a_fit_of_a_year_of_days_with_gaps_is_below_its_neighbours(tmp_path):
    y = series()
    ours, theta, seasonal_theta = fitted(tmp_path, ("NA" if t in GAPS else repr(value) for t, value in enumerate(y)))
    theirs = Differences(y, GAPS)
    assert ours == pytest.approx(theirs.loglikelihood(theta, seasonal_theta), abs=1e-6)
    for step, seasonal_step in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert ours > theirs.loglikelihood(theta + step, seasonal_theta + seasonal_step)
