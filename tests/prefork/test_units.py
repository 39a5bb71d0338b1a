"""The systemd units: hardened, well-formed, and about settings that exist."""
import re
import subprocess

from conftest import BIN, ROOT, WAIT_S

UNITS = ROOT / "conf" / "systemd"
SERVICE = UNITS / "luna-worker@.service"


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=WAIT_S)


def test_the_exposure_is_over_two():
    outcome = analyze("security", "--offline=true", "--no-pager", str(SERVICE))
    level = re.search(r"Overall exposure level.*: ([0-9.]+)", outcome.stdout)
    assert level, outcome.stderr
    assert float(level[1]) <= 2.0
    print(level[0])


def test_a_unit_is_complained_about(tmp_path):
    for unit in UNITS.glob("luna-worker@.*"):
        text = unit.read_text(encoding="utf-8").replace("/usr/sbin/fcgi-worker", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    outcome = analyze("verify", "--man=no", str(tmp_path / SERVICE.name), str(tmp_path / "luna-worker@.socket"))
    ours = [line for line in outcome.stderr.splitlines() if "luna-worker" in line]
    assert ours == []


def test_a_unit_names_a_setting_that_does_not_exist():
    help_text = subprocess.run([BIN / "fcgi-worker-fake", "--help"], capture_output=True, text=True, check=True, timeout=WAIT_S).stdout
    named = set(re.findall(r"LUNA_[A-Z_]+", "".join(unit.read_text(encoding="utf-8") for unit in UNITS.glob("luna-worker@.*"))))
    assert named and all(name in help_text for name in named)
