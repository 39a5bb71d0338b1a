"""luna account, key, plan, usage: what they print, what they change, what they exit with."""
import json
import re
import uuid

import pytest
from luna_stack import wait_until

BODY = {"results": [1120, 1160, 963, 1210]}


def post(client, account, key=None):
    return client.post(account.url, headers={"X-API-Key": key or account.key}, json=BODY).status_code


def test_a_key_can_be_read_again_after_its_creation(stack):
    made = stack.luna_json("account", "create", f"cli-{uuid.uuid4()}", "--quota", "7")
    assert re.fullmatch("luna_live_[a-z2-7]{33}", made["api_key"])
    assert made["quota_limit"] == 7 and made["quota_used"] == 0 and made["disabled"] is False
    shown = stack.luna("account", "show", str(made["id"]), "--json").stdout
    assert made["api_key"] not in shown
    assert "api_key" not in json.loads(shown)
    assert made["api_key"] not in stack.luna("key", "list", str(made["id"])).stdout


def test_text_says_otherwise_than_json(stack, account):
    record = stack.luna_json("account", "show", account.name)
    lines = dict(line.split(None, 1) for line in stack.luna("account", "show", str(account.id)).stdout.splitlines())
    assert lines["id"] == str(record["id"]) and lines["name"] == record["name"] and lines["disabled"] == "no"
    assert lines["quota_limit"] == str(record["quota_limit"])
    assert account.id in [row["id"] for row in stack.luna_json("account", "list")]
    assert account.name in stack.luna("account", "list").stdout


@pytest.mark.parametrize("arguments, status, says", [
    (("account", "show", "999999999"), 3, "account"),
    (("account", "show", "no-such-name"), 3, "no-such-name"),
    (("account", "set-limit", "999999999", "5"), 3, "account"),
    (("account", "set-limit", "1", "-5"), 2, "-5"),
    (("account", "set-limit", "1", "2147483648"), 2, "2147483647"),
    (("account", "create"), 2, "NAME"),
    (("account", "create", "x", "--quota", "many"), 2, "many"),
    (("account", "create", "x", "--plan", "no-such-plan"), 3, "no-such-plan"),
    (("account", "destroy", "1"), 2, "destroy"),
    (("acount", "list"), 2, "Did you mean: luna account list"),
    (("klman", "series.csv"), 2, 'unknown command "klman"\nDid you mean: luna kalman'),
    (("account", "show-all"), 2, 'unknown command "account show-all"'),
    (("account", "show", "1", "--jsno"), 2, "Did you mean: --json"),
    (("kalman", "series.csv", "--modle", "x"), 2, "Did you mean: --model"),
    (("plan", "show", "no-such-plan"), 3, "no-such-plan"),
    (("plan", "set", "fresh-plan"), 2, "--rate"),
    (("key", "revoke", "1", "x", "--yes"), 2, "the key id"),
    (("account", "rotate-key", "1", "--grace", "8d"), 2, "8d"),
])
def test_a_fault_has_another_status_or_does_not_name_what_is_wrong(stack, arguments, status, says):
    outcome = stack.luna(*arguments, check=False)
    assert outcome.returncode == status, outcome.stderr
    assert says in outcome.stderr and outcome.stdout == ""


def test_a_name_that_is_taken_is_no_conflict(stack, account):
    outcome = stack.luna("account", "create", account.name, check=False)
    assert outcome.returncode == 4 and account.name in outcome.stderr


def test_a_database_that_is_away_is_not_status_69(stack):
    outcome = stack.luna("account", "list", check=False, LUNA_DATABASE_URL="postgresql://127.0.0.1:1/luna", LUNA_DATABASE_URL_FILE="")
    assert outcome.returncode == 69 and outcome.stderr.startswith("luna: ")


def test_disable_or_enable_takes_effect_late(client, stack, account):
    assert post(client, account) == 200
    assert stack.luna_json("account", "disable", str(account.id), "--reason", "unpaid", "--yes")["disabled"] is True
    assert post(client, account) == 403
    assert stack.luna_json("account", "enable", str(account.id))["disabled"] is False
    wait_until(lambda: post(client, account) == 200, what="the enabled account")
    kinds = [event["kind"] for event in stack.luna_json("audit", "show", "--account", str(account.id))]
    assert "disable" in kinds and "enable" in kinds


def test_a_rotation_ends_a_key_in_its_grace_or_keeps_one_without(client, stack, account):
    second = stack.luna_json("account", "rotate-key", str(account.id), "--grace", "1h")["api_key"]
    assert post(client, account) == 200
    wait_until(lambda: post(client, account, second) == 200, what="the new key")
    third = stack.luna_json("account", "rotate-key", str(account.id), "--yes")["api_key"]
    assert post(client, account, second) == 403
    wait_until(lambda: post(client, account, third) == 200, what="the newest key")


def test_a_rotated_key_is_lost_when_redis_is_away(client, stack, account):
    outcome = stack.luna("account", "rotate-key", str(account.id), "--yes", "--json", check=False,
                         LUNA_REDIS_URL="redis://127.0.0.1:1", LUNA_REDIS_URL_FILE="")
    assert outcome.returncode == 69 and "127.0.0.1 port 1" in outcome.stderr
    fresh = json.loads(outcome.stdout)["api_key"]
    wait_until(lambda: post(client, account, fresh) == 200, what="the new key, by quota-syncd")
    assert post(client, account) == 403


def test_an_extra_key_ends_early_or_outlives_its_revocation(client, stack, account):
    made = stack.luna_json("key", "create", str(account.id), "--scopes", "model")
    wait_until(lambda: post(client, account, made["api_key"]) == 200, what="the extra key")
    assert made["key_id"] in [row["key_id"] for row in stack.luna_json("key", "list", str(account.id))]
    stack.luna("key", "revoke", str(account.id), str(made["key_id"]), "--reason", "leaked", "--yes")
    assert post(client, account, made["api_key"]) == 403
    assert post(client, account) == 200


def test_a_plan_cannot_be_changed_while_requests_run(client, stack, account_factory):
    name = f"plan-{uuid.uuid4()}"
    stack.luna("plan", "set", name, "--rate", "100", "--burst", "100", "--points-max", "3", "--quota", "50")
    account = account_factory(60, "--plan", name)
    assert post(client, account) == 422
    changed = stack.luna_json("plan", "set", name, "--points-max", "10")
    assert changed["rate_per_s"] == 100 and changed["points_max"] == 10 and changed["quota_limit"] == 50
    wait_until(lambda: post(client, account) == 200, what="the wider plan")
    assert stack.luna_json("plan", "show", name) == changed


def test_a_plan_whose_change_was_left_half_done_stays_so(stack, account_factory, db):
    """As if `luna plan set` had been killed between the change and the first of its accounts."""
    name = f"plan-{uuid.uuid4()}"
    stack.luna("plan", "set", name, "--rate", "100", "--burst", "100")
    account = account_factory(60, "--plan", name)
    with db.cursor() as cursor:
        cursor.execute("SELECT luna_plan_put(%s, 7, 100, NULL, 'none', 0, 0, 'killed')", (name,))
        shown = stack.luna_json("plan", "show", name)
        assert (shown["rate_per_s"], shown["changing"]) == (7, True)
        cursor.execute("UPDATE plan_changes SET stepped_at = now() - interval '11 seconds' WHERE plan = %s", (name,))
        wait_until(lambda: not stack.luna_json("plan", "show", name)["changing"], what="the end of the change")
        cursor.execute("SELECT kind, actor FROM quota_events WHERE account_id = %s ORDER BY seq DESC LIMIT 1", (account.id,))
        assert cursor.fetchone() == ("plan_change", "killed")


def test_usage_leaves_out_what_is_not_booked_yet(client, stack, account):
    for _ in range(3):
        assert post(client, account) == 200
    usage = stack.luna_json("usage", account.name)
    assert usage["used"] == 3 and usage["remaining"] == usage["quota_limit"] - 3 and usage["live"] is True
    wait_until(lambda: sum(day["units"] for day in stack.luna_json("usage", account.name)["days"]) == 3, what="the day's booking")
    assert "units" in stack.luna("usage", account.name).stdout


def test_key_find_reads_the_key_from_elsewhere_than_standard_input(stack, account):
    outcome = stack.luna("key", "find", str(account.id), account.key, check=False)
    assert outcome.returncode == 2


def test_control_bytes_of_a_name_reach_the_terminal(stack):
    name = f"cli-\x1b[31m{uuid.uuid4()}"
    outcome = stack.luna("account", "create", name, check=False)
    if outcome.returncode == 0:
        assert "\x1b" not in outcome.stdout
    else:
        assert outcome.returncode == 2
