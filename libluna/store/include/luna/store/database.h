/*
 * database.h: one session with PostgreSQL, which keeps the ledger.
 *
 * Programs open a handle and pass it to the verbs of account.h, plan.h, usage.h, audit.h and
 * migrate.h; the SQL itself stays inside the store. One handle belongs to one process and one
 * thread; open it after a fork. Every statement has a deadline (`timeout_ms`, in the client and in
 * the server); a session that broke, or whose reply came too late, is closed and opened again by
 * the next statement.
 */
#ifndef LUNA_STORE_DATABASE_H
#define LUNA_STORE_DATABASE_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/meter.h"

#include <stdatomic.h>

struct luna_database;

enum { LUNA_DATABASE_WAITERS = 256 };

/* A circuit breaker that the sessions of several processes share: all zero at first, in memory that
 * they all map. After two failures in a row (no reply in time, or no connection) it opens: calls
 * fail at once with LUNA_EUNAVAILABLE, and one session probes every half second. A worker that
 * waits for a timeout answers no requests, and a login that fails costs both sides.
 *
 * A PostgreSQL that is slow and does not fail could still keep every worker waiting. So at most
 * `waiters_max` sessions wait longer than a quarter of their timeout: a further one then fails with
 * LUNA_ETIMEOUT, and while so many wait, new calls fail at once. */
struct luna_database_breaker {
    atomic_int failures;        /* in a row */
    atomic_llong open_until_ns; /* CLOCK_MONOTONIC; 0: closed */
    atomic_int waiters_max;     /* 0: no limit */
    /* When each session that waits began to; 0: a free place. */
    atomic_llong waiting_since_ns[LUNA_DATABASE_WAITERS];
};

/* Copies `url` (anything libpq takes: postgresql://… or key=value). A second line is the same URL
 * with the password that the first one's replaces: it is tried when the server refuses the first.
 * Does not connect yet. LUNA_ENOMEM, LUNA_EINVAL. */
enum luna_code luna_database_new(const char *url, int timeout_ms,
                                 struct luna_database **ret_database,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_database_free(struct luna_database *database);
/* Counts its statements from here on, under `purpose` unless a verb sets another. `meter` outlives
 * it. */
void luna_database_meter(struct luna_database *database, struct luna_store_meter *meter,
                         enum luna_purpose purpose);
/* `breaker` outlives it. Without one, every call waits for its own timeout. */
void luna_database_share_breaker(struct luna_database *database,
                                 struct luna_database_breaker *breaker);
/* Connects if needed, and waits for a reply. LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_database_ping(struct luna_database *database, struct luna_deadline deadline,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
