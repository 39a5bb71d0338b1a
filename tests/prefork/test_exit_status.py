"""The last line of a master that ends by itself says why: that is where an operator looks."""
import json

from conftest import WAIT_S

EX_CONFIG = 78


def test_the_last_line_of_a_start_with_a_wrong_setting_lacks_the_reason(make_pool):
    pool = make_pool(LUNA_MONITOR_LISTEN="192.0.2.1:1", LUNA_LOG_LEVEL="error").start(ready=False)  # not an address of this host
    assert pool.process.wait(WAIT_S) == EX_CONFIG
    last = json.loads(pool.log_path.read_text(encoding="utf-8").splitlines()[-1])
    assert last["event"] == "stopped" and last["exit_status"] == EX_CONFIG
    assert "192.0.2.1:1" in last["reason"], last
