/*
 * plan.h: what an account of a kind may do. Rows in PostgreSQL; a change reaches running workers
 * without a restart.
 */
#ifndef LUNA_STORE_PLAN_H
#define LUNA_STORE_PLAN_H

#include "luna/base/error.h"
#include "luna/store/account.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_plan {
    char name[LUNA_PLAN_NAME_BYTES];
    /* sustained requests per second, 1 … 1000000; how many may come at once, 1 … 1000000 */
    int64_t rate_per_s, rate_burst;
    int64_t quota_limit; /* given to accounts that take the plan; -1: they keep theirs */
    enum luna_period quota_period;
    int64_t points_max;     /* observations per request; 0: no limit */
    int64_t concurrent_max; /* requests at one time; 0: no limit */
    /* told by luna_plan_list(): not all of its accounts have heard of the last change yet */
    bool changing;
};

enum luna_code luna_plan_list(struct luna_database *database,
                              bool (*each)(void *context, const struct luna_plan *plan),
                              void *context, struct luna_error *err) LUNA_MUSTCHECK;
/* Makes or changes the plan; accounts that have it get the new rates at once (their quota limits
 * stay as they are). The period of a plan that has accounts may change too; what they have used so
 * far counts in the new period.
 *
 * The plan changes in one transaction. Then its accounts are told, many in a transaction of their
 * own, each of them bounded: any number of accounts can be told, and no statement comes near its
 * timeout. What comes in between (an error, a kill -9) leaves the rest untold, never one of them
 * half told: quota-syncd goes on after 10 s, and so does luna_plan_put() when it is asked for the
 * same once more. A plan that is what was asked for already is not changed. */
enum luna_code luna_plan_put(const struct luna_operator *op, const struct luna_plan *plan,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
