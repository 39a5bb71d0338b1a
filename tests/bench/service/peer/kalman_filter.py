"""A local-level Kalman filter in NumPy, a step at a time, as such services have it."""
import numpy as np

PROCESS_VARIANCE = 1469.1
MEASUREMENT_VARIANCE = 15099.0


def kalman_filter(results):
    observed = np.asarray(results, dtype=np.float64)
    state = np.zeros(len(observed))
    variance = np.zeros(len(observed))
    state[0] = observed[0]
    variance[0] = MEASUREMENT_VARIANCE
    for step in range(1, len(observed)):
        predicted = variance[step - 1] + PROCESS_VARIANCE
        gain = predicted / (predicted + MEASUREMENT_VARIANCE)
        state[step] = state[step - 1] + gain * (observed[step] - state[step - 1])
        variance[step] = (1 - gain) * predicted
    return state
