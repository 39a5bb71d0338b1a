/*
 * plan.h: what the accounts of a plan may do. Plans are rows in PostgreSQL; a change reaches
 * running workers without a restart.
 */
#ifndef LUNA_STORE_PLAN_H
#define LUNA_STORE_PLAN_H

#include "luna/base/error.h"
#include "luna/store/account.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_plan {
    char name[LUNA_PLAN_NAME_BYTES];
    /* sustained requests per second, 1 … 1000000; requests at once, 1 … 1000000 */
    int64_t rate_per_s, rate_burst;
    int64_t quota_limit; /* set for accounts that get the plan; -1: they keep theirs */
    enum luna_period quota_period;
    int64_t points_max;     /* observations per request; 0: no limit */
    int64_t concurrent_max; /* requests at one time; 0: no limit */
    /* processor time, on average; 0: no limit. A minute's worth may be used at once */
    int64_t compute_ms_per_s;
    /* set by luna_plan_list() and luna_plan_find(): not all of its accounts are updated yet */
    bool changing;
};

/* Calls `each` in order of name, for at most `count_max` (0: all) after the name `after` (NULL:
 * from the first); stops when it returns false. */
enum luna_code luna_plan_list(struct luna_database *database, const char *after, int64_t count_max,
                              bool (*each)(void *context, const struct luna_plan *plan),
                              void *context, struct luna_error *err) LUNA_MUSTCHECK;
/* LUNA_ENOTFOUND. */
enum luna_code luna_plan_find(struct luna_database *database, const char *name,
                              struct luna_plan *ret_plan, struct luna_error *err) LUNA_MUSTCHECK;
/* Creates or changes the plan. Its accounts get the new rates (their quota limits stay as they
 * are). The period of a plan that has accounts may change too; what they have used so far counts in
 * the new period.
 * 
 * The plan changes in one transaction. Then its accounts are updated, many in one transaction, each
 * transaction bounded, so that no statement comes near its timeout, however many accounts there
 * are. If this ends early (an error, a kill -9), the rest of the accounts is not updated yet, and
 * none by halves: quota-syncd continues after 10 s, and so does luna_plan_put() with the same plan.
 * A plan that has these values already is not changed. */
enum luna_code luna_plan_put(const struct luna_operator *op, const struct luna_plan *plan,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
