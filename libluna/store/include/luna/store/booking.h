/*
 * booking.h: the work of quota-syncd, verb by verb; the daemon decides when and how often.
 *
 * Redis counts what workers charge (c) and refund (r), per account and epoch. A booking moves
 * PostgreSQL's watermark of (c, r) forward in the transaction that writes the audit event, and then
 * tells Redis how far it came. Every verb may be stopped anywhere (kill -9 included) and repeated;
 * two daemons at once do no harm, they only do the work twice.
 *
 * The order at start and after any error:
 *   luna_booking_check_redis() → luna_booking_lead() → luna_booking_fence()
 * then in every round:
 *   luna_booking_ask_clocks(), luna_booking_continue_plans(), luna_booking_push(),
 *   luna_booking_pass(), luna_booking_wait()
 * and about once a minute luna_booking_housekeep() and luna_booking_gauges(). A daemon that is not
 * the leader only waits and tries again: luna_booking_lead() returns LUNA_OK with ret_leading
 * false.
 *
 * Errors: LUNA_EUNAVAILABLE or LUNA_ETIMEOUT: a store is unavailable; sleep with jitter, then start
 * again in the order above. LUNA_ECONFLICT from pass, push or housekeep: leadership or the
 * incarnation was lost; start again. LUNA_ECONFIG: an operator must act.
 */
#ifndef LUNA_STORE_BOOKING_H
#define LUNA_STORE_BOOKING_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/durability.h"
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
    bool unsafe_redis;      /* development only: accept a Redis that can lose or evict counters */
    enum luna_durability durability;
    /* Called between two batches of a round (may be NULL), so that the daemon answers health checks
     * and its watchdog during a long one. False stops the round: LUNA_OK, with what was done so
     * far in the report and `stopped` set. */
    bool (*between_batches)(void *context);
    void *between_context;
    struct luna_store_meter *meter; /* NULL: not counted */
};

enum luna_code luna_booker_new(const struct luna_booker_options *options,
                               struct luna_booker **ret_booker,
                               struct luna_error *err) LUNA_MUSTCHECK;
void luna_booker_free(struct luna_booker *booker);

/* LUNA_ECONFIG, with the line of redis.conf that fixes it, for a Redis that evicts
 * (maxmemory-policy other than noeviction), keeps nothing on disk (appendonly no), is a replica, or
 * is older than 7.0; in strict mode also for one that replies before a write is on the disk. */
enum luna_code luna_booking_check_redis(struct luna_booker *booker,
                                        struct luna_error *err) LUNA_MUSTCHECK;

struct luna_redis_memory {
    int64_t used_bytes;
    int64_t max_bytes; /* maxmemory, above which Redis refuses charges; 0: not limited */
};
enum luna_code luna_booking_redis_memory(struct luna_booker *booker,
                                         struct luna_redis_memory *ret_memory,
                                         struct luna_error *err) LUNA_MUSTCHECK;

/* Tries to take the advisory lock of the session that also writes; the first success takes a new,
 * higher term (I10). Cheap. */
enum luna_code luna_booking_lead(struct luna_booker *booker, bool *ret_leading, int64_t *ret_term,
                                 struct luna_error *err) LUNA_MUSTCHECK;

struct luna_booking_clocks {
    int64_t redis_offset_ms, database_offset_ms; /* minus this host's clock */
    bool agree;
};
/* Asks Redis and PostgreSQL for the time. While they differ by more than `offset_max_ms`, do no
 * housekeeping: it ends periods by PostgreSQL's clock alone. */
enum luna_code luna_booking_ask_clocks(struct luna_booker *booker, int64_t offset_max_ms,
                                       struct luna_booking_clocks *ret_clocks,
                                       struct luna_error *err) LUNA_MUSTCHECK;

struct luna_fence_report {
    bool fenced;      /* this call started a new incarnation */
    bool handed_over; /* this build's scripts took the place of another's, without a fence */
    int64_t incarnation;
    /* static text: "first start", "redis restarted", "redis was flushed", "scripts lost", … */
    const char *why;
    int64_t accounts_recovered; /* open epochs closed from the workers' journals */
    int64_t units_recovered; /* net; negative: refunds of booked charges that were not answered */
};
/* Compares Redis's run id and fence record with PostgreSQL's. When they differ it starts a new
 * incarnation in PostgreSQL, flushes the old scripts, closes every open epoch from the journals,
 * and loads and announces the new scripts. From the fault until this returns nothing can be
 * charged. When only the texts of the scripts differ, because this build has others, it announces
 * its own in the incarnation that goes on, and no request notices. Cheap when nothing changed: call
 * it before every pass. Leader only. */
enum luna_code luna_booking_fence(struct luna_booker *booker, struct luna_fence_report *ret_report,
                                  struct luna_error *err) LUNA_MUSTCHECK;

struct luna_booking_report {
    int64_t accounts_seen;    /* accounts in the dirty set */
    int64_t accounts_booked;  /* those whose watermark moved */
    int64_t accounts_dead;    /* those whose epoch is closed: not acknowledged */
    int64_t accounts_refused; /* an operator has to act: */
    int64_t refused_account; /* the last of them, and why: unreadable in Redis, or too many units */
    char refused_reason[160];
    int64_t units_booked; /* net of refunds */
    int64_t periods_closed;
    /* dropped from Redis, as a period ended there that by PostgreSQL's clock has not */
    int64_t accounts_reset;
    int64_t lag_ms; /* how long the pass took */
    bool stopped;   /* between_batches() ended it early */
};
/* One walk over the dirty set (SSCAN): snapshot, book, acknowledge, in batches. */
enum luna_code luna_booking_pass(struct luna_booker *booker, struct luna_booking_report *ret_report,
                                 struct luna_error *err) LUNA_MUSTCHECK;

/* Delivers the outbox to Redis, by version: limits, plans, keys and disabled flags that changed in
 * PostgreSQL. What is not delivered at `until` stays in the outbox: a plan may have so many
 * accounts that bookings would have to wait. */
enum luna_code luna_booking_push(struct luna_booker *booker, struct luna_deadline until,
                                 int64_t *ret_pushed, struct luna_error *err) LUNA_MUSTCHECK;

/* Continues changes of plans that luna_plan_put() left unfinished (10 s without a step): updates
 * their accounts, 1,000 at a time, until all are done or `until` has passed; at least one step.
 * ret_steps: the steps after which there was more to do. */
enum luna_code luna_booking_continue_plans(struct luna_booker *booker, struct luna_deadline until,
                                           int64_t *ret_steps,
                                           struct luna_error *err) LUNA_MUSTCHECK;

/* Sleeps for `timeout_ms`, or until an operator's change (NOTIFY) or a signal. ret_hint: a change
 * was announced. LUNA_EUNAVAILABLE, early, when the session breaks. */
enum luna_code luna_booking_wait(struct luna_booker *booker, int timeout_ms, bool *ret_hint,
                                 struct luna_error *err) LUNA_MUSTCHECK;

/* The descriptor on which NOTIFYs arrive, for the daemon's own poll(2); -1 while there is no
 * session. When it is readable, call luna_booking_wait(booker, 0, …), which reads them. Call this
 * again before every poll: a new session has another descriptor. */
int luna_booking_wait_fd(const struct luna_booker *booker);

struct luna_housekeeping_report {
    int64_t partitions_made; /* partitions of quota_events, up to three months ahead */
    int64_t journal_bytes;   /* after folding */
    int64_t last_backup_s;   /* when it was taken, since 1970; 0: never */
    int64_t segments_folded;
    int64_t periods_closed;    /* ended periods of cold accounts */
    int64_t periods_corrected; /* those that began in the future */
    int64_t keys_expired;      /* noted in the log */
    int64_t accounts_closed;   /* deleted ones, removed from Redis */
};
enum luna_code luna_booking_housekeep(struct luna_booker *booker,
                                      struct luna_housekeeping_report *ret_report,
                                      struct luna_error *err) LUNA_MUSTCHECK;

struct luna_key_uses {
    int64_t noted; /* keys whose last use went to PostgreSQL */
    int64_t moved; /* keys that got their digest under the present pepper */
};
/* Takes to PostgreSQL what Redis has noted of the use of keys, 500 at a time. What is left at
 * `until` stays in Redis. */
enum luna_code luna_booking_key_uses(struct luna_booker *booker, struct luna_deadline until,
                                     struct luna_key_uses *ret_uses,
                                     struct luna_error *err) LUNA_MUSTCHECK;

struct luna_conservation {
    /* a sample of at most `accounts_max`: dirty accounts first, then by rotation */
    int64_t accounts_checked;
    /* I3: accounts where quota != limit - base - charged + refunded, or delta != charged - acked */
    int64_t redis_local;
    /* I4: accounts where quota_used != base + booked charges - booked refunds */
    int64_t database_local;
    int64_t across;          /* I5: accounts where quota + used + unbooked != limit */
    int64_t example_account; /* one of those; 0: none */
    int64_t unbooked_units;  /* sum of charged - booked over the sample */
    int64_t oldest_unbooked_ms;
    int64_t dirty_accounts;
    /* Counted by the workers in the journal directory's page since it was created. */
    int64_t admissions, cold_loads, load_waits, voided, retries;
};
enum luna_code luna_booking_gauges(struct luna_booker *booker, int accounts_max,
                                   struct luna_conservation *ret_gauges,
                                   struct luna_error *err) LUNA_MUSTCHECK;

#endif
