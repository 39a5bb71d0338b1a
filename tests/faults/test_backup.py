"""The restore drill: backed up under load, both stores destroyed, restored; counts are printed."""
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from ledger import settle
from load import Load
from luna_stack import ROOT, Stack, clean_environment, wait_until
from stack_control import page


def backup(stack, *arguments, check=True, **settings):
    outcome = stack.script("backup", *arguments, check=False, **settings)
    assert not check or outcome.returncode == 0, outcome.stdout
    return outcome.stdout.strip().splitlines()[-1] if check else outcome


def manifest(folder):
    with open(f"{folder}/MANIFEST", encoding="utf-8") as lines:
        return dict(line.strip().split("=", 1) for line in lines)


def restore(stack, *arguments):
    outcome = stack.script("restore", *arguments, check=False)
    assert outcome.returncode == 0, outcome.stdout[-3000:]
    return outcome.stdout


def destroy(servers, stack, *folders):
    for name in ("postgres", "redis"):
        servers[name].kill()
    for folder in ("postgres", "redis", *folders):
        shutil.rmtree(stack.var / folder)


def check_peppers(stack, folder):
    """What scripts/restore does first, alone."""
    script = 'for part in users secrets operate/backup; do . "$LUNA_ROOT/scripts/lib/$part.sh"; done; peppers_check "$(backup_manifest "$1" peppers)"'
    return subprocess.run(["bash", "-c", f'. scripts/lib/common.sh; {script}', "check", folder], cwd=ROOT, env=clean_environment(LUNA_VAR=stack.var),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


def sums(stack, accounts):
    """{account: (units in the log, quota_used)}"""
    connection = stack.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT a.id, COALESCE(sum(e.delta), 0)::bigint, a.quota_used FROM accounts a LEFT JOIN quota_events e"
                           " ON e.account_id = a.id WHERE a.id = ANY(%s) GROUP BY a.id", ([account.id for account in accounts],))
            return {account: (events, used) for account, events, used in cursor.fetchall()}
    finally:
        connection.close()


def sum_of_all(stack):
    connection = stack.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COALESCE(sum(delta), 0)::bigint FROM quota_events")
            return cursor.fetchone()[0]
    finally:
        connection.close()


def settle_once(stack, accounts):
    """Until something of each account was booked."""
    wait_until(lambda: all(events > 0 for events, _ in sums(stack, accounts).values()), "a booking of every account")


def privileges(stack):
    """What each role may on the database itself, which no dump has."""
    connection = stack.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname, has_database_privilege(rolname, current_database(), 'CONNECT'),"
                           " has_database_privilege(rolname, current_database(), 'TEMPORARY') FROM pg_roles WHERE rolname LIKE 'luna%' ORDER BY 1")
            return cursor.fetchall()
    finally:
        connection.close()


def verify(stack):
    outcome = stack.luna("audit", "verify")
    return outcome.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("journals", ["kept", "lost"])
def test_restore_after_both_stores_were_destroyed(stack, load, servers, redis_store, tmp_path, capsys, journals):
    """With the journals, every success is in the ledger again, those after the backup too; without them, those up to the backup."""
    with load() as running:
        running.await_success()
        settle_once(stack, running.accounts)
        folder = backup(stack, "--to", str(tmp_path / "backups"))
        running.await_count(200)
    accounts, granted = running.accounts, privileges(stack)
    answered = {account.id: running.count(200, account=account) for account in accounts}
    destroy(servers, stack, *(["state"] if journals == "lost" else []))
    began = time.monotonic()
    restore(stack, folder)
    took_s = time.monotonic() - began
    after = sums(stack, accounts)
    said, verified = manifest(folder), verify(stack)
    with capsys.disabled():
        print(f"\n  restore_journals_{journals}: accounts={said['accounts']} events={said['events']} units_in_backup={said['units']} "
              f"200s={sum(answered.values())} units_after={sum(events for events, _ in after.values())} took={took_s:.1f}s; {verified}")
    assert all(events == used for events, used in after.values()), after
    if journals == "kept":
        assert {account: events for account, (events, _) in after.items()} == answered
    else:
        assert sum_of_all(stack) == int(said["units"])
        assert all(0 < events <= answered[account] for account, (events, _) in after.items()), (after, answered)
    assert privileges(stack) == granted and ("luna_worker", True, False) in granted
    goes_on(stack, accounts, redis_store, after)


def goes_on(stack, accounts, redis_store, before):
    """The keys of the backup open, new charges are booked once, and a second loss of Redis gives nothing back and adds nothing."""
    with Load(stack, accounts, threads=2, requests_each=30) as running:
        pass
    wait_until(lambda: running.count(200) == 60, f"60 successes: {running.statuses()}")
    settle(stack, redis_store)
    redis_store.flushall()
    with Load(stack, accounts, threads=2) as again:
        again.await_success()
        again.await_count(20)
    settle(stack, redis_store)
    after = sums(stack, accounts)
    expected = {account.id: before[account.id][0] + running.count(200, account=account) + again.count(200, account=account)
                for account in accounts}
    assert {account: events for account, (events, _) in after.items()} == expected
    verify(stack)


def forget_closed_epochs(stack):
    """What the fold of the journals does, every few megabytes: here every closed epoch goes at once, and the folder keeps its name."""
    stack.script("down")
    files = [*(stack.var / "state").rglob("j-*"), *(stack.var / "state").rglob("fold*")]
    assert files
    for file in files:
        file.unlink()


def test_restore_over_a_living_stack_to_a_time_before_an_epoch_was_closed(stack, load, redis_store, tmp_path):
    """The journals forget an epoch that was closed. What the backup had booked in it must not be given back for that."""
    with load() as running:
        running.await_count(200)
    settle(stack, redis_store)
    folder = backup(stack, "--to", str(tmp_path / "backups"))
    before = sums(stack, running.accounts)
    redis_store.flushall()
    with Load(stack, running.accounts, threads=2) as later:
        later.await_success()
        later.await_count(50)
    settle(stack, redis_store)
    forget_closed_epochs(stack)
    restore(stack, folder)
    after = sums(stack, running.accounts)
    assert all(after[account][0] >= before[account][0] for account in after), (before, after)
    goes_on(stack, running.accounts, redis_store, after)


def test_a_damaged_backup_is_refused_and_nothing_is_touched(stack, load, tmp_path):
    folder = backup(stack, "--to", str(tmp_path / "backups"))
    dump = tmp_path / "backups" / folder.rsplit("/", 1)[1] / "luna.dump"
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)
    outcome = stack.script("restore", folder, check=False)
    assert outcome.returncode == 1 and "SHA-256 differs" in outcome.stdout
    with load(count=1, threads=1, requests_each=1) as running:
        pass
    assert running.count(200) == 1


def test_a_backup_under_another_pepper_is_refused(stack, tmp_path):
    folder = backup(stack, "--to", str(tmp_path / "backups"))
    path = pathlib.Path(folder) / "MANIFEST"
    whole, peppers = path.read_text(encoding="utf-8"), manifest(folder)["peppers"]
    assert re.fullmatch(r"1:[0-9a-f]{64}:[1-9][0-9]*", peppers), "the stack's pepper, and its live keys"
    one, other = peppers.split(":")[1], "ab" * 32
    refused = {f"1:{other}:3": "is not the pepper 1 of the backup",
               f"1:{one}:3,2:{other}:0": None,  # one that no key needs
               f"2:{other}:3": "no API key would be valid",
               f"1:{other}:0,2:{one}:3": "is not the pepper 1 of the backup"}
    for text, said in refused.items():
        path.write_text(whole.replace(peppers, text), encoding="utf-8")
        outcome = check_peppers(stack, folder)
        assert (outcome.returncode, said is None or said in outcome.stdout) == (0 if said is None else 1, True), outcome.stdout
    partly = f"1:{one}:3,2:{other}:4"
    path.write_text(whole.replace(peppers, partly), encoding="utf-8")
    outcome = check_peppers(stack, folder)
    assert outcome.returncode == 0 and "4 live API keys need the pepper 2" in outcome.stdout, outcome.stdout
    path.write_text(whole.replace(peppers, f"2:{other}:3"), encoding="utf-8")
    outcome = stack.script("restore", folder, check=False)
    assert outcome.returncode == 1 and "no API key would be valid" in outcome.stdout


def test_a_backup_holds_no_secret_and_only_its_owner_reads_it(stack, load, tmp_path):
    with load(count=1, threads=1, requests_each=1) as running:
        pass
    folder = tmp_path / "backups" / backup(stack, "--to", str(tmp_path / "backups")).rsplit("/", 1)[1]
    stack.script("backup", "--to", str(tmp_path / "backups"), check=False)
    text = b"".join(path.read_bytes() for path in folder.iterdir())
    secrets = [path.read_bytes().strip() for path in (stack.var / "secrets").iterdir()]
    assert running.accounts[0].key.encode() not in text and not any(secret in text for secret in secrets)
    assert [path for path in folder.iterdir() if path.stat().st_mode & 0o077] == []


def test_old_backups_go_and_strangers_stay(stack, tmp_path):
    kept = tmp_path / "backups"
    for time_of in ("20250101T000000Z", "20250102T000000Z"):
        (kept / f"luna-{time_of}").mkdir(parents=True)
        (kept / f"luna-{time_of}" / "MANIFEST").write_text("format=1\n", encoding="utf-8")
    (kept / "luna-notes").mkdir()
    newest = backup(stack, "--to", str(kept), "--keep", "2")
    assert sorted(path.name for path in kept.iterdir() if not path.name.startswith(".")) == sorted(
        ["luna-20250102T000000Z", "luna-notes", newest.rsplit("/", 1)[1]])


def test_a_server_that_scripts_up_did_not_make(stack, load, redis_store, tmp_path):
    """By libpq's own variables, as the owner of the schema, without a stack under LUNA_VAR; and what it wrote can be restored."""
    with load(count=1, threads=1, requests_each=3) as running:
        pass
    settle(stack, redis_store)
    before = sums(stack, running.accounts)
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:luna:luna_owner:{stack.secret('luna_owner')}\n", encoding="utf-8")
    passwords.chmod(0o600)
    elsewhere = Stack(tmp_path / "nowhere", PGHOST="127.0.0.1", PGPORT=stack.ports()["LUNA_POSTGRES_PORT"], PGUSER="luna_owner", PGDATABASE="luna")
    folder = backup(elsewhere, "--libpq", "--to", str(tmp_path / "backups"), PGPASSFILE=passwords)
    assert manifest(folder)["units"] == str(sum_of_all(stack)) and manifest(folder)["peppers"].startswith("1:")
    refused = elsewhere.script("backup", "--libpq", "--to", str(tmp_path / "others"), check=False, PGPASSFILE="/dev/null")
    assert refused.returncode != 0 and "password" in refused.stdout
    restore(stack, folder)
    assert sums(stack, running.accounts) == before


def last_backup(stack):
    """As quota-syncd's metric tells it, in seconds since 1970."""
    text = page(stack, "LUNA_SYNCD_METRICS_URL", "/metrics").text
    return float(re.search(r"^luna_syncd_last_backup_timestamp_seconds ([\d.]+)$", text, re.MULTILINE)[1])


def test_an_encrypted_backup_opens_with_the_private_key_only(stack, load, tmp_path, syncd):
    key = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    public = tmp_path / "public"
    public.write_text(subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout, encoding="utf-8")
    with load(count=1) as running:
        running.await_success()
        settle_once(stack, running.accounts)
    began = int(time.time())
    folder = pathlib.Path(backup(stack, "--to", str(tmp_path / "backups"), "--encrypt-to", str(public)))
    assert sorted(file.name for file in folder.iterdir()) == ["MANIFEST", "luna.dump.age"]
    assert b"PGDMP" not in (folder / "luna.dump.age").read_bytes()[:4096]
    refused = stack.script("restore", str(folder), check=False)
    assert refused.returncode == 1 and "--identity" in refused.stdout
    assert page(stack, "LUNA_METRICS_URL").status_code == 200, "the service was stopped for nothing"
    syncd.restart()  # it reads the time at its start, and then each minute
    wait_until(lambda: last_backup(stack) >= began, "the time of the backup as a metric")
    before = sums(stack, running.accounts)
    restore(stack, "--identity", str(key), str(folder))
    assert sums(stack, running.accounts) == before
    assert not (stack.var / "run/restore.dump").exists()


def test_a_key_that_is_none_makes_no_backup(stack, tmp_path):
    (tmp_path / "public").write_text("no key\n", encoding="utf-8")
    refused = stack.script("backup", "--to", str(tmp_path / "backups"), "--encrypt-to", str(tmp_path / "public"), check=False)
    assert refused.returncode == 1 and not (tmp_path / "backups").exists()


def test_wrong_arguments_are_refused(stack):
    assert stack.script("backup", "--keep", "0", check=False).returncode == 1
    assert stack.script("backup", "--nonsense", check=False).returncode == 2
    assert stack.script("restore", "--nonsense", check=False).returncode == 2
