/*
 * meter.h: how long Redis and PostgreSQL took, and which errors they had, as counters for /metrics.
 *
 * A program provides the memory, all zero at first (a worker's is in the scoreboard, quota-syncd's
 * is its own), and passes it to luna_admitter_new(), luna_booker_new(), luna_counters_meter() and
 * luna_database_meter(); without it nothing is counted. One process writes, others may read at any
 * time and add up. A time is that of one round trip, connecting and failing included; a pipeline of
 * commands is one. Purposes and kinds of errors are the two tables here, so that the values of the
 * labels are known in advance.
 */
#ifndef LUNA_STORE_METER_H
#define LUNA_STORE_METER_H

#include "luna/base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

enum luna_meter_program { LUNA_METER_WORKER = 1, LUNA_METER_SYNCD = 2 }; /* bits */

/* X(symbol, name, programs that use Redis for it, programs that use PostgreSQL for it) */
#define LUNA_PURPOSE_TABLE(X)                                                                      \
    X(LUNA_PURPOSE_ADMIT, "admit", LUNA_METER_WORKER, 0)                                           \
    X(LUNA_PURPOSE_COMMIT, "commit", LUNA_METER_WORKER, 0)                                         \
    X(LUNA_PURPOSE_REFUND, "refund", LUNA_METER_WORKER, 0)                                         \
    X(LUNA_PURPOSE_LOAD, "load", LUNA_METER_WORKER, LUNA_METER_WORKER)                             \
    X(LUNA_PURPOSE_API, "api", LUNA_METER_WORKER, LUNA_METER_WORKER)                               \
    X(LUNA_PURPOSE_PROBE, "probe", LUNA_METER_WORKER, LUNA_METER_WORKER)                           \
    X(LUNA_PURPOSE_LEAD, "lead", 0, LUNA_METER_SYNCD)                                              \
    X(LUNA_PURPOSE_FENCE, "fence", LUNA_METER_SYNCD, LUNA_METER_SYNCD)                             \
    X(LUNA_PURPOSE_BOOK, "book", LUNA_METER_SYNCD, LUNA_METER_SYNCD)                               \
    X(LUNA_PURPOSE_PUSH, "push", LUNA_METER_SYNCD, LUNA_METER_SYNCD)                               \
    X(LUNA_PURPOSE_HOUSEKEEP, "housekeep", 0, LUNA_METER_SYNCD)                                    \
    X(LUNA_PURPOSE_CHECK, "check", LUNA_METER_SYNCD, LUNA_METER_SYNCD)

enum luna_purpose {
#define X(symbol, name, redis, postgresql) symbol,
    LUNA_PURPOSE_TABLE(X)
#undef X
        LUNA_PURPOSES
};

/* X(symbol, name): no reply in time; no connection, or it broke; an error reply; Redis is fenced
 * (quota-syncd has not recovered the counters yet). A refusal that is the caller's fault, such as a
 * name that exists, is not counted. */
#define LUNA_METER_ERROR_TABLE(X)                                                                  \
    X(LUNA_METER_TIMEOUT, "timeout")                                                               \
    X(LUNA_METER_CONNECTION, "connection")                                                         \
    X(LUNA_METER_REFUSED, "refused")                                                               \
    X(LUNA_METER_FENCED, "fenced")

enum luna_meter_error {
#define X(symbol, name) symbol,
    LUNA_METER_ERROR_TABLE(X)
#undef X
        LUNA_METER_ERRORS
};

enum { LUNA_METER_BUCKETS = 15 };

struct luna_meter_times {
    atomic_ullong buckets[LUNA_METER_BUCKETS];
    atomic_ullong sum_ns;
};

struct luna_meter { /* of one store */
    struct luna_meter_times times[LUNA_PURPOSES];
    atomic_ullong errors[LUNA_METER_ERRORS];
    atomic_ullong connects;
};

struct luna_store_meter {
    struct luna_meter redis, postgresql;
};

/* `meter` may be NULL in these three. */
void luna_meter_time(struct luna_meter *meter, enum luna_purpose purpose, int64_t duration_ns);
void luna_meter_error(struct luna_meter *meter, enum luna_meter_error kind);
void luna_meter_connect(struct luna_meter *meter);

void luna_store_meter_add(struct luna_store_meter *total, const struct luna_store_meter *part);
/* Writes luna_redis_… and luna_postgresql_…: every row that `program` can have, also while it is
 * 0. */
void luna_store_meter_put(const struct luna_store_meter *meter, enum luna_meter_program program,
                          struct luna_buf *out);

#endif
