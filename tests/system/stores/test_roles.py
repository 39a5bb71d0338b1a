"""The database's roles: each can do its work and nothing else."""
import uuid

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest
from answer_checks import assert_serves
from luna_stack import wait_until

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


@pytest.mark.parametrize("role", ["luna_worker", "luna_syncd", "luna_admin"])
@pytest.mark.parametrize("statement", ["CREATE TEMP TABLE probe (x int)", "SELECT lo_from_bytea(0, 'x')", "SELECT lo_create(0)"])
def test_a_password_fills_the_disk(stack, role, statement):
    with pytest.raises(FORBIDDEN):
        attempt(stack, role, statement)


@pytest.mark.parametrize("role", ["luna_owner", "luna_worker", "luna_syncd", "luna_admin"])
@pytest.mark.parametrize("statement", [
    "UPDATE quota_events SET account_id = account_id", "DELETE FROM quota_events", "TRUNCATE quota_events"])
def test_somebody_changes_the_audit_log(stack, booked, role, statement):
    with pytest.raises(psycopg2.Error) as refusal:
        attempt(stack, role, statement)
    assert not isinstance(refusal.value, psycopg2.OperationalError), refusal.value


@pytest.mark.parametrize("role", ["luna_worker", "luna_syncd", "luna_admin", "luna_owner"])
def test_a_role_is_more_than_it_needs(db, role):
    with db.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication FROM pg_roles WHERE rolname = %s", (role,))
        assert cursor.fetchone() == (False,) * 5


def test_a_roles_password_uses_up_the_connections_of_the_others(db):
    with db.cursor() as cursor:
        cursor.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname IN ('luna_worker', 'luna_syncd', 'luna_admin')")
        limits = [limit for limit, in cursor.fetchall()]
        cursor.execute("SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int")
        assert len(limits) == 3 and min(limits) > 0 and sum(limits) < cursor.fetchone()[0]


def test_accounts_lacks_an_original_column(db):
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


def test_the_key_itself_is_in_the_database(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT api_key::text FROM accounts WHERE id = %s", (account.id,))
        digest = cursor.fetchone()[0]
    assert digest != account.key and digest[14] == "8", "a UUIDv8"


# What the functions of luna_worker and luna_syncd refuse, called in plain SQL by somebody who has
# the role's password and nothing else. Each attack runs in a transaction that is rolled back, on an
# account without traffic.

REFUSED = "LU004"
WORKER = "worker w00000000.0"
SYNCD = "quota-syncd attacker:1"
DAY_MS, CENTURY_MS = 86400 * 1000, 100 * 366 * 86400 * 1000


class Attacker:
    """A superuser's session, for what an attack needs prepared; as_role() acts with the rights of that role alone."""

    def __init__(self, stack, account):
        url = stack.database_url("luna_owner").replace(f"luna_owner:{stack.secret('luna_owner')}", f"postgres:{stack.secret('postgres')}")
        self.connection = psycopg2.connect(url)
        self.cursor = self.connection.cursor()
        self.id = account.id

    def sql(self, statement, *values):
        self.cursor.execute(statement, values)
        return self.cursor.fetchone() if self.cursor.description else None

    def as_role(self, role, statement, *values):
        self.sql(f"SET LOCAL ROLE {role}")
        try:
            return self.sql(statement, *values)
        finally:
            if self.connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_INTRANS:
                self.sql("RESET ROLE")

    def state(self, *columns):
        return self.sql(f"SELECT {', '.join(columns)} FROM accounts WHERE id = %s", self.id)

    def load(self, now_ms=None, periods=(), sums=(), actor=WORKER):
        """A cold load, as luna_worker."""
        epoch, = self.state("quota_epoch")
        self.as_role("luna_worker", """SELECT epoch FROM luna_epoch_next(%s, %s, (SELECT incarnation FROM redis_incarnation),
                     COALESCE(%s, luna_ms(now())), %s::bigint[], %s::bigint[], %s)""", self.id, epoch, now_ms, list(periods), list(sums), actor)

    def book(self, charged, refunded=0, actor=SYNCD):
        """A booking, as luna_syncd; returns its status."""
        epoch, = self.state("quota_epoch")
        return self.as_role("luna_syncd", """SELECT status FROM luna_book((SELECT term FROM syncd_leader), %s, ARRAY[%s], ARRAY[%s]::bigint[],
                            ARRAY[%s]::bigint[], ARRAY[%s]::bigint[])""", actor, self.id, epoch, charged, refunded)[0]

    def key(self, scopes):
        """The digest of a new key of the account with these scopes."""
        return self.sql("""INSERT INTO api_keys (account_id, digest, prefix, scopes) VALUES (%s, %s, '0badc0de', %s) RETURNING digest, id""",
                        self.id, a_digest(), scopes)


def a_digest():
    text = str(uuid.uuid4())
    return text[:14] + "8" + text[15:]


@pytest.fixture
def attacker(stack, account_factory):
    given = Attacker(stack, account_factory(1000, "--plan", "daily"))
    yield given
    given.connection.rollback()
    given.connection.close()


def refused(attempted, *arguments, **named):
    with pytest.raises(psycopg2.Error) as refusal:
        attempted(*arguments, **named)
    return refusal.value.pgcode


def test_a_worker_moves_a_period_beyond_the_present_one(attacker):
    attacker.sql("UPDATE accounts SET period_start = now() - interval '2 days', period_end = now() - interval '1 day' WHERE id = %s", attacker.id)
    now_ms, = attacker.sql("SELECT luna_ms(now())")
    attacker.load(now_ms=now_ms + CENTURY_MS)
    assert attacker.state("period_end <= now() + interval '1 day 10 minutes'", "period_no") == (True, 1)


def test_a_worker_opens_a_period_of_the_future_by_its_journals(attacker):
    attacker.load()
    attacker.load(periods=[0, 1, 5000], sums=[1, 2, 3])
    assert attacker.state("period_end <= now() + interval '1 day 10 minutes'", "period_no", "quota_used") == (True, 0, 6)


@pytest.mark.parametrize("periods, sums", [([0], [-5]), ([0, 0], [1]), ([0], [2**31]), ([None], [1]), ([-1], [1])], ids=str)
def test_a_worker_names_impossible_sums(attacker, periods, sums):
    attacker.load()
    assert refused(attacker.load, periods=periods, sums=sums) == REFUSED


def test_a_worker_books_more_than_the_account_was_ever_allowed(attacker):
    attacker.load()
    attacker.load(periods=[0], sums=[2**31 - 1])
    assert attacker.state("quota_used") == (1000,)
    assert "claim 2147483647 units" in attacker.sql("SELECT reason FROM quota_events WHERE account_id = %s ORDER BY seq DESC LIMIT 1", attacker.id)[0]


def test_a_worker_refunds_a_booking_of_earlier(attacker):
    """A forged journal without a record: only what a request in progress may have been charged comes back."""
    attacker.load()
    attacker.book(100)
    attacker.sql("SET LOCAL session_replication_role = replica")
    attacker.sql("UPDATE quota_events SET at = at - interval '1 hour' WHERE account_id = %s", attacker.id)
    attacker.sql("SET LOCAL session_replication_role = origin")
    attacker.book(107)
    attacker.load()
    assert attacker.state("quota_used") == (100,)


@pytest.mark.parametrize("actor", ["cli:root", "quota-syncd host:1", "worker w00000000.0, request a\nb", "", None])
def test_a_worker_signs_as_somebody_else(attacker, actor):
    assert refused(attacker.load, actor=actor) == REFUSED


def add_key(attacker, maker, scopes, actor="api:request-1"):
    return attacker.as_role("luna_worker", "SELECT key_id FROM luna_key_make_by(%s, %s, 1, '0badc0de', %s, 0, 0, '', '{}', '', 0, 0, %s, %s)",
                            attacker.id, a_digest(), scopes, actor, maker)


@pytest.mark.parametrize("held, wanted", [(5, 7), (5, 2), (3, 1), (4, 1)])
def test_a_worker_makes_a_key_of_more_scope_than_its_maker(attacker, held, wanted):
    maker, _ = attacker.key(held)
    assert refused(add_key, attacker, maker, wanted) == REFUSED


def test_a_worker_cannot_make_a_key_within_its_makers_scopes(attacker):
    maker, _ = attacker.key(5)
    assert add_key(attacker, maker, 5)[0] > 0


@pytest.mark.parametrize("spoil", ["revoked_at = now()", "expires_at = now() - interval '1 s'", "account_id = (SELECT min(id) FROM accounts)"])
def test_a_worker_makes_a_key_for_a_maker_that_is_not_a_live_key_of_the_account(attacker, spoil):
    maker, number = attacker.key(7)
    attacker.sql(f"UPDATE api_keys SET {spoil} WHERE id = %s", number)
    assert refused(add_key, attacker, maker, 1) == REFUSED


def test_a_worker_replaces_a_key_of_more_scope_than_its_maker(attacker):
    maker, _ = attacker.key(5)
    _, wider = attacker.key(7)
    assert refused(attacker.as_role, "luna_worker", "SELECT luna_key_renew_by(%s, %s, %s, 1, '0badc0de', 0, 'api:request-1', %s)",
                   attacker.id, wider, a_digest(), maker) == REFUSED


@pytest.mark.parametrize("statement", [
    "SELECT luna_key_make(1, gen_random_uuid(), 1, '0badc0de', 7, 0, 0, '', '{}', '', 0, 0, 'api:x')", "SELECT luna_key_revoke(1, 1, 'api:x', '')",
    "SELECT luna_key_renew(1, 1, gen_random_uuid(), 1, '0badc0de', 0, 'api:x')"])
def test_a_worker_makes_or_revokes_a_key_without_a_maker(stack, statement):
    with pytest.raises(FORBIDDEN):
        attempt(stack, "luna_worker", statement)


def test_a_worker_registers_journals_without_bound(attacker):
    attacker.sql("INSERT INTO journal_hosts (name) SELECT 'w' || lpad(to_hex(n), 8, '0') FROM generate_series(1, 1000) n")
    assert refused(attacker.as_role, "luna_worker", "SELECT luna_host_seen('wffffffff')") == "LU006"


def test_a_daemon_moves_a_period_by_years(attacker):
    attacker.load()
    epoch, now_ms = attacker.state("quota_epoch", "luna_ms(now())")
    for start, end in [(now_ms, now_ms + CENTURY_MS), (now_ms + CENTURY_MS, now_ms + CENTURY_MS + DAY_MS), (now_ms, now_ms - DAY_MS)]:
        closed = attacker.as_role("luna_syncd", """SELECT luna_book_periods((SELECT term FROM syncd_leader), %s, ARRAY[%s], ARRAY[%s]::bigint[],
                                  '{0}', '{1}', '{0}', ARRAY[%s]::bigint[], ARRAY[%s]::bigint[])""", SYNCD, attacker.id, epoch, start, end)
        assert closed == (0,)
    assert attacker.state("period_no") == (0,)


@pytest.mark.parametrize("charged, refunded", [(2**63 - 1, 0), (5, 6), (5, 2**63 - 1)])
def test_a_daemon_books_impossible_counters_or_not_the_others(attacker, charged, refunded):
    attacker.load()
    assert attacker.book(charged, refunded) == 4  # OUT_OF_RANGE
    assert attacker.state("quota_used") == (0,)


def test_a_daemon_signs_as_somebody_else(attacker):
    attacker.load()
    assert refused(attacker.book, 1, actor="cli:root") == REFUSED


def test_a_daemon_uses_up_the_incarnations(attacker):
    term = "(SELECT term FROM syncd_leader)"
    assert refused(attacker.as_role, "luna_syncd", f"SELECT luna_incarnation_next({term}, 'x', 9223372036854775807)") == REFUSED
