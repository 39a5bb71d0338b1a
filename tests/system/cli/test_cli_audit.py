"""luna audit, migrate, health: proofs and diagnoses."""
import pytest
from luna_stack import wait_until
from syncd_process import running_syncd, settings_for

BODY = {"results": [1120, 1160, 963, 1210]}


@pytest.fixture
def booked(client, stack, account):
    for _ in range(2):
        assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    wait_until(lambda: stack.luna_json("account", "show", account.name)["quota_used"] == 2, what="the booking")
    return account


def test_a_true_log_is_found_changed(stack, booked):
    found = stack.luna_json("audit", "verify", "--account", booked.name)
    assert found["sound"] is True and found["faults"] == 0 and found["booked_units"] == 2 and found["accounts"] == 1


@pytest.mark.parametrize("change", ["delta = delta + 1", "actor = 'nobody'", "used_after = used_after - 1", "at = at - interval '1 second'"])
def test_a_changed_event_is_not_found(stack, db, booked, change):
    with db.cursor() as cursor:
        cursor.execute("ALTER TABLE quota_events DISABLE TRIGGER quota_events_final")
        try:
            cursor.execute("SELECT seq, delta, actor, used_after, at FROM quota_events WHERE account_id = %s AND kind = 'book' ORDER BY seq LIMIT 1", (booked.id,))
            seq, *before = cursor.fetchone()
            cursor.execute(f"UPDATE quota_events SET {change} WHERE account_id = %s AND seq = %s", (booked.id, seq))
            outcome = stack.luna("audit", "verify", "--account", booked.name, check=False)
            cursor.execute("UPDATE quota_events SET delta = %s, actor = %s, used_after = %s, at = %s WHERE account_id = %s AND seq = %s",
                           (*before, booked.id, seq))
        finally:
            cursor.execute("ALTER TABLE quota_events ENABLE TRIGGER quota_events_final")
    assert outcome.returncode == 1
    assert f"account {booked.id}, event {seq}: hash" in outcome.stderr
    assert stack.luna("audit", "verify", "--account", booked.name).returncode == 0


def test_a_balance_changed_by_hand_is_not_found(stack, db, booked):
    with db.cursor() as cursor:
        cursor.execute("UPDATE accounts SET quota_used = quota_used - 1 WHERE id = %s", (booked.id,))
        outcome = stack.luna("audit", "verify", "--account", booked.name, check=False)
        cursor.execute("UPDATE accounts SET quota_used = quota_used + 1 WHERE id = %s", (booked.id,))
    assert outcome.returncode == 1 and f"account {booked.id}: account" in outcome.stderr


def test_show_lacks_who_what_from_to_or_why(stack, booked):
    stack.luna("account", "set-limit", booked.name, "55", "--reason", "a bigger plan")
    events = stack.luna_json("audit", "show", "--account", booked.name)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    changed = events[-1]
    assert changed["kind"] == "limit_change" and changed["limit_after"] == 55 and changed["reason"] == "a bigger plan"
    assert changed["actor"].startswith("cli:")
    last_two = stack.luna_json("audit", "show", "--account", booked.name, "--count", "2")
    assert last_two == events[-2:]
    earlier = stack.luna_json("audit", "show", "--account", booked.name, "--before", str(changed["seq"]))
    assert earlier == events[:-1]


def test_before_is_taken_without_an_account(stack):
    assert stack.luna("audit", "show", "--before", "3", check=False).returncode == 2


def test_migrate_status_misses_one_or_up_applies_it_twice(stack):
    owner = {"LUNA_DATABASE_URL": stack.database_url("luna_owner"), "LUNA_DATABASE_URL_FILE": ""}
    rows = stack.luna_json("migrate", "status", **owner)
    assert rows and {row["state"] for row in rows} == {"applied"}
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert stack.luna_json("migrate", "up", **owner) == []


def test_the_wrong_role_for_a_migration_is_not_told_which_is_right(stack):
    outcome = stack.luna("migrate", "up", check=False)
    assert outcome.returncode == 78 and "luna_admin" in outcome.stderr and "luna_owner" in outcome.stderr


def test_health_finds_fault_with_a_whole_stack(stack):
    parts = {row["part"]: row for row in stack.luna_json("health")}
    assert set(parts) == {"postgresql", "schema", "redis", "quota-syncd", "workers"}
    assert {row["state"] for row in parts.values()} == {"ok"}


@pytest.mark.parametrize("setting, value, part", [
    ("LUNA_DATABASE_URL", "postgresql://127.0.0.1:1/luna", "postgresql"), ("LUNA_REDIS_URL", "redis://127.0.0.1:1", "redis"),
    ("LUNA_METRICS_LISTEN", "127.0.0.1:1", "quota-syncd"), ("LUNA_MONITOR_LISTEN", "127.0.0.1:1", "workers")])
def test_health_does_not_name_the_part_that_fails_or_what_to_do(stack, setting, value, part):
    outcome = stack.luna("health", check=False, **{setting: value, f"{setting}_FILE": ""})
    assert outcome.returncode == 1
    line = next(line for line in outcome.stdout.splitlines() if line.startswith(part))
    assert "FAILED" in line and ("start" in line or "set" in line)
    assert outcome.stdout.count("FAILED") == 1, "what follows from it is a part of its own"


def test_health_sends_somebody_to_restart_what_waits_for_a_store(stack, tmp_path):
    with running_syncd(tmp_path / "syncd.log", **settings_for(stack, LUNA_REDIS_URL="redis://127.0.0.1:1")) as daemon:
        daemon.await_page("/readyz", 503, "retrying")
        outcome = stack.luna("health", check=False, LUNA_METRICS_LISTEN=f"127.0.0.1:{daemon.port}")
    line = next(line for line in outcome.stdout.splitlines() if line.startswith("quota-syncd"))
    assert "retrying" in line and "start quota-syncd" not in line and "fix the reported cause" in line


def test_health_takes_a_missing_setting_for_no_store_that_is_down(stack):
    outcome = stack.luna("health", check=False, LUNA_REDIS_URL_FILE="")
    line = next(line for line in outcome.stdout.splitlines() if line.startswith("redis"))
    assert outcome.returncode == 1 and "LUNA_REDIS_URL is not set" in line and "start Redis" not in line
