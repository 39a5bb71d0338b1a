/*
 * pg.h: the verbs that the rest of the store uses on a luna_database. Private to the store.
 *
 * The only users of libpq are pg.c, pg_hosts.c and pg_value.c. Statements run asynchronously with a
 * poll(2) of our own, so that a deadline holds even when the server or the network hangs; a session
 * whose reply did not come in time is closed.
 */
#ifndef LUNA_STORE_PG_H
#define LUNA_STORE_PG_H

#include "client/pg_value.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>
#include <stdint.h>

/* One statement. Codes: LUNA_EUNAVAILABLE (no connection, shutting down), LUNA_ETIMEOUT,
 * LUNA_EINVAL (checks, ranges), LUNA_ECONFLICT (unique), those of sqlstates.def, LUNA_EPROTOCOL
 * (any other refusal: the schema is not of this build). *ret_result is the caller's:
 * luna_pg_result_free(). The deadline is the handle's timeout from now, or `deadline`, whichever
 * comes first. */
enum luna_code luna_pg_query(struct luna_database *database, struct luna_deadline deadline,
                             const char *sql, const struct luna_pg_params *params,
                             struct luna_pg_result **ret_result,
                             struct luna_error *err) LUNA_MUSTCHECK;
/* One statement that may take longer than the handle's timeout, such as a recovery of all
 * accounts. */
enum luna_code luna_pg_query_long(struct luna_database *database, int timeout_ms, const char *sql,
                                  const struct luna_pg_params *params,
                                  struct luna_pg_result **ret_result,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* Several statements without parameters or rows, by the simple protocol. */
enum luna_code luna_pg_script(struct luna_database *database, struct luna_deadline deadline,
                              const char *sql, struct luna_error *err) LUNA_MUSTCHECK;
/* A deadline of the handle's own timeout. */
struct luna_deadline luna_pg_deadline(const struct luna_database *database);
/* Grows with every session: the locks and LISTENs of an earlier one are lost. 0: never
 * connected. */
uint64_t luna_pg_generation(const struct luna_database *database);
void luna_pg_drop(struct luna_database *database);
/* The meter counts the statements from here on under `purpose`. */
void luna_pg_purpose(struct luna_database *database, enum luna_purpose purpose);
/* The session's socket, -1 without one. */
int luna_pg_fd(const struct luna_database *database);
/* Reads what has arrived; ret_noticed: at least one NOTIFY. LUNA_EUNAVAILABLE: the session is
 * lost. */
enum luna_code luna_pg_take_notifies(struct luna_database *database, bool *ret_noticed,
                                     struct luna_error *err) LUNA_MUSTCHECK;

#endif
