/*
 * clock_fence.h: nothing is charged by a clock of Redis's that PostgreSQL's contradicts. Private to
 * the store.
 */
#ifndef LUNA_STORE_CLOCK_FENCE_H
#define LUNA_STORE_CLOCK_FENCE_H

#include "client/clocks.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_clock_fence {
    struct luna_clocks *clocks; /* shared, or `own` */
    struct luna_clocks own;
    struct luna_database *database;
    int64_t offset_max_ms;
    int64_t closed_until_ns; /* CLOCK_MONOTONIC; 0: open */
};

/* Was the fence closed less than a second ago? Then Redis need not be asked. */
bool luna_clock_fence_holds(const struct luna_clock_fence *fence);
/* Redis says that it is `redis_ms`. If the clocks differ, PostgreSQL is asked for its time. False:
 * Redis's clock is wrong; the fence is closed for a second, and `err` says how far the clocks are
 * apart. */
bool luna_clock_fence_check(struct luna_clock_fence *fence, int64_t redis_ms,
                            struct luna_deadline deadline, struct luna_error *err);
/* By Redis's clock a period has ended that by PostgreSQL's has not: PostgreSQL is asked for the
 * time. True: this host took it for another. False: the fence is closed. */
bool luna_clock_fence_recheck(struct luna_clock_fence *fence, struct luna_deadline deadline,
                              struct luna_error *err);

#endif
