/*
 * pg_breaker.h: the circuit breaker in front of PostgreSQL. Private to the store. Its memory is
 * shared by the workers of a host; `breaker` may be NULL, then every call is let through.
 *
 *   closed     every session asks.
 *   open       after FAILURES_MAX failures in a row: every call fails at once, until a time.
 *   half-open  that time has passed: one session probes, the others still fail at once. Its success
 *              closes the breaker, its failure opens it again.
 */
#ifndef LUNA_STORE_PG_BREAKER_H
#define LUNA_STORE_PG_BREAKER_H

#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>

/* False: fail at once. True when the breaker is closed, and in the half-open state for the one
 * session that probes; that one has `timeout_ms` for it. */
bool luna_pg_breaker_enter(struct luna_database_breaker *breaker, int timeout_ms) LUNA_MUSTCHECK;
/* No reply in time, or no connection. */
void luna_pg_breaker_failure(struct luna_database_breaker *breaker);
void luna_pg_breaker_success(struct luna_database_breaker *breaker);

#endif
