"""Standard errors by statsmodels at given parameters: the inverse of minus the Hessian of its likelihood.

Reads lines "CASE FILE MODEL SETTINGS PARAMETERS.." on standard input, settings and parameters separated by commas, and prints
"CASE ERROR..": MODEL is level, trend, season (period), arima (p,d,q,P,D,Q,s). Parameters are statsmodels' own, in its order.
"""
import sys
import warnings

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents


def model_of(series, name, settings):
    if name == "level":
        return UnobservedComponents(series, level="llevel", use_exact_diffuse=True)
    if name == "season":
        return UnobservedComponents(series, level="llevel", seasonal=settings[0], use_exact_diffuse=True)
    p, d, q, P, D, Q, s = settings
    # Differenced first, so that the likelihood is that of the differences.
    return SARIMAX(series, order=(p, d, q), seasonal_order=(P, D, Q, s), simple_differencing=True)


def hessian(model, at):
    """By differences of fourth order of the likelihood, whose steps are a hundredth of an error that is small enough."""
    at = np.array(at)
    count = len(at)

    def value(steps):
        return model.loglike(at + steps, transformed=True)

    centre, size = value(np.zeros(count)), 1e-3 * np.abs(at)
    for i in range(count):
        e = np.eye(count)[i] * size[i]
        curvature = (2 * centre - value(e) - value(-e)) / size[i] ** 2
        size[i] = 0.02 / np.sqrt(curvature)
    result = []
    for factor in (1, 2):
        h, matrix = factor * size, np.zeros((count, count))
        for i in range(count):
            for j in range(i + 1):
                a, b = np.eye(count)[i] * h[i], np.eye(count)[j] * h[j]
                matrix[i, j] = matrix[j, i] = (value(a + b) - value(a - b) - value(b - a) + value(-a - b)) / (4 * h[i] * h[j])
        result.append(matrix)
    return (4 * result[0] - result[1]) / 3


def main():
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        case, file, name, settings, *parameters = line.split()
        series = np.genfromtxt(file, missing_values="NA")
        model = model_of(series, name, [int(s) for s in settings.split(",")])
        errors = np.sqrt(np.diag(np.linalg.inv(-hessian(model, [float(p) for p in parameters]))))
        print(case, *(repr(float(e)) for e in errors))


if __name__ == "__main__":
    main()
