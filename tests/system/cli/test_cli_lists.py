"""luna account, key, plan list and audit show: filters and pages."""
import uuid

import pytest


@pytest.fixture(scope="module")
def tagged(stack):
    """Five accounts of a plan of their own; the second one is disabled."""
    tag = f"list-{uuid.uuid4()}"
    stack.luna("plan", "set", tag, "--rate", "10", "--burst", "10")
    ids = [stack.luna_json("account", "create", f"{tag}-{number}", "--plan", tag)["id"] for number in range(5)]
    stack.luna("account", "disable", str(ids[1]), "--reason", "test", "--yes")
    return tag, ids


def listed(stack, *arguments):
    return [record["id"] for record in stack.luna_json("account", "list", *arguments)]


def test_a_filter_by_plan_status_or_name_selects_others(stack, tagged):
    tag, ids = tagged
    assert listed(stack, "--plan", tag) == ids
    assert listed(stack, "--plan", tag, "--status", "disabled") == [ids[1]]
    assert listed(stack, "--plan", tag, "--status", "enabled") == [ids[0], *ids[2:]]
    assert listed(stack, "--name", f"{tag}-3") == [ids[3]]
    assert listed(stack, "--name", "%") == [], "a name is not a pattern"
    assert listed(stack, "--plan", "no-such-plan") == []


def test_pages_do_not_join_to_the_whole_list(stack, tagged):
    tag, ids = tagged
    found, after = [], "0"
    while True:
        page = listed(stack, "--plan", tag, "--limit", "2", "--after", after)
        found += page
        if len(page) < 2:
            break
        after = str(page[-1])
    assert found == ids
    cut = stack.luna("account", "list", "--plan", tag, "--limit", "2")
    assert cut.stderr == f"More follow: add --after {ids[1]}\n" and len(cut.stdout.splitlines()) == 3
    assert stack.luna("account", "list", "--plan", tag, "--limit", "5").stderr == ""


def test_plans_or_keys_have_no_pages(stack, tagged):
    tag, ids = tagged
    names = [plan["name"] for plan in stack.luna_json("plan", "list")]
    assert names == sorted(names)
    assert [plan["name"] for plan in stack.luna_json("plan", "list", "--after", names[0], "--limit", "1")] == names[1:2]
    account = str(ids[4])
    made = [stack.luna_json("key", "create", account)["key_id"] for _ in range(3)]
    stack.luna("key", "revoke", account, str(made[1]), "--yes")

    def keys(*arguments):
        return [key["key_id"] for key in stack.luna_json("key", "list", account, *arguments)]

    everything = keys()
    assert everything[1:] == made
    assert keys("--status", "revoked") == [made[1]] and keys("--status", "expired") == []
    assert keys("--status", "live") == [everything[0], made[0], made[2]]
    assert keys("--limit", "2", "--after", str(made[0])) == made[1:]


def test_events_of_another_kind_or_time_are_selected(stack, tagged):
    account = str(tagged[1][1])
    assert [event["kind"] for event in stack.luna_json("audit", "show", "--account", account, "--kind", "disable")] == ["disable"]
    assert stack.luna_json("audit", "show", "--account", account, "--until", "2020-01-01") == []
    assert stack.luna_json("audit", "show", "--account", account, "--since", "2999-01-01") == []
    newest = stack.luna_json("audit", "show", "--count", "3")
    assert len(newest) == 3 and newest == sorted(newest, key=lambda event: event["at"])
    assert stack.luna_json("audit", "show", "--kind", "no_such_kind") == []


@pytest.mark.parametrize("arguments, says", [
    (("account", "list", "--status", "gone"), "expected enabled, disabled, deleted or all"), (("account", "list", "--limit", "0"), "--limit"),
    (("account", "list", "--after", "x"), "--after"), (("key", "list", "1", "--status", "old"), "old"),
    (("audit", "show", "--since", "yesterday"), "--since")])
def test_a_wrong_filter_is_no_usage_error(stack, arguments, says):
    outcome = stack.luna(*arguments, check=False)
    assert outcome.returncode == 2 and says in outcome.stderr and outcome.stdout == ""


@pytest.mark.parametrize("condition, index", [
    ("plan = 'x' AND id > 0 ORDER BY id LIMIT 10", "accounts_plan"), ("disabled_at IS NOT NULL AND id > 0 ORDER BY id LIMIT 10", "accounts_disabled"),
    ("account_name ^@ 'x'", "accounts_name_start")])
def test_a_filter_has_no_index(db, condition, index):
    """A small table would be read whole; the planner is asked what it can do."""
    with db.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_sort = off")
        cursor.execute(f"EXPLAIN SELECT id FROM accounts WHERE {condition}")
        assert index in str(cursor.fetchall())
