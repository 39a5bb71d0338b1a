/*
 * database.h: one session with PostgreSQL.
 *
 * Who: programs open a handle and pass it to the verbs of account.h, plan.h, usage.h, audit.h and migrate.h; the SQL
 * itself stays inside the store. One handle belongs to one process and one thread; never open it before a fork.
 * Every statement has a deadline (`timeout_ms`, on both sides of the wire); a session that broke, or whose answer came
 * too late, is dropped and made anew at the next use, so a caller needs no reconnecting of its own.
 */
#ifndef LUNA_STORE_DATABASE_H
#define LUNA_STORE_DATABASE_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/meter.h"

struct luna_database;

/* Copies `url` (anything libpq takes: postgresql://… or key=value). Connects nothing yet; LUNA_ENOMEM, LUNA_EINVAL. */
enum luna_code luna_database_new(const char *url, int timeout_ms, struct luna_database **ret_database,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_database_free(struct luna_database *database);
/* What it asks is counted from here on, as being for `purpose` where a verb does not know better. `meter` outlives it. */
void luna_database_meter(struct luna_database *database, struct luna_store_meter *meter,
                         enum luna_purpose purpose);
/* Connects if need be and asks for an answer. LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_database_ping(struct luna_database *database, struct luna_deadline deadline,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
