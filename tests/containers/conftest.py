"""One project for all tests: built and started once, taken down at the end."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from engine import Project, find_engine, wait_until


@pytest.fixture(scope="session")
def project(tmp_path_factory, request):
    found, reason = find_engine()
    if found is None:
        pytest.skip(reason)
    made = Project(found, tmp_path_factory.mktemp("tree"), f"lunatest{os.getpid()}")
    made.copy_tree()
    made.build()
    try:
        made.up()
        ready = ["curl", "-skf", "-m", "3", f"{made.url}/readyz"]
        wait_until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "a ready service")
        for index in range(len(made.containers("worker"))):
            wait_until(lambda index=index: made.is_ready("worker", index), "every pool ready")
        made.fetch_ca()
        made.luna("plan", "set", "load", "--rate", "1000000", "--burst", "1000000")
        yield made
    finally:
        if request.session.testsfailed:
            made.show_trouble()
        made.down()
        for network in made.leftovers()[2]:
            made.run(made.engine, "network", "rm", network, check=False)
        shutil.rmtree(made.folder, ignore_errors=True)
