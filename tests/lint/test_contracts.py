"""What C shares with Lua and SQL stands in one table each; a build in which the two differ stops."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORE = "libluna/store"
SCRIPT, SQL = f"{STORE}/quota/lua/admit.lua", "sql/0006_syncd.sql"
OUTCOMES, REPLY = f"{STORE}/include/luna/store/admission_outcomes.def", f"{STORE}/quota/admit_reply.def"
REPLIES, LUA = f"{STORE}/quota/script_replies.def", f"{STORE}/quota/lua"
LEASE, REDUCE, ROLL = f"{LUA}/lease.lua", f"{LUA}/reduce.lua", f"{LUA}/roll.lua"
STATUSES, SQLSTATES = f"{STORE}/booking/book_status.def", f"{STORE}/client/sqlstates.def"
TEXTS, REFUND = f"{STORE}/quota/script_texts.def", f"{LUA}/refund.lua"
PERIODS, SCOPES = f"{STORE}/include/luna/store/period_kinds.def", f"{STORE}/include/luna/store/scopes.def"


def cmake(script, out, **values):
    command = ["cmake", *(f"-D{name}={value}" for name, value in values.items()), f"-DOUT={out}", "-P", ROOT / STORE / script]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def build(root):
    """The steps of libluna/store/CMakeLists.txt; the first that fails."""
    paths = {"SCRIPT": root / SCRIPT, "OUTCOMES": root / OUTCOMES, "REPLY": root / REPLY, "TEXTS": root / TEXTS}
    made = cmake("AdmitScript.cmake", root / "admit.lua", **paths)
    files = ";".join(str(path) for path in sorted((root / "sql").glob("*.sql")))
    tables = {"STATUSES": root / STATUSES, "SQLSTATES": root / SQLSTATES, "PERIODS": root / PERIODS, "SCOPES": root / SCOPES, "TEXTS": root / TEXTS}
    checked = cmake("SqlContract.cmake", root / "agrees", FILES=files, **tables)
    small = [cmake("ReplyScript.cmake", root / path.name, SCRIPT=path, REPLIES=root / REPLIES, TEXTS=root / TEXTS)
             for path in sorted((root / LUA).glob("*.lua")) if path.name != "admit.lua"]
    return next((step for step in (made, checked, *small) if step.returncode), made)


@pytest.fixture(name="tree")
def copied_tree(tmp_path):
    for path in (OUTCOMES, REPLY, REPLIES, STATUSES, SQLSTATES, PERIODS, SCOPES, TEXTS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copytree(ROOT / LUA, tmp_path / LUA)
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    return tmp_path


def test_the_tree_itself_does_not_agree(tree):
    outcome = build(tree)
    assert outcome.returncode == 0, outcome.stderr


FIELDS = (ROOT / REPLY).read_text(encoding="utf-8").count("\nFIELD(")

# One side changed, and what the build has to say of it.
MUTATIONS = [
    (OUTCOMES, r"X\(LUNA_ADMIT_REPLAY, 1\)", "", "REPLAY is not in"),
    (OUTCOMES, r"(X\(LUNA_ADMIT_UNAVAILABLE, 12\))", r"\1\nX(LUNA_ADMIT_PAYMENT_DUE, 99)", "it never replies PAYMENT_DUE"),
    (SCRIPT, r"outcome, retry_ms = RATE_LIMITED,", "outcome, retry_ms = RATE_LIMTED,", "RATE_LIMTED is not in"),
    (REPLY, r"FIELD\(points_max\)\n", "", f"a reply gives {FIELDS} fields"),
    (REPLY, r"FIELD\(retry_ms\)", "FIELD(retry_s)", "does not give retry_s"),
    (REPLY, r"FIELD\(outcome\)(.*\n)FIELD\(epoch\)", r"FIELD(epoch)\1FIELD(outcome)", "the outcome comes first"),
    (SCRIPT, r"  key_scopes = .*\n", "", f"a reply gives {FIELDS - 1} fields"),
    (REPLIES, r"REPLY\(LEASE, LOADED, 2\)", "", "LOADED is not in"),
    (REPLIES, r"(REPLY\(LEASE, LOADED, 2\))", r"\1\nREPLY(LEASE, STOLEN, 3)", "it never replies STOLEN"),
    (LEASE, r"answer\(GRANTED\)", "answer(GIVEN)", "GIVEN is not in"),
    (OUTCOMES, r"REPLAY, 1\)", "REPLAY, -1)", "the number -1 has another word"),
    (REPLIES, r"GRANTED, 1\)", "GRANTED, 0)", "the number 0 has another word"),
    (SCRIPT, r"pack\('<i8', COLD\)", "pack('<i8', -7)", "replies what no table has"),
    (SCRIPT, r"outcome, retry_ms = RATE_LIMITED,", "outcome, retry_ms = 9.5,", "is an outcome that no table has"),
    (SCRIPT, r"outcome = TOO_MANY_POINTS", "outcome = 8", "is an outcome that no table has"),
    (SCRIPT, r"replay and REPLAY or ALLOWED", "replay and REPLAY or 0", "is an outcome that no table has"),
    (f"{LUA}/finish.lua", "return STANDS", "return 1", "replies what no table has"),
    (REDUCE, "return VOID", "return -2", "replies what no table has"),
    (REDUCE, r"return tonumber\(cost\)", "return tonumber(cost) + 1", "replies what no table has"),
    (ROLL, "TOO_EARLY or NOT_LOADED", "TOO_EARLY or 0", "replies what no table has"),
    (f"{LUA}/ack.lua", "return NOTHING", "return 0", "replies what no table has"),
    (f"{LUA}/push.lua", "return PUSHED", "return 1", "replies what no table has"),
    (f"{LUA}/drop.lua", "return DROPPED", "return v", "replies what no table has"),
    (f"{LUA}/spend.lua", "return SPENT", "return 1", "replies what no table has"),
    (f"{LUA}/refund.lua", "return NOTHING", "return 0", "replies what no table has"),
    (REPLIES, r"(REPLY\(ROLL, CURRENT, 1\))", r"\1\nREPLY(ROLL, STUCK, 2)", "it never replies STUCK"),
    (LEASE, r"return reply {\n.*\n.*\n *}", "return {outcome, now_ms}", "replies what no table has"),
    (f"{LUA}/inspect.lua", "  base = .*\n", "", "a reply gives 12 fields"),
    (f"{LUA}/reap.lua", "  rolls = ", "  ends = ", "does not give rolls"),
    (REPLIES, r"REAP_FIELD\(strict\)", "REAP_FIELD(mode)", "does not give mode"),
    (SCRIPT, r"string.match\(v\[20\], MARK\)", "string.match(v[20], '^(%d+) (%w+)')", "has a text that no table has"),
    (SCRIPT, r"MARK { wseq = ARGV.wseq, charged", "MARK { wseq = ARGV.wseq, charge", "MARK has the parts"),
    (SCRIPT, "== STAGE_CHECK", "== 'check'", "has a text that no table has"),
    (SCRIPT, "== STAGE_CHECK", "== STAGE_CHEK", "STAGE_CHEK is not in"),
    (SCRIPT, "from_ms, until_ms, used_s, key_rate, key_burst, networks =\n", "from_ms, until_ms, key_rate, used_s, key_burst, networks =\n", "KEY has the parts"),
    (f"{LUA}/install.lua", "incarnation = I, token", "token = I, incarnation", "HOLDER has the parts"),
    (LEASE, "local incarnation = string", "local token = string", "HOLDER has the parts"),
    (REDUCE, "charged, pn, cost, ends =", "charged, cost, pn, ends =", "MARK has the parts"),
    (REFUND, "local _, owner =", "local owner, _ =", "RECORD has the parts"),
    (f"{LUA}/finish.lua", "state = RECORD_DONE, owner", "owner = RECORD_DONE, state", "RECORD has the parts"),
    (f"{LUA}/reap.lua", "_, pn, cost, ends =", "_, pn, ends =", "MARK has the parts"),
    (ROLL, "start_ms = pend, end_ms = nend", "end_ms = nend, start_ms = pend", "ROLL has the parts"),
    (f"{LUA}/ack.lua", "ROLL_ANY", "ROLLS_ANY", "ROLLS_ANY is not in"),
    (TEXTS, r"(MARK_PART.charged.*\n)(MARK_PART.pn.*\n)", r"\2\1", "MARK has the parts"),
    (TEXTS, r"WORD\(REFUNDED, .*\n", "", "REFUNDED is not in"),
    (TEXTS, r"LIMIT\(LIFE_SLACK_MS, .*\n", "", "LIFE_SLACK_MS is not in"),
    (TEXTS, r"(KEY_PART.key_rate.*\n)(KEY_PART.key_burst.*\n)", r"\2\1", "KEY has the parts"),
    (TEXTS, r"k.rate_per_s", "k.rate_burst", "account_keys in sql/ has a key as"),
    ("sql/0020_wrong_clocks.sql", "luna_ms.k.not_before. (.*) luna_ms.d.until.", r"luna_ms(d.until) \1 luna_ms(k.not_before)", "account_keys in sql/ has a key as"),
    (LEASE, "KEYS.load", "KEYS.lost", "KEYS.lost is not a key that it receives"),
    (LEASE, "KEYS.load", "KEYS[2]", "has a key without its name"),
    (SCRIPT, "KEYS.absent", "KEYS.answers", "it never uses the key absent"),
    (TEXTS, "LEASE, KEY_m, KEY_load", "LEASE, KEY_m", "KEYS.load is not a key that it receives"),
    (TEXTS, "LEASE, KEY_m, KEY_load", "LEASE, KEY_m, KEY_absent, KEY_load", "it never uses the key absent"),
    (SCRIPT, "ARGV.worker", "ARGV.process", "ARGV.process is not an argument that it receives"),
    (SCRIPT, "ARGV.cost", "ARGV[3]", "has an argument without its name"),
    (SCRIPT, "ARGV.address", "ARGV.worker", "it never uses the argument address"),
    (TEXTS, "ADMIT, key, scope, cost", "ADMIT, key, scope", "ARGV.cost is not an argument that it receives"),
    (TEXTS, "SPEND, cpu_ms", "SPEND, cpu_ms, plan", "it never uses the argument plan"),
    (TEXTS, "INSTALL_CASE, token, what", "INSTALL_CASE, what, token", "has two places"),
    (f"{LUA}/push.lua", "i = ARGV_AT.fields", "i = 6", "has an argument without its name"),
    (f"{LUA}/push.lua", r"unpack\(ARGV, ARGV_AT.fields", "unpack(ARGV, 6", "has an argument without its name"),
    (f"{LUA}/fence.lua", r"ARGV_AT.fields\)", "ARGV_AT.fields, ARGV_AT.rest)", "ARGV_AT.rest is not an argument that it receives"),
    (SCRIPT, "M.charged, c_text", "'c', c_text", "has a field without its name"),
    (SCRIPT, "M.charged, c_text", "M.charge, c_text", "M.charge is not a field"),
    (f"{LUA}/reap.lua", r"v\[M.strict\]", "v.st", "has a field without its name"),
    (f"{LUA}/fence.lua", "FENCE.incarnation, A", "'incarnation', A", "has a field without its name"),
    (f"{LUA}/fence.lua", "FENCE.incarnation", "FENCE.number", "FENCE.number is not a field"),
    (TEXTS, r"M_FIELD\(rolls, .*\n", "", "M.rolls is not a field"),
    (STATUSES, r"BOOKED, 0", "BOOKED, 6", "luna_book() in sql/ replies"),
    (STATUSES, r"X\(LUNA_BOOK_OUT_OF_RANGE, 4\)", "", "luna_book() in sql/ replies"),
    (SQL, r"THEN 1 -- NOTHING_NEW", "THEN 2 -- NOTHING_NEW", "luna_book() in sql/ replies"),
    (SQL, r"THEN 3 -- ACCOUNT_UNKNOWN", "THEN 3", "luna_book() in sql/ replies"),
    (SQLSTATES, r"X\(LU003, .*\)\n", "", "sql/ raises"),
    ("sql/0007_operator.sql", "(no plan \"%\"', p_plan USING ERRCODE) = 'LU005'", r"\1 = 'LU006'", "sql/ raises LU006 to say"),
    (SQLSTATES, r"there is no account\|", "", "sql/ raises LU005 to say 'there is no account %'"),
    ("sql/0010_bounds.sql", r"RAISE EXCEPTION 'the actor", "RAISE NOTICE 'the actor", "behind a message"),
    (PERIODS, '"month"', '"week"', "sql/ allows (quota_period IN"),
    (PERIODS, 'X.LUNA_PERIOD_DAY, 1, "day".\n', "", "sql/ allows (quota_period IN"),
    ("sql/0002_accounts.sql", "'none', 'day', 'month'", "'none', 'day', 'month', 'year'", "sql/ allows (quota_period IN"),
    (SCOPES, "KEYS, 4", "KEYS, 8", "luna_maker_check() in sql/ asks for (held & 4 = 0)"),
    ("sql/0011_keys.sql", "held & 4", "held & 2", "luna_maker_check() in sql/ asks for (held & 2 = 0)"),
    (SCOPES, '"keys".', '"keys")\nX(LUNA_SCOPE_AUDIT, 8, "audit")', "sql/ has all scopes as (7)"),
    ("sql/0007_operator.sql", "p_prefix, 7", "p_prefix, 3", "sql/ has all scopes as (7;3)"),
    ("sql/0006_syncd.sql", "ERRCODE = 'LU001'", "ERRCODE = 'LU008'", "sql/ raises"),
]


@pytest.mark.parametrize("path, found, changed, complaint", MUTATIONS, ids=[f"{pathlib.Path(m[0]).name}-{m[3][:30]}" for m in MUTATIONS])
def test_a_change_on_one_side_only_builds(tree, path, found, changed, complaint):
    text, count = re.subn(found, changed, (tree / path).read_text(encoding="utf-8"), count=1)
    assert count == 1
    (tree / path).write_text(text, encoding="utf-8")
    outcome = build(tree)
    assert outcome.returncode != 0
    assert complaint in " ".join(outcome.stderr.split()), outcome.stderr


def change(tree, table, found, changed):
    text = (tree / table).read_text(encoding="utf-8")
    assert found in text
    (tree / table).write_text(text.replace(found, changed), encoding="utf-8")


def made(tree, script):
    """A script as the build makes it."""
    assert build(tree).returncode == 0
    return (tree / script).read_text(encoding="utf-8")


def test_the_fields_of_the_reply_are_packed_in_another_order_than_the_table(tree):
    change(tree, REPLY, "FIELD(rate_per_s)\nFIELD(rate_burst)", "FIELD(rate_burst)\nFIELD(rate_per_s)")
    assert "    burst,\n    rate,\n" in made(tree, "admit.lua")


def test_a_script_reads_its_keys_in_another_order_than_c_sends_them(tree):
    change(tree, TEXTS, "LEASE, KEY_m, KEY_load, KEY_quota", "LEASE, KEY_quota, KEY_m, KEY_load")
    lease = made(tree, "lease.lua")
    assert "'HMGET', KEYS[2], 'I'" in lease
    assert "'GET', KEYS[3])" in lease


def test_a_script_reads_its_arguments_in_another_order_than_c_sends_them(tree):
    change(tree, TEXTS, "FENCE, incarnation, fields", "FENCE, build, incarnation, fields")
    (tree / LUA / "fence.lua").open("a", encoding="utf-8").write("local b = ARGV.build\n")
    fence = made(tree, "fence.lua")
    assert "tonumber(ARGV[2])" in fence
    assert "unpack(ARGV, 3)" in fence


def test_a_script_writes_another_field_than_c_reads(tree):
    change(tree, TEXTS, '(strict, "st")', '(strict, "mode")')
    assert "I, 'mode', S and 1 or 0" in made(tree, "install.lua")
    assert "v.mode or ''" in (tree / "reap.lua").read_text(encoding="utf-8")
