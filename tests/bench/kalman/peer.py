"""statsmodels' and NumPy's side of scripts/bench kalman: "name nanoseconds", the best of several repetitions."""
import time
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
NILE = Path(__file__).resolve().parents[2] / "vectors" / "kalman" / "nile.csv"


def best_ns(repetitions, call):
    best = float("inf")
    for _ in range(repetitions):
        start = time.perf_counter_ns()
        call()
        best = min(best, time.perf_counter_ns() - start)
    return best


def series(count):
    t = np.arange(count)
    return 1000 + 100 * np.sin(0.01 * t) + 120 * np.sin(12.9898 * t) + np.where(t % 1000 == 0, 200, 0)


COUNT, LENGTH, NOISE, LEVEL = 1000, 100, 15099.0, 1469.1


def filter_complete(y, mean, variance):
    """The local level over all series at once, one step of time after another; no value may be missing."""
    a, p = y[0].copy(), np.full(COUNT, NOISE)
    mean[0], variance[0] = a, p
    for t in range(1, LENGTH):
        p = p + LEVEL
        gain = p / (p + NOISE)
        a = a + gain * (y[t] - a)
        p = gain * NOISE
        mean[t], variance[t] = a, p


def filter_with_missing(y, mean, variance):
    """The same with NaN for a missing value, which is what libkalman's batch takes."""
    a, p = y[0].copy(), np.full(COUNT, NOISE)
    mean[0], variance[0] = a, p
    for t in range(1, LENGTH):
        p = p + LEVEL
        seen = y[t] == y[t]
        gain = p / (p + NOISE)
        a = np.where(seen, a + gain * (y[t] - a), a)
        p = np.where(seen, gain * NOISE, p)
        mean[t], variance[t] = a, p


def numpy_batch():
    y = np.ascontiguousarray(series(COUNT * LENGTH).reshape(COUNT, LENGTH).T)
    mean, variance = np.empty_like(y), np.empty_like(y)
    for name, function in (("numpy_batch", filter_with_missing), ("numpy_complete_batch", filter_complete)):
        print(f"{name}_ns {best_ns(30, lambda: function(y, mean, variance)) / (COUNT * LENGTH):.6g}")


def statsmodels_filter():
    from statsmodels.tsa.statespace.structural import UnobservedComponents
    count = 10000
    model = UnobservedComponents(series(count), "llevel")
    parameters = [15099.0, 1469.1]
    print(f"statsmodels_loglik_ns {best_ns(5, lambda: model.loglike(parameters)) / count:.6g}")
    print(f"statsmodels_filter_ns {best_ns(3, lambda: model.filter(parameters)) / count:.6g}")
    nile = UnobservedComponents(np.loadtxt(NILE, comments="#"), "llevel")
    print(f"statsmodels_level_fit_ns {best_ns(5, lambda: nile.fit(disp=0)):.6g}")
    print(f"statsmodels_smooth_ns {best_ns(3, lambda: model.smooth(parameters)) / count:.6g}")


numpy_batch()
try:
    statsmodels_filter()
except ImportError:
    pass
