/*
 * usage.h: how much of its quota an account has used. Read only, never charged, and allowed for the
 * worker's role.
 */
#ifndef LUNA_STORE_USAGE_H
#define LUNA_STORE_USAGE_H

#include "luna/base/error.h"
#include "luna/store/account.h"

#include <stdbool.h>
#include <stdint.h>

enum { LUNA_USAGE_DAYS_MAX = 92 };

struct luna_usage_day {
    char day[11]; /* YYYY-MM-DD, UTC, of the booking */
    int64_t units;
};

struct luna_usage {
    struct luna_account account;
    /* `used` includes what Redis has charged and PostgreSQL not yet booked */
    int64_t quota_limit, used, remaining;
    int64_t unbooked; /* that part; 0 when Redis is unavailable */
    bool live;        /* Redis replied, and the account is warm */
    int day_count;
    /* newest first; days without usage are left out */
    struct luna_usage_day days[LUNA_USAGE_DAYS_MAX];
};

/* `counters` may be NULL: booked figures only. `days` 0 … LUNA_USAGE_DAYS_MAX. When the account's
 * period has ended and there was no request since, `used` is 0 and the period is the current
 * one. */
enum luna_code luna_usage_get(struct luna_database *database, struct luna_counters *counters,
                              int64_t account_id, int days, struct luna_usage *ret_usage,
                              struct luna_error *err) LUNA_MUSTCHECK;

#endif
