#include "client/pg.h"

#include "client/pg_breaker.h"
#include "client/pg_hosts.h"
#include "luna/base/error.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct luna_database {
    char *url;
    size_t url_bytes;
    char *previous_url;         /* the second line of url, or NULL */
    struct luna_pg_hosts hosts; /* in the order in which they will be tried */
    int timeout_ms;
    PGconn *session; /* NULL: not connected */
    uint64_t generation;
    char sqlstate[6];
    struct luna_meter *meter; /* NULL: not counted */
    enum luna_purpose purpose;
    struct luna_database_breaker *breaker; /* NULL: none */
    int place;                             /* the present call's, in the breaker */
};

static void ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice; /* such as "relation exists, skipping"; a library prints nothing */
}

/* Ends the text at its first line, and returns what follows: NULL when that is nothing. */
static char *split_line(char *text)
{
    char *rest = strchr(text, '\n');
    if (rest == NULL)
        return NULL;
    *rest++ = '\0';
    return *rest != '\0' ? rest : NULL;
}

enum luna_code luna_database_new(const char *url, int timeout_ms,
                                 struct luna_database **ret_database, struct luna_error *err)
{
    if (url == NULL || url[0] == '\0')
        return luna_error_set(err, LUNA_EINVAL, "the database URL is empty");
    struct luna_database *database = calloc(1, sizeof *database);
    char *copy = strdup(url);
    if (database == NULL || copy == NULL) {
        free(database);
        free(copy);
        return luna_error_set(err, LUNA_ENOMEM, "no memory for a database session");
    }
    database->url = copy;
    database->url_bytes = strlen(copy);
    database->previous_url = split_line(copy);
    luna_pg_hosts_read(&database->hosts, database->url);
    database->timeout_ms = timeout_ms;
    database->place = LUNA_PG_NO_PLACE;
    *ret_database = database;
    return LUNA_OK;
}

void luna_database_free(struct luna_database *database)
{
    if (database == NULL)
        return;
    luna_pg_drop(database);
    luna_pg_hosts_done(&database->hosts);
    explicit_bzero(database->url, database->url_bytes);
    free(database->url);
    free(database);
}

void luna_database_meter(struct luna_database *database, struct luna_store_meter *meter,
                         enum luna_purpose purpose)
{
    database->meter = meter != NULL ? &meter->postgresql : NULL;
    database->purpose = purpose;
}

void luna_pg_purpose(struct luna_database *database, enum luna_purpose purpose)
{
    database->purpose = purpose;
}

void luna_pg_drop(struct luna_database *database)
{
    if (database->session != NULL)
        PQfinish(database->session);
    database->session = NULL;
}

void luna_database_share_breaker(struct luna_database *database,
                                 struct luna_database_breaker *breaker)
{
    database->breaker = breaker;
}

uint64_t luna_pg_generation(const struct luna_database *database)
{
    return database->generation;
}

int luna_pg_fd(const struct luna_database *database)
{
    return database->session != NULL ? PQsocket(database->session) : -1;
}

struct luna_deadline luna_pg_deadline(const struct luna_database *database)
{
    return luna_deadline_in_ms(database->timeout_ms);
}

static bool wait_until(int fd, short events, struct luna_deadline deadline)
{
    struct pollfd item = {.fd = fd, .events = events};
    for (;;) {
        int n = poll(&item, 1, luna_deadline_left_ms(deadline));
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR || luna_deadline_passed(deadline))
            return false;
    }
}

static bool is_crowded(const struct luna_database *database)
{
    return luna_pg_breaker_is_crowded(database->breaker, database->place, database->timeout_ms);
}

/* Waits for the socket. False: the deadline passed, or too many others have waited for longer. */
static bool wait_for(const struct luna_database *database, int fd, short events,
                     struct luna_deadline deadline)
{
    struct luna_deadline first =
        luna_pg_breaker_cap(database->breaker, database->place, database->timeout_ms, deadline);
    return wait_until(fd, events, first) ||
           (!is_crowded(database) && wait_until(fd, events, deadline));
}

/* One that gave way to the others says nothing about PostgreSQL. */
static void count_failure(struct luna_database *database)
{
    if (!is_crowded(database))
        luna_pg_breaker_failure(database->breaker);
}

/* A message of libpq has several lines and ends with a newline. The first says what happened. */
static void copy_line(char *out, size_t out_bytes, const char *message)
{
    snprintf(out, out_bytes, "%.*s", (int)strcspn(message, "\n"), message);
}

static enum luna_code lost(struct luna_database *database, const char *doing,
                           struct luna_error *err)
{
    char line[200];
    copy_line(line, sizeof line,
              database->session != NULL ? PQerrorMessage(database->session) : "out of memory");
    luna_pg_drop(database);
    return luna_error_set(err, LUNA_EUNAVAILABLE, "PostgreSQL: %s: %s", doing,
                          line[0] != '\0' ? line : "session lost");
}

static enum luna_code late(struct luna_database *database, const char *doing,
                           struct luna_error *err)
{
    luna_pg_drop(database);
    return luna_error_set(err, LUNA_ETIMEOUT, "PostgreSQL: %s: no reply in time", doing);
}

/* The server, too, has to notice that a client's host is gone: the leader's lock lives as
 * long as its session does, and by default that is two hours. Probed after 5 s without traffic,
 * closed after 10. */
#define PEER_WATCH "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_user_timeout=10000"

static PGconn *start_session(const struct luna_database *database, const char *url)
{
    char options[240], tcp_timeout[24];
    /* A little less than our own timeout, so that the server cancels first and reports it. */
    int server_ms = database->timeout_ms > 200 ? database->timeout_ms - 100 : database->timeout_ms;
    snprintf(options, sizeof options,
             "-c statement_timeout=%d -c idle_in_transaction_session_timeout=%d " PEER_WATCH,
             server_ms, database->timeout_ms);
    snprintf(tcp_timeout, sizeof tcp_timeout, "%d", database->timeout_ms);
    const struct luna_pg_hosts *hosts = &database->hosts;
    /* Later keys override what the URL (dbname) says. */
    const char *const keys[] = {"dbname",          "host",
                                "hostaddr",        "port",
                                "options",         "tcp_user_timeout",
                                "keepalives_idle", "application_name",
                                "client_encoding", NULL};
    const char *const values[] = {url,         hosts->host, hosts->hostaddr, hosts->port, options,
                                  tcp_timeout, "30",        "luna",          "UTF8",      NULL};
    return PQconnectStartParams(keys, values, 1);
}

static enum luna_code connect_once(struct luna_database *database, const char *url,
                                   struct luna_deadline deadline, struct luna_error *err)
{
    database->session = start_session(database, url);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (database->session != NULL && PQstatus(database->session) != CONNECTION_BAD) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for(database, PQsocket(database->session), events, deadline))
            return late(database, "connecting", err);
        state = PQconnectPoll(database->session);
        if (state == PGRES_POLLING_OK) {
            PQsetnonblocking(database->session, 1);
            PQsetNoticeReceiver(database->session, ignore_notice, NULL);
            database->generation++;
            luna_meter_connect(database->meter);
            return LUNA_OK;
        }
        if (state == PGRES_POLLING_FAILED)
            break;
    }
    return lost(database, "connecting", err);
}

/* After url was refused. A wrong password is not told apart from any other refusal, which costs no
 * time to try again. The password may have changed between the two attempts: then url is right by
 * now. */
static enum luna_code connect_previous(struct luna_database *database,
                                       struct luna_deadline deadline, struct luna_error *err)
{
    assert(database->previous_url != NULL);
    enum luna_code code = connect_once(database, database->previous_url, deadline, err);
    if (code == LUNA_EUNAVAILABLE)
        code = connect_once(database, database->url, deadline, err);
    return code;
}

/* libpq tries the next server when one refuses. A server that does not reply gets an equal share of
 * the time, and is tried last from then on. A session that gives way to others tries no more. */
static enum luna_code connect_session(struct luna_database *database, struct luna_deadline deadline,
                                      struct luna_error *err)
{
    enum luna_code code = LUNA_ETIMEOUT;
    for (int left = database->hosts.count; left > 0 && code == LUNA_ETIMEOUT; left--) {
        int share_ms = luna_deadline_left_ms(deadline) / left;
        code = connect_once(database, database->url, luna_deadline_cap_ms(deadline, share_ms), err);
        if (code == LUNA_ETIMEOUT && is_crowded(database))
            return code;
        if (code == LUNA_ETIMEOUT)
            luna_pg_hosts_rotate(&database->hosts);
    }
    if (code == LUNA_EUNAVAILABLE && database->previous_url != NULL)
        code = connect_previous(database, deadline, err);
    if (code != LUNA_OK)
        count_failure(database);
    return code;
}

/* A server that closed the session between two statements has left an end of file, maybe after an
 * error message. Found here, it costs a reconnect; found later, the statement. */
static bool poll_hang_up(const PGconn *session)
{
    struct pollfd item = {.fd = PQsocket(session), .events = POLLRDHUP};
    return PQstatus(session) != CONNECTION_OK || poll(&item, 1, 0) > 0;
}

static enum luna_code ensure_session(struct luna_database *database, struct luna_deadline deadline,
                                     struct luna_error *err)
{
    database->sqlstate[0] = '\0';
    if (database->session != NULL && !poll_hang_up(database->session))
        return LUNA_OK;
    luna_pg_drop(database);
    return connect_session(database, deadline, err);
}

/* Sends what is queued, and reads until a reply is complete. */
static enum luna_code await_reply(struct luna_database *database, struct luna_deadline deadline,
                                  struct luna_error *err)
{
    PGconn *session = database->session;
    for (;;) {
        int unsent = PQflush(session);
        if (unsent < 0)
            return lost(database, "sending", err);
        if (unsent == 0 && PQisBusy(session) == 0) {
            luna_pg_breaker_success(database->breaker);
            return LUNA_OK;
        }
        short events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
        if (!wait_for(database, PQsocket(session), events, deadline)) {
            count_failure(database);
            return late(database, "waiting", err);
        }
        if (PQconsumeInput(session) == 0)
            return lost(database, "reading", err);
    }
}

static enum luna_code code_of_state(const char *state)
{
    static const struct {
        const char *prefix;
        enum luna_code code;
    } table[] = {
#define X(state, code, messages) {#state, code},
#include "client/sqlstates.def"
#undef X
        {"23505", LUNA_ECONFLICT}, {"23", LUNA_EINVAL},       {"22", LUNA_EINVAL},
        {"57014", LUNA_ETIMEOUT},  {"55P03", LUNA_ETIMEOUT},  {"57", LUNA_EUNAVAILABLE},
        {"53", LUNA_EUNAVAILABLE}, {"08", LUNA_EUNAVAILABLE}, {"40", LUNA_EUNAVAILABLE},
        {"58", LUNA_EUNAVAILABLE}, {"25", LUNA_EUNAVAILABLE}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strncmp(state, table[i].prefix, strlen(table[i].prefix)) == 0)
            return table[i].code;
    return LUNA_EPROTOCOL;
}

static enum luna_code refused(struct luna_database *database, const PGresult *result,
                              struct luna_error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(database->sqlstate, sizeof database->sqlstate, "%s", state != NULL ? state : "");
    enum luna_code code = state != NULL ? code_of_state(state) : LUNA_EUNAVAILABLE;
    char line[200];
    copy_line(line, sizeof line, message != NULL ? message : PQresultErrorMessage(result));
    bool ours =
        strncmp(database->sqlstate, "LU", 2) == 0; /* raised by sql/, worded for the caller */
    return luna_error_set(err, code, ours ? "%s" : "PostgreSQL: %s", line);
}

/* Takes all results of what was sent; keeps the last that succeeded. */
static enum luna_code collect(struct luna_database *database, struct luna_deadline deadline,
                              PGresult **ret_result, struct luna_error *err)
{
    PGresult *kept = NULL;
    enum luna_code code = LUNA_OK;
    for (;;) {
        enum luna_code waited = await_reply(database, deadline, err);
        if (waited != LUNA_OK) {
            PQclear(kept);
            return waited;
        }
        PGresult *result = PQgetResult(database->session);
        if (result == NULL)
            break;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            PQclear(kept);
            kept = result;
            continue;
        }
        if (code == LUNA_OK)
            code = refused(database, result, err);
        PQclear(result);
        if (PQstatus(database->session) != CONNECTION_OK)
            break;
    }
    if (code == LUNA_OK && kept == NULL)
        code = lost(database, "reading", err);
    if (code != LUNA_OK)
        PQclear(kept);
    else
        *ret_result = kept;
    return code;
}

/* A refusal that is the caller's fault, such as a name that exists, is not an error of the
 * store. */
static void count_error(const struct luna_database *database, enum luna_code code)
{
    bool lost = database->session == NULL || PQstatus(database->session) != CONNECTION_OK;
    if (code == LUNA_ETIMEOUT)
        luna_meter_error(database->meter, LUNA_METER_TIMEOUT);
    else if (code == LUNA_EUNAVAILABLE && lost)
        luna_meter_error(database->meter, LUNA_METER_CONNECTION);
    else if (code == LUNA_EUNAVAILABLE || code == LUNA_EPROTOCOL)
        luna_meter_error(database->meter, LUNA_METER_REFUSED);
}

static int64_t start_trip(const struct luna_database *database)
{
    return database->meter != NULL ? luna_clock_mono_ns() : 0;
}

static enum luna_code end_trip(const struct luna_database *database, int64_t started_ns,
                               enum luna_code code)
{
    if (database->meter == NULL)
        return code;
    luna_meter_time(database->meter, database->purpose, luna_clock_mono_ns() - started_ns);
    count_error(database, code);
    return code;
}

static enum luna_code ask(struct luna_database *database, struct luna_deadline deadline,
                          const char *sql, const struct luna_pg_params *params,
                          PGresult **ret_result, struct luna_error *err)
{
    enum luna_code code = ensure_session(database, deadline, err);
    if (code != LUNA_OK)
        return code;
    int count = params != NULL ? params->count : 0;
    const char *const *values = count > 0 ? params->values : NULL;
    if (PQsendQueryParams(database->session, sql, count, NULL, values, NULL, NULL, 0) == 0)
        return lost(database, "sending", err);
    return collect(database, deadline, ret_result, err);
}

static enum luna_code query_until(struct luna_database *database, struct luna_deadline deadline,
                                  const char *sql, const struct luna_pg_params *params,
                                  struct luna_pg_result **ret_result, struct luna_error *err)
{
    PGresult *result = NULL;
    if (!luna_pg_breaker_enter(database->breaker, database->timeout_ms, &database->place))
        return luna_error_set(err, LUNA_EUNAVAILABLE,
                              "PostgreSQL: unavailable, or too slow (circuit breaker)");
    int64_t started_ns = start_trip(database);
    enum luna_code code = ask(database, deadline, sql, params, &result, err);
    luna_pg_breaker_leave(database->breaker, database->place);
    database->place = LUNA_PG_NO_PLACE;
    if (code == LUNA_OK)
        *ret_result = (struct luna_pg_result *)result;
    return end_trip(database, started_ns, code);
}

enum luna_code luna_pg_query(struct luna_database *database, struct luna_deadline deadline,
                             const char *sql, const struct luna_pg_params *params,
                             struct luna_pg_result **ret_result, struct luna_error *err)
{
    return query_until(database, luna_deadline_cap_ms(deadline, database->timeout_ms), sql, params,
                       ret_result, err);
}

enum luna_code luna_pg_query_long(struct luna_database *database, int timeout_ms, const char *sql,
                                  const struct luna_pg_params *params,
                                  struct luna_pg_result **ret_result, struct luna_error *err)
{
    char longer[64];
    struct luna_error ignored;
    snprintf(longer, sizeof longer, "SET statement_timeout = %d", timeout_ms);
    enum luna_code code = luna_pg_script(database, luna_pg_deadline(database), longer, err);
    if (code != LUNA_OK)
        return code;
    code = query_until(database, luna_deadline_in_ms(timeout_ms), sql, params, ret_result, err);
    /* A session that cannot be reset is broken; the next statement opens another with the handle's
     * timeout. */
    if (luna_pg_script(database, luna_pg_deadline(database), "RESET statement_timeout", &ignored) !=
        LUNA_OK)
        luna_pg_drop(database);
    return code;
}

static enum luna_code run_script(struct luna_database *database, struct luna_deadline deadline,
                                 const char *sql, struct luna_error *err)
{
    PGresult *result = NULL;
    enum luna_code code = ensure_session(database, deadline, err);
    if (code != LUNA_OK)
        return code;
    if (PQsendQuery(database->session, sql) == 0)
        return lost(database, "sending", err);
    code = collect(database, deadline, &result, err);
    PQclear(result);
    return code;
}

enum luna_code luna_pg_script(struct luna_database *database, struct luna_deadline deadline,
                              const char *sql, struct luna_error *err)
{
    int64_t started_ns = start_trip(database);
    return end_trip(database, started_ns, run_script(database, deadline, sql, err));
}

enum luna_code luna_pg_take_notifies(struct luna_database *database, bool *ret_noticed,
                                     struct luna_error *err)
{
    bool noticed = false;
    if (database->session == NULL)
        return luna_error_set(err, LUNA_EUNAVAILABLE, "PostgreSQL: session lost");
    if (PQconsumeInput(database->session) == 0)
        return lost(database, "listening", err);
    for (PGnotify *notify; (notify = PQnotifies(database->session)) != NULL; PQfreemem(notify))
        noticed = true;
    *ret_noticed = noticed;
    return LUNA_OK;
}

enum luna_code luna_database_ping(struct luna_database *database, struct luna_deadline deadline,
                                  struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    luna_pg_purpose(database, LUNA_PURPOSE_PROBE);
    enum luna_code code = luna_pg_query(database, deadline, "SELECT 1", NULL, &result, err);
    if (code == LUNA_OK)
        luna_pg_result_free(result);
    return code;
}
