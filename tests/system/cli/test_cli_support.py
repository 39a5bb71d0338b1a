"""luna support-bundle: what is in it, and what never is."""
import json
import subprocess
import tarfile

import pytest
from luna_stack import CLI, WAIT_S, clean_environment

KEY = "luna_live_abcdef" + "q7" * 13 + "z"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhY2NvdW50IjoxfQ.U2lnbmF0dXJlT2ZUaGVUb2tlbg"
PEPPER = "feedc0de" * 8
OLD_KEY = "7f0c8f6e-5d1e-4b57-9d3a-2b1f0c9e8d7a"
# What must not be in an archive, and where it is put.
SECRETS = [KEY[16:], TOKEN, PEPPER, OLD_KEY, "pw-environment", "pw-env-file", "pw-in-secret-file", "pw-url-of-another", "pw-previous",
           "pw-quoted value", "pw-in-a-log-line", "pw-cut-in-half"]


def bundle(path, environment, *arguments):
    outcome = subprocess.run([CLI, "support-bundle", path, *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False,
                             env=environment, stdin=subprocess.DEVNULL)
    assert outcome.returncode == 0, outcome.stderr
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read().decode("utf-8", errors="replace") for member in archive.getmembers()}


@pytest.fixture
def traps(tmp_path):
    """Settings and logs of a deployment that has secrets wherever one can stand."""
    settings, logs = tmp_path / "etc", tmp_path / "log"
    settings.mkdir()
    logs.mkdir()
    secret = tmp_path / "redis_url"
    secret.write_text("redis://luna:pw-in-secret-file@127.0.0.1:1/0\n", encoding="utf-8")
    secret.chmod(0o600)
    mounted = tmp_path / "mounted"  # as Kubernetes mounts secrets
    mounted.symlink_to(secret)
    (settings / "fcgi-worker.env").write_text(
        f"# LUNA_KEY_PEPPER={PEPPER}\nLUNA_KEY_PEPPER={PEPPER}\nLUNA_DATABASE_URL='postgresql://luna_worker:pw-env-file@db/luna'\n"
        f'LUNA_REDIS_URL_FILE={mounted}\nLUNA_WORKERS=4\nLUNA_KEY_PEPPER_PREVIOUS="pw-previous"\nLUNA_OTHER=http://u:pw-url-of-another@x/\n'
        f'LUNA_WEB_SECRET="pw-quoted value"\nbroken line\n', encoding="utf-8")
    lines = [f"X-API-Key: {KEY}", f'{{"authorization":"Bearer {TOKEN}"}}', f"pepper {PEPPER}", f"GET /x?api_key={OLD_KEY}", "login with pw-environment",
             "login with pw-env-file", "login with pw-in-secret-file", "was pw-previous", "PGPASSWORD=pw-in-a-log-line", "seen: pw-quoted value."]
    (logs / "worker.log").write_text("\n".join([*lines, "the last line"]), encoding="utf-8")
    # The tail of a long log begins in the middle of its first line, and of the secret in it.
    half = "password=pw-cut-in-half" + "x" * (512 * 1024 - 30) + "\nthe end\n"
    (logs / "long.log").write_text("y" * 20 + half, encoding="utf-8")
    (logs / "link.log").symlink_to(secret)
    environment = clean_environment(LUNA_DATABASE_URL="postgresql://luna_admin:pw-environment@127.0.0.1:1/luna", LUNA_KEY_PEPPER=PEPPER)
    return environment, settings, logs


def test_a_secret_is_in_the_bundle(traps, tmp_path):
    environment, settings, logs = traps
    path = tmp_path / "fault.tar"
    files = bundle(path, environment, "--settings", settings, "--logs", logs)
    assert path.stat().st_mode & 0o777 == 0o600
    raw = path.read_bytes()
    assert [secret for secret in SECRETS if secret.encode() in raw] == []
    assert "health: exit status 1" in files["failed-programs.txt"] and json.loads(files["health.json"])
    assert "logs/link.log" not in files, "a link may lead anywhere"
    assert "LUNA_WORKERS=4" in files["settings/fcgi-worker.env"] and "LUNA_KEY_PEPPER=[removed]" in files["settings/fcgi-worker.env"]
    assert "the last line" in files["logs/worker.log"] and files["logs/long.log"] == "the end\n"


def test_the_bundle_of_a_stack_does_not_say_what_runs_or_how_it_is(stack, tmp_path):
    lines = (stack.var / "admin.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.removeprefix("export ").replace('"', "").split("=", 1) for line in lines if line.startswith("export "))
    path = tmp_path / "fault.tar"
    files = bundle(path, clean_environment(**given), "--settings", stack.var / "etc", "--logs", stack.var / "log")
    assert {row["part"]: row["state"] for row in json.loads(files["health.json"])}["postgresql"] == "ok"
    assert files["luna-version.txt"].startswith("luna ") and "Linux" in files["system.txt"]
    assert json.loads(files["migrations.json"])[-1]["state"] == "applied" and "workers" in json.loads(files["status.json"])
    assert "luna_" in files["metrics-workers.txt"] and "luna_" in files["metrics-quota-syncd.txt"]
    assert any(name.startswith("settings/") for name in files) and any(name.startswith("logs/") for name in files)
    raw = path.read_bytes()
    secrets = [file.read_text(encoding="utf-8").strip() for file in (stack.var / "secrets").iterdir()]
    assert [secret for secret in secrets if secret.encode() in raw] == []


def test_an_existing_file_is_overwritten(traps, tmp_path):
    path = tmp_path / "fault.tar"
    path.write_text("mine", encoding="utf-8")
    outcome = subprocess.run([CLI, "support-bundle", path], capture_output=True, text=True, env=traps[0], check=False)
    assert outcome.returncode == 4 and path.read_text(encoding="utf-8") == "mine"
