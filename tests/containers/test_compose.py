"""docker-compose.yml from a clean tree: it answers, it is closed, and what is killed under load costs what it may cost.

The order of the tests is the order of the file: the last one takes everything down.
"""
import json
import re
import shlex
import subprocess
import time

import httpx
import pytest
from engine import ROOT, wait_until
from load import Load
from waiting import back_in_time

THREADS = 4


def readme_curl():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith("curl --cacert"))


def booked(project, account):
    return int(project.sql(f"SELECT quota_used FROM accounts WHERE id = {account.id}"))


def await_booked(project, account, lowest, highest):
    """The ledger comes to rest between the two, and the audit log says the same; returns what it says."""
    def rest():
        first = booked(project, account)
        time.sleep(1.5)
        return first >= lowest and first == booked(project, account)

    wait_until(rest, f"{lowest} … {highest} units booked")
    used = booked(project, account)
    events = int(project.sql(f"SELECT COALESCE(sum(delta), 0) FROM quota_events WHERE account_id = {account.id}"))
    assert lowest <= used <= highest and events == used, (lowest, used, events, highest)
    return used


def report(name, load, used):
    failed = [answer.status for answer in load.answers if answer.status != 200]
    print(f"\n{name}: {len(load.answers)} requests, {load.count(200)} answered 200, {len(failed)} not ({failed}), {used} units booked,"
          f" slowest {load.slowest_s():.2f} s")
    return failed


def test_readme_curl_is_answered(project):
    account = project.account("readme")
    environment = {"LUNA_CA": project.ca, "LUNA_URL": project.url, "LUNA_ACCOUNT_ID": str(account.id), "LUNA_API_KEY": account.key}
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    answer = subprocess.run(["bash", "-c", f"export {settings}; {readme_curl()} -fsS"], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) == {"processed_results": json.loads(answer)["processed_results"], "input_data": [1120, 1160, 963, 1210]}
    assert len(json.loads(answer)["processed_results"]) == 4


def test_programs_run_without_root_rights_or_a_writable_root(project):
    for service in ("worker", "syncd", "nginx", "redis"):
        status = project.exec(service, "cat", "/proc/1/status")
        assert re.search(r"^Uid:\s+(1000\d)\s+\1\s+\1\s+\1$", status, re.M), service
        assert re.search(r"^CapEff:\s+0+$", status, re.M), service
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.M), service
        assert project.inspect(project.containers(service)[0])["HostConfig"]["ReadonlyRootfs"], service


def test_each_service_sees_its_own_secrets_only(project):
    wanted = {"worker": "database_url key_pepper redis_url", "syncd": "database_url redis_url", "redis": "admin owner syncd worker"}
    for service, names in wanted.items():
        assert sorted(project.exec(service, "ls", "/run/secrets").split()) == names.split(), service
        password = project.exec("redis", "cat", "/run/secrets/owner").strip()
        assert password not in json.dumps(project.inspect(project.containers(service)[0])), service


def test_image_tells_its_health_and_what_it_is(project):
    for service, port in (("worker", "9100"), ("syncd", "9101")):
        project.exec(service, "bash", "/usr/local/bin/healthy.sh", port, "/livez")
        image = project.inspect(project.inspect(project.containers(service)[0])["Image"])
        assert image["Config"]["Labels"]["org.opencontainers.image.version"] == version()
        assert image["Config"]["StopSignal"] in ("SIGTERM", "15")
        assert "healthy.sh" in json.dumps(image.get("Healthcheck") or image["Config"].get("Healthcheck"))


def version():
    return re.search(r"project\(luna VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)


def test_two_worker_containers_share_one_journal_directory(project):
    assert len(project.containers("worker")) == 2
    wait_until(lambda: int(project.sql("SELECT count(*) FROM journal_hosts")) >= 1, "a journal directory that is known")
    assert project.sql("SELECT count(*) FROM journal_hosts") == "1"
    slots = project.exec("worker", "bash", "-c", "cd /var/lib/luna && ls -d slot-*").split()
    assert {"slot-0", "slot-1", "slot-33", "slot-34"} <= set(slots)


def test_killed_worker_container_costs_only_what_it_had_in_hand(project):
    account = project.account("killed-worker")
    with Load(project, [account], threads=THREADS, pause_s=0.005) as load:
        load.await_count(100)
        victim = project.containers("worker")[0]
        project.kill(victim)
        load.await_success()
        load.await_count(200)
        wait_until(lambda: len(project.containers("worker")) == 2, "the killed container, started again")
        load.await_count(100)
    used = await_booked(project, account, load.count(200), load.count(200) + THREADS)
    failed = report("worker container killed", load, used)
    assert len(failed) <= THREADS and set(failed) <= {502, 503, 504}


def test_killed_syncd_container_loses_no_count(project):
    account = project.account("killed-syncd")
    with Load(project, [account], threads=THREADS, pause_s=0.005) as load:
        for _ in range(3):
            load.await_count(100)
            project.kill(wait_until(lambda: project.containers("syncd"), "syncd")[0])
        load.await_count(100)
    used = await_booked(project, account, load.count(200), load.count(200))
    failed = report("syncd container killed 3 times", load, used)
    assert failed == []


def test_killed_nginx_container_serves_again(project):
    """More than once: from its second start on, an engine may give a tmpfs the mode of the folder below it."""
    for _ in range(2):
        project.kill(project.containers("nginx")[0])
        ready = ["curl", "-skf", "-m", "3", f"{project.url}/readyz"]
        wait_until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode != 0, "the end of nginx")
        wait_until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "nginx, started again")


def is_running(project, service):
    found = project.containers(service)
    return len(found) == 1 and project.inspect(found[0])["State"]["Running"]


@pytest.mark.parametrize("service", ["redis", "postgres"])
def test_a_killed_store_stays_away_or_takes_charges_along(project, service):
    account = project.account(f"killed-{service}")
    with Load(project, [account], threads=THREADS, pause_s=0.005) as load:
        load.await_count(100)
        killed = time.monotonic()
        project.kill(project.containers(service)[0])
        load.await_success()
        wait_until(lambda: is_running(project, "postgres") and is_running(project, "redis"), "both stores")
        print(f"\n{service} killed: the next success after {time.monotonic() - killed:.1f} s")
        load.await_count(100)
    used = await_booked(project, account, load.count(200), load.count(200) + THREADS)
    report(f"{service} container killed", load, used)


@pytest.mark.parametrize("service", ["syncd", "worker", "nginx", "redis", "postgres"])
def test_a_killed_container_stays_away_for_five_seconds(project, service):
    account, before = project.account(f"back-{service}"), len(project.containers(service))
    killed = []

    def kill_one():
        victim = project.containers(service)[0]
        killed.append(project.inspect(victim)["State"]["Pid"])
        project.kill(victim)

    def works():
        running = project.containers(service)
        if len(running) != before or killed[-1] in [project.inspect(name)["State"]["Pid"] for name in running]:
            return False
        return succeeds(project, account) and all(project.is_ready("worker", index) for index in range(len(project.containers("worker"))))

    print(f"\n{service} killed: it serves again after {back_in_time(kill_one, works):.1f} s")


def succeeds(project, account):
    try:
        answer = httpx.post(f"{project.url}/api/v1/{account.id}/kalman", json={"results": [1, 2]}, headers={"X-API-Key": account.key},
                            verify=project.ca, trust_env=False, timeout=20)
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def test_luna_health_finds_every_part(project):
    shown = project.luna("health")
    assert "FAILED" not in shown and "not checked" not in shown and shown.count(" ok") == 5, shown


def test_audit_log_verifies(project):
    assert project.luna("audit", "verify")


def test_no_container_says_a_secret(project):
    assert project.secrets_in_logs() == []


def guide(project, name):
    """The block of docs/GUIDES.md below a mark, for this project and this engine; podman-compose 1.0.3 has no `rm`, its `exec`
    writes lines of its own to standard output and always succeeds, and its `run` builds the images of all services again."""
    text = (ROOT / "docs/GUIDES.md").read_text(encoding="utf-8").split(f"<!-- test: {name} -->\n\n")[1].split("\n\n")[0]
    compose = shlex.join([*project.compose_words, "-p", project.name])
    text = text.replace("luna_", f"{project.name}_").replace("luna-gateway ", f"luna-gateway:{project.environment['LUNA_TAG']} ")
    if project.engine == "podman":
        text = text.replace("docker compose rm --stop --force postgres", f"podman rm --force {project.name}_postgres_1")
        text = text.replace("docker compose run --rm", "docker compose run --rm --no-deps")
        text = re.sub(r"docker compose exec -T (\w+)", rf"podman exec --interactive {project.name}_\1_1", text)
    text = text.replace("docker compose", compose).replace("docker ", f"{project.engine} ").replace("up --detach", "up --detach --no-build")
    return "set -eux\n" + text


def run_guide(project, name):
    print(project.run("bash", "-c", guide(project, name), timeout=300))


def test_the_guide_to_a_new_postgresql_loses_the_ledger(project):
    """With an empty server of the same major version, which is the one that the tests have."""
    account = project.account("postgresql")
    with Load(project, [account], threads=1, pause_s=0.005) as load:
        load.await_count(20)
    used = await_booked(project, account, load.count(200), load.count(200))
    run_guide(project, "compose-postgresql-dump")
    run_guide(project, "compose-postgresql-load")
    assert booked(project, account) == used
    assert project.sql("SELECT has_database_privilege('luna_worker', 'luna', 'TEMPORARY')") == "f"
    with Load(project, [account], threads=1, pause_s=0.005) as load:
        load.await_success()
        load.await_count(20)
    await_booked(project, account, used + load.count(200), used + load.count(200))


def test_the_guide_to_a_certificate_leaves_the_former_one(project):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", project.folder / "luna.key",
                    "-out", project.folder / "luna.pem"], check=True, capture_output=True)
    run_guide(project, "compose-certificate")
    ready = ["curl", "-sf", "-m", "3", "--cacert", project.folder / "luna.pem", f"{project.url}/readyz"]
    wait_until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "the new certificate in use")


def test_down_leaves_nothing(project):
    project.down()
    containers, volumes, networks = project.leftovers()
    if project.engine == "podman" and networks:
        print(f"\npodman-compose 1.0.3 does not remove networks: {len(networks)} of them are removed by this test")
        networks = []
    assert (containers, volumes, networks) == ([], [], [])
