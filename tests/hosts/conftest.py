"""One cluster for all tests of this folder, in the network namespace that the suite made."""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))

from cluster import Cluster  # noqa: E402


@pytest.fixture(scope="session")
def cluster():
    interfaces = pathlib.Path("/proc/net/dev").read_text(encoding="utf-8").count(":")
    if interfaces != 1:
        pytest.skip("not in a network namespace of its own: run scripts/test --long hosts, as root")
    folder = tempfile.mkdtemp(prefix="luna-hosts-")
    pathlib.Path(folder).chmod(0o755)
    made = Cluster(folder)
    try:
        made.start()
        yield made
        assert made.secrets_in_logs() == [], "the logs of the whole test run hold secrets"
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
