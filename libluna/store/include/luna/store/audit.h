/*
 * audit.h: the append-only log of every change of every quota, and its verification.
 *
 * Every event carries the SHA-256 of its predecessor (per account) and of its own fields; the
 * account row holds the last one's. Verification recomputes each hash and each balance from the log
 * alone, and compares the end with the account row (I6 of docs/QUOTA.md).
 */
#ifndef LUNA_STORE_AUDIT_H
#define LUNA_STORE_AUDIT_H

#include "luna/base/error.h"
#include "luna/store/account.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_audit_fault {
    int64_t account_id;
    int64_t seq;   /* of the first event that is wrong; 0: the account row */
    char what[32]; /* hash, gap, balance, counter, limit, head, account, term */
    char detail[160];
};

struct luna_audit_summary {
    int64_t accounts, events, faults;
    int64_t booked_units; /* the sum of all events' deltas: what was charged */
};

/* `account_id` 0: all, in steps of some accounts each, so that no sort grows with the log. Calls
 * `each` for every fault. LUNA_OK: the log was read; it is sound if ret_summary->faults is 0. */
enum luna_code luna_audit_verify(struct luna_database *database, int64_t account_id,
                                 void (*each)(void *context, const struct luna_audit_fault *fault),
                                 void *context, const struct luna_progress *progress,
                                 struct luna_audit_summary *ret_summary,
                                 struct luna_error *err) LUNA_MUSTCHECK;

struct luna_audit_event {
    int64_t account_id, seq, at_ms;
    /* account_create, book, recovery, period_close, limit_change, plan_change, key_create,
     * key_revoke, … */
    char kind[24];
    char actor[128];
    int64_t epoch, period_no;
    int64_t from_c, to_c, from_r, to_r; /* charged and refunded counters, before and after */
    int64_t delta, used_before, used_after, limit_before, limit_after;
    char reason[256];
    char hash[65]; /* hex */
};

struct luna_audit_filter {
    int64_t account_id; /* 0: all */
    int64_t
        before_seq;   /* only events with a smaller seq (needs an account); 0: the newest of all */
    const char *kind; /* NULL: any */
    int64_t since_ms, until_ms; /* from the one to before the other; 0: no bound */
    int count;                  /* 1 … 10000 */
};

/* The `count` of these events that were written last, in the order in which they were written:
 * their times are not in order if a clock was set back. */
enum luna_code luna_audit_show(struct luna_database *database,
                               const struct luna_audit_filter *filter,
                               bool (*each)(void *context, const struct luna_audit_event *event),
                               void *context, struct luna_error *err) LUNA_MUSTCHECK;

#endif
