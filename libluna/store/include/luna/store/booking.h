/*
 * booking.h: what quota-syncd does, verb by verb; when and how often is the daemon's own affair.
 *
 * Redis counts what workers charge (c) and take back (r), per account and epoch; a booking moves
 * PostgreSQL's watermark of (c, r) forward in the transaction that writes the audit event, and then
 * tells Redis how far it came. Every verb may be stopped anywhere (kill -9 included) and repeated;
 * two daemons at once do no harm, they only waste work.
 *
 * Order at start and after any error:  luna_booking_check_redis() → luna_booking_lead() →
 * luna_booking_fence()
 *   → then, again and again: luna_booking_carry_on_plans(), luna_booking_push(),
 *     luna_booking_pass(),
 *   luna_booking_wait().
 * Now and then (a minute, say): luna_booking_housekeep(), luna_booking_gauges(), which also finds
 * what a hand took out of the dirty set. A daemon that does not lead (ret_leading false) only waits
 * and asks again: LUNA_OK is returned by _lead() all the same.
 *
 * Errors: LUNA_EUNAVAILABLE or LUNA_ETIMEOUT: a store is away; sleep with jitter, then start again
 * from the order above. LUNA_ECONFLICT from pass/push: leadership or the incarnation was lost;
 * start again. LUNA_ECONFIG: an operator must act.
 */
#ifndef LUNA_STORE_BOOKING_H
#define LUNA_STORE_BOOKING_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/meter.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_booker;

struct luna_booker_options {
    const char *redis_url;
    /* of the role luna_syncd; a direct session, not through a transaction pooler */
    const char *database_url;
    const char *journal_dir; /* the workers' journals: the same directory as theirs */
    int redis_timeout_ms, database_timeout_ms;
    int batch_accounts_max; /* accounts booked in one transaction, 1 … 5000 */
    bool unsafe_redis;      /* development only: accept a Redis that may lose or evict quotas */
    /* Called between two batches of a pass (may be NULL), so that the daemon answers health checks
     * and feeds its watchdog during a long one. False ends the pass there: LUNA_OK, with what was
     * done so far in the report and `stopped` set. */
    bool (*between_batches)(void *context);
    void *between_context;
    struct luna_store_meter *meter; /* NULL: nobody counts */
};

enum luna_code luna_booker_new(const struct luna_booker_options *options,
                               struct luna_booker **ret_booker,
                               struct luna_error *err) LUNA_MUSTCHECK;
void luna_booker_free(struct luna_booker *booker);

/* Refuses (LUNA_ECONFIG, with the redis.conf line that repairs it) a Redis that evicts
 * (maxmemory-policy other than noeviction) or keeps nothing on disk (appendonly no), or is a
 * replica; or too old (before 7.0). */
enum luna_code luna_booking_check_redis(struct luna_booker *booker,
                                        struct luna_error *err) LUNA_MUSTCHECK;

/* Tries for the advisory lock of the session that also writes; on first success takes a new,
 * higher term. Cheap. */
enum luna_code luna_booking_lead(struct luna_booker *booker, bool *ret_leading, int64_t *ret_term,
                                 struct luna_error *err) LUNA_MUSTCHECK;

struct luna_fence_report {
    bool fenced; /* this call made a new incarnation */
    int64_t incarnation;
    /* static text: "first start", "redis restarted", "redis was flushed", "scripts lost", … */
    const char *why;
    int64_t accounts_recovered; /* open epochs closed from the workers' journals */
    int64_t units_recovered;    /* net; negative: charges that were booked but never answered */
};
/* Compares Redis's run id and fence record with PostgreSQL's. When they differ: a new incarnation
 * in PostgreSQL, old scripts flushed, every open epoch closed from the journals, then the new
 * charge scripts loaded and announced. Nothing can be charged from the fault until this returns.
 * Cheap when nothing changed: call it before every pass. Leaders only. */
enum luna_code luna_booking_fence(struct luna_booker *booker, struct luna_fence_report *ret_report,
                                  struct luna_error *err) LUNA_MUSTCHECK;

struct luna_booking_report {
    int64_t accounts_seen;    /* in the dirty set */
    int64_t accounts_booked;  /* a watermark moved */
    int64_t accounts_dead;    /* their epoch is closed: not acknowledged */
    int64_t accounts_refused; /* booking would leave INTEGER's range; see `refused_account` */
    int64_t refused_account;
    int64_t units_booked; /* net of refunds */
    int64_t periods_closed;
    int64_t lag_ms; /* how long the pass took */
    bool stopped;   /* between_batches() ended it early */
};
/* One walk over the dirty set (SSCAN): snapshot, book, acknowledge, in batches. */
enum luna_code luna_booking_pass(struct luna_booker *booker, struct luna_booking_report *ret_report,
                                 struct luna_error *err) LUNA_MUSTCHECK;

/* Delivers the outbox: limits, plans, keys, disabled flags that changed in PostgreSQL, into Redis,
 * by version. What is not delivered when `until` has passed stays in the outbox: a plan may have
 * more accounts than bookings can wait for. */
enum luna_code luna_booking_push(struct luna_booker *booker, struct luna_deadline until,
                                 int64_t *ret_pushed, struct luna_error *err) LUNA_MUSTCHECK;

/* Tells the accounts of plans that an operator changed and did not see to its end (luna_plan_put(),
 * 10 s without a step), 1,000 at a time until all have heard or `until` has passed; at least once.
 * ret_steps: those after which there was more. */
enum luna_code luna_booking_carry_on_plans(struct luna_booker *booker, struct luna_deadline until,
                                           int64_t *ret_steps,
                                           struct luna_error *err) LUNA_MUSTCHECK;

/* Sleeps until `timeout_ms`, an operator's change (NOTIFY), or a signal. ret_hint: a change was
 * announced. A broken session ends the sleep early with LUNA_EUNAVAILABLE. */
enum luna_code luna_booking_wait(struct luna_booker *booker, int timeout_ms, bool *ret_hint,
                                 struct luna_error *err) LUNA_MUSTCHECK;

/* The descriptor on which announcements arrive, for the daemon's own poll(2); -1 while there is no
 * session. When it is readable, call luna_booking_wait(booker, 0, …), which takes them. Ask again
 * before every poll: a new session has another. */
int luna_booking_wait_fd(const struct luna_booker *booker);

struct luna_housekeeping_report {
    int64_t partitions_made; /* of quota_events, up to three months ahead */
    int64_t journal_bytes;   /* after folding */
    int64_t segments_folded;
    int64_t periods_closed; /* of cold accounts whose period ended */
    int64_t keys_expired;   /* pushed out of Redis */
};
enum luna_code luna_booking_housekeep(struct luna_booker *booker,
                                      struct luna_housekeeping_report *ret_report,
                                      struct luna_error *err) LUNA_MUSTCHECK;

struct luna_conservation {
    /* a sample: dirty ones first, then by rotation, at most `accounts_max` */
    int64_t accounts_checked;
    /* I3: accounts where quota != limit - base - charged + refunded, or delta != charged - acked */
    int64_t redis_local;
    /* I4: accounts where quota_used != base + booked charges - booked refunds */
    int64_t database_local;
    int64_t across;          /* I5: accounts where quota + used + unbooked != limit */
    int64_t example_account; /* one of them; 0: none */
    int64_t unbooked_units;  /* sum of charged - booked over the sample */
    int64_t oldest_unbooked_ms;
    int64_t dirty_accounts;
    /* Counted by the workers in the journal directory's page since it was made. */
    int64_t admissions, cold_loads, load_waits, voided, retries;
};
enum luna_code luna_booking_gauges(struct luna_booker *booker, int accounts_max,
                                   struct luna_conservation *ret_gauges,
                                   struct luna_error *err) LUNA_MUSTCHECK;

#endif
