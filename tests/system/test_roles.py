"""The database's roles: each can do its work and nothing else."""
import psycopg2
import psycopg2.errors
import pytest
from luna_stack import wait_until
from test_bad_input import assert_serves

FORBIDDEN = psycopg2.errors.InsufficientPrivilege


@pytest.fixture(scope="module")
def booked(client, stack, account_factory):
    """An account with an audit event."""
    account = account_factory()
    assert_serves(client, account)
    connection = stack.connect()
    with connection.cursor() as cursor:
        wait_until(lambda: has_event(cursor, account), what="the audit event of a charge")
    connection.close()
    return account


def has_event(cursor, account):
    cursor.execute("SELECT count(*) FROM quota_events WHERE account_id = %s", (account.id,))
    return cursor.fetchone()[0] > 0


def attempt(stack, role, statement):
    connection = stack.connect(role)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


WORKER_MAY_NOT = [
    "UPDATE accounts SET quota_limit = quota_limit + 1",
    "UPDATE accounts SET quota_used = 0",
    "UPDATE accounts SET api_key = gen_random_uuid()",
    "INSERT INTO accounts (account_name, api_key) VALUES ('x', gen_random_uuid())",
    "DELETE FROM accounts",
    "INSERT INTO quota_events SELECT * FROM quota_events LIMIT 1",
    "UPDATE quota_events SET account_id = account_id",
    "DELETE FROM quota_events",
    "TRUNCATE quota_events",
    "DROP TABLE accounts",
    "CREATE TABLE probe (x int)",
    "SET ROLE luna_owner",
]


@pytest.mark.parametrize("statement", WORKER_MAY_NOT)
def test_worker_may_not(stack, booked, statement):
    with pytest.raises(FORBIDDEN):
        attempt(stack, "luna_worker", statement)


@pytest.mark.parametrize("role", ["luna_owner", "luna_worker", "luna_syncd", "luna_admin"])
@pytest.mark.parametrize("statement", [
    "UPDATE quota_events SET account_id = account_id", "DELETE FROM quota_events", "TRUNCATE quota_events"])
def test_nobody_changes_the_audit_log(stack, booked, role, statement):
    with pytest.raises(psycopg2.Error) as refusal:
        attempt(stack, role, statement)
    assert not isinstance(refusal.value, psycopg2.OperationalError), refusal.value


@pytest.mark.parametrize("role", ["luna_worker", "luna_syncd", "luna_admin", "luna_owner"])
def test_no_role_is_more_than_it_needs(db, role):
    with db.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication FROM pg_roles WHERE rolname = %s", (role,))
        assert cursor.fetchone() == (False,) * 5


def test_accounts_has_the_original_columns(db):
    with db.cursor() as cursor:
        cursor.execute("""SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
                          FROM information_schema.columns WHERE table_name = 'accounts' ORDER BY ordinal_position LIMIT 7""")
        assert cursor.fetchall() == [
            ("id", "integer", None, "NO", "nextval('accounts_id_seq'::regclass)"),
            ("account_name", "character varying", 255, "NO", None),
            ("api_key", "uuid", None, "NO", None),
            ("quota_limit", "integer", None, "NO", "500"),
            ("quota_used", "integer", None, "NO", "0"),
            ("created_at", "timestamp with time zone", None, "YES", "CURRENT_TIMESTAMP"),
            ("updated_at", "timestamp with time zone", None, "YES", "CURRENT_TIMESTAMP"),
        ]


def test_the_key_itself_is_nowhere_in_the_database(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT api_key::text FROM accounts WHERE id = %s", (account.id,))
        digest = cursor.fetchone()[0]
    assert digest != account.key and digest[14] == "8", "a UUIDv8"
