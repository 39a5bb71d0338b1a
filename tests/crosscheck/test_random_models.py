"""Random models beside dense least squares in extended precision: all within 1e-9, none excused. --long has 3,000 models of
each of five seeds.
"""
import os
import subprocess

import pytest

from test_kalman import BUILD

PROGRAM = BUILD / "bin" / "random_models"


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_model_differs_from_dense_least_squares(seed, capsys):
    models = "3000" if os.environ.get("LUNA_LONG") else "600"
    run = subprocess.run([PROGRAM, models, str(seed), "1"], capture_output=True, text=True)
    with capsys.disabled():
        print(run.stdout, end="")
    assert run.returncode == 0, run.stdout + run.stderr
