"""The profile `backup` (before test_compose.py, which takes everything down): dumps that can be read, of which the newest are kept."""
import pytest
from engine import wait_until

FILES = ("-f", "docker-compose.yml", "-f", "conf/docker/extras.yml")
KEPT = 2


@pytest.fixture(scope="module")
def backup(project):
    """The service, in a hurry."""
    project.environment |= {"BACKUP_INTERVAL_S": "2", "BACKUPS_KEPT": str(KEPT)}
    project.compose(*FILES, "up", "--detach", "--no-build", "--no-deps", "backup", timeout=300)
    yield project
    project.run(project.engine, "rm", "--force", *project.containers("backup", everything=True), check=False)
    project.run(project.engine, "volume", "rm", f"{project.name}_backups", check=False)


def dumps(project):
    return sorted(name for name in project.exec("backup", "ls", "/backups").split() if name.endswith(".dump"))


def test_a_dump_cannot_be_read_or_old_ones_fill_the_disk(backup):
    first = wait_until(lambda: dumps(backup), "a dump")
    listed = backup.exec("backup", "pg_restore", "--list", f"/backups/{first[0]}")
    assert " TABLE DATA public accounts " in listed and " TABLE DATA public quota_events_" in listed
    wait_until(lambda: len(dumps(backup)) == KEPT and first[0] not in dumps(backup), "the end of the first dump")


def test_a_backup_is_not_noted_for_the_metric(backup):
    wait_until(lambda: dumps(backup), "a dump")
    assert int(backup.sql("SELECT count(*) FROM backups")) >= 1
