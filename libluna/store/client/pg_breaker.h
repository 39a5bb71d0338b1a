/*
 * pg_breaker.h: the circuit breaker in front of PostgreSQL. Private to the store. Its memory is
 * shared by the workers of a host; `breaker` may be NULL, then every call is let through.
 *
 *   closed     every session asks.
 *   open       after FAILURES_MAX failures in a row: every call fails at once, until a time.
 *   half-open  that time has passed: one session probes, the others still fail at once. Its success
 *              closes the breaker, its failure opens it again.
 *
 * Each call between enter and leave has a place, which tells the others for how long it has waited.
 */
#ifndef LUNA_STORE_PG_BREAKER_H
#define LUNA_STORE_PG_BREAKER_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>

enum { LUNA_PG_NO_PLACE = -1 };

/* False: fail at once; there is nothing to leave. True when the breaker is closed, and in the
 * half-open state for the one session that probes; that one has `timeout_ms` for it. */
bool luna_pg_breaker_enter(struct luna_database_breaker *breaker, int timeout_ms,
                           int *ret_place) LUNA_MUSTCHECK;
void luna_pg_breaker_leave(struct luna_database_breaker *breaker, int place);
/* The earlier of `deadline` and the time when the call at `place`, over all its steps, has waited
 * so long that it has to ask luna_pg_breaker_is_crowded(). */
struct luna_deadline luna_pg_breaker_cap(const struct luna_database_breaker *breaker, int place,
                                         int timeout_ms,
                                         struct luna_deadline deadline) LUNA_MUSTCHECK;
/* Have `waiters_max` other sessions waited longer than the one at `place`? */
bool luna_pg_breaker_is_crowded(const struct luna_database_breaker *breaker, int place,
                                int timeout_ms) LUNA_MUSTCHECK;
/* No reply in time, or no connection. */
void luna_pg_breaker_failure(struct luna_database_breaker *breaker);
void luna_pg_breaker_success(struct luna_database_breaker *breaker);

#endif
