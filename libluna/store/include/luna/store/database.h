/*
 * database.h: one session with PostgreSQL.
 *
 * Who: programs open a handle and pass it to the verbs of account.h, plan.h, usage.h, audit.h and
 * migrate.h; the SQL itself stays inside the store. One handle belongs to one process and one
 * thread; never open it before a fork. Every statement has a deadline (`timeout_ms`, on both sides
 * of the wire); a session that broke, or whose answer came too late, is dropped and made anew at
 * the next use, so a caller needs no reconnecting of its own.
 */
#ifndef LUNA_STORE_DATABASE_H
#define LUNA_STORE_DATABASE_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/meter.h"

#include <stdatomic.h>

struct luna_database;

/* What the sessions of several processes know together of a server that does not answer: all zero
 * at first, in memory that they share. After two questions in a row that were not answered in time,
 * or connections that were refused, one of them looks every half second, and the questions of the
 * others fail at once, with LUNA_EUNAVAILABLE: who stands and waits serves nobody, and a login that
 * fails is work for both sides. */
struct luna_database_silence {
    atomic_int unheard;
    atomic_llong closed_until_ns; /* CLOCK_MONOTONIC; 0: open */
};

/* Copies `url` (anything libpq takes: postgresql://… or key=value). Connects nothing yet;
 * LUNA_ENOMEM, LUNA_EINVAL. */
enum luna_code luna_database_new(const char *url, int timeout_ms,
                                 struct luna_database **ret_database,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_database_free(struct luna_database *database);
/* What it asks is counted from here on, as being for `purpose` where a verb does not know
 * better. `meter` outlives it. */
void luna_database_meter(struct luna_database *database, struct luna_store_meter *meter,
                         enum luna_purpose purpose);
/* `silence` outlives it. Without one, every question waits for its own answer. */
void luna_database_share(struct luna_database *database, struct luna_database_silence *silence);
/* Connects if need be and asks for an answer. LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_database_ping(struct luna_database *database, struct luna_deadline deadline,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
