"""Scripts of two builds run beside each other while LUNA_SCRIPT_ABI is the same: a change of what they exchange or keep is noticed."""
import hashlib
import pathlib
import re

STORE = pathlib.Path(__file__).resolve().parents[2] / "libluna/store"
TABLES = ["include/luna/store/admission_outcomes.def", "quota/admit_reply.def", "quota/script_replies.def", "quota/script_texts.def"]


def rows(table):
    """A table without comments and blanks."""
    return re.sub(r"\s+", "", re.sub(r"/\*.*?\*/|^#.*?$", "", table, flags=re.S | re.M))


def surface(script):
    """The texts and arguments that a script names: fields, commands, patterns."""
    code = re.sub(r"--[^\n]*", "", script)
    return sorted(set(re.findall(r"'[^'\n]*'|\b(?:ARGV|ARGV_AT|KEYS|M|FENCE)\.\w+", code)))


def digest(store=STORE):
    parts = [rows((store / name).read_text()) for name in TABLES]
    parts += [f"{path.name} {surface(path.read_text())}" for path in sorted((store / "quota/lua").glob("*.lua"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def test_the_scripts_exchange_or_keep_something_else_in_the_same_version():
    abi = re.search(r"LUNA_SCRIPT_ABI = (\d+)", (STORE / "client/scripts.h").read_text()).group(1)
    assert f"{abi} {digest()}" == (STORE / "quota/lua/abi.txt").read_text().strip(), (
        "The keys, arguments, replies or texts of the scripts changed. If scripts of the previous release may still run beside these, "
        "and each can read what the other left in Redis, write the digest into quota/lua/abi.txt; if not, raise LUNA_SCRIPT_ABI as well. Another list of fields in admit_reply.def is such a change: "
        "workers of either build read the reply of whichever script is in force.")


def test_comments_and_calculations_do_not_count():
    script = "-- a comment\nlocal v = redis.call('HGET', KEYS.m, M.charged) + 1\n"
    assert surface(script) == surface("local w = 2 * redis.call('HGET', KEYS.m, M.charged)\n")
    assert surface(script) != surface(script.replace("charged", "refunded"))
    assert surface(script) != surface(script.replace("HGET", "HDEL"))
    assert surface(script) != surface(script + "return ARGV.units\n")
    assert rows("/* one */\nREPLY(ACK, NOTHING, 0) /* two\n three */\n") == rows("REPLY(ACK, NOTHING, 0)\n") != rows("REPLY(ACK, NOTHING, 2)\n")
