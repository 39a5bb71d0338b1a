"""What statsmodels says about the series that kalman_reference.R wrote, in the same form: NAME TAB KEY TAB VALUES.

Usage: kalman_reference.py DIR.  Exact diffuse start throughout; every likelihood has -log(2 pi)/2 for all observations.
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from statsmodels.tsa.statespace.structural import UnobservedComponents

LEVELS = ("Nile", "drivers", "treering", "LakeHuron", "discoveries", "lynx", "sunspot", "nhtemp", "uspop", "airmiles",
          "BJsales", "rivers")
SEASONAL = {"UKgas": 4, "AirPassengers": 12, "JohnsonJohnson": 4, "nottem": 12, "co2": 12, "USAccDeaths": 12}


def say(name, key, values):
    print(name, key, " ".join(repr(float(v)) for v in np.atleast_1d(values)), sep="\t")


def compare(name, kind, y, **structure):
    model = UnobservedComponents(y, use_exact_diffuse=True, **structure)
    # In units of the data's variance: statsmodels' optimiser stops where it starts on data of
    # another size.
    fit = model.fit(disp=0, maxiter=500)
    result = model.smooth(fit.params)
    states = 0 if "seasonal" not in structure else 2 if kind == "sm_bsm" else 1
    signal = result.smoothed_state[0] + (result.smoothed_state[states] if states else 0)
    filtered = result.filtered_state[0] + (result.filtered_state[states] if states else 0)
    say(name, kind, fit.params)
    say(name, kind + "_llf", result.llf)
    say(name, kind + "_filtered", filtered)
    say(name, kind + "_smoothed", signal)
    say(name, kind + "_diffuse", result.nobs_diffuse)


def main(directory):
    warnings.simplefilter("ignore")
    read = lambda name: np.genfromtxt(Path(directory) / f"{name}.csv", missing_values="NA")
    for name in LEVELS:
        compare(name, "sm_level", read(name), level="llevel")
        if name != "treering":
            compare(name, "sm_trend", read(name), level="lltrend")
    for name, period in SEASONAL.items():
        compare(name, "sm_bsm", read(name), level="lltrend", seasonal=period)
        compare(name, "sm_seasonal", read(name), level="llevel", seasonal=period)


if __name__ == "__main__":
    main(sys.argv[1])
