/*
 * metrics.h: what quota-syncd counts, declared once and shown as Prometheus text and as JSON.
 */
#ifndef SYNCD_METRICS_H
#define SYNCD_METRICS_H

#include "luna/base/buf.h"
#include "luna/store/meter.h"

#include <stdint.h>

/* X(member, kind, help). Counters end in _total and only grow; gauges are what the last round
 * saw. */
#define SYNCD_METRIC_TABLE(X)                                                                      \
    X(leading, gauge, "1 while this daemon books; 0 while it stands by or cannot reach a store")   \
    X(term, gauge, "Number of the leadership that books; grows with every change of leader")       \
    X(incarnation, gauge, "Number of the Redis life that charges are made in")                     \
    X(rounds_total, counter, "Rounds of booking that went through")                                \
    X(round_failures_total, counter, "Rounds that a store broke off")                              \
    X(round_duration_ms, gauge, "How long the last whole round took")                              \
    X(last_round_age_ms, gauge,                                                                    \
      "Time since the last whole round: how far the ledger can lag behind")                        \
    X(accounts_dirty, gauge, "Accounts with charges that were not yet booked, when last counted")  \
    X(units_unbooked, gauge, "Units charged and not yet booked, when last counted")                \
    X(oldest_unbooked_ms, gauge,                                                                   \
      "Age of the oldest charge that was not yet booked, when last counted")                       \
    X(accounts_booked_total, counter,                                                              \
      "Bookings of one account each, written to the ledger with their event")                      \
    X(units_booked_total, counter, "Units charged, less refunds, that were booked")                \
    X(accounts_dead_total, counter,                                                                \
      "Dirty accounts whose epoch had been closed meanwhile: nothing to book")                     \
    X(accounts_refused_total, counter,                                                             \
      "Bookings that would leave the range of the ledger and wait for an operator")                \
    X(fences_total, counter, "Restarts or losses of Redis after which charging was opened again")  \
    X(accounts_recovered_total, counter,                                                           \
      "Open epochs that were closed from the journals of the workers")                             \
    X(units_recovered_total, counter,                                                              \
      "Units booked from those journals because Redis had lost them")                              \
    X(changes_pushed_total, counter,                                                               \
      "Changed accounts, plans and keys that were carried to Redis")                               \
    X(periods_closed_total, counter, "Quota periods that were closed")                             \
    X(keys_expired_total, counter, "Keys that expired and were taken out of Redis")                \
    X(partitions_made_total, counter, "Monthly partitions of the audit log that were made ahead")  \
    X(journal_bytes, gauge, "Size of the charge journals of this host after folding")              \
    X(hints_total, counter, "Announcements from PostgreSQL that woke the daemon")                  \
    X(cache_hits_total, counter,                                                                   \
      "Admissions that Redis answered alone, as the workers counted them")                         \
    X(cache_misses_total, counter, "Admissions that found their account cold")                     \
    X(cache_loads_total, counter, "Accounts that were loaded from PostgreSQL into Redis")          \
    X(charges_voided_total, counter,                                                               \
      "Charges that were taken back just before the answer because Redis had restarted")           \
    X(admission_retries_total, counter,                                                            \
      "Admissions that were asked again after Redis did not answer")                               \
    X(conservation_stale, gauge,                                                                   \
      "1 when something was booked, pushed or fenced since the last check of conservation")        \
    X(conservation_accounts, gauge, "Accounts that the last check of conservation read")           \
    X(conservation_redis_broken, gauge,                                                            \
      "Accounts whose counters in Redis do not add up; must be 0")                                 \
    X(conservation_ledger_broken, gauge,                                                           \
      "Accounts whose ledger is not the sum of its bookings; must be 0")                           \
    X(conservation_total_broken, gauge,                                                            \
      "Accounts where Redis and ledger do not add up to the limit; must be 0")

struct syncd_metrics {
#define X(member, kind, help) int64_t member;
    SYNCD_METRIC_TABLE(X)
#undef X
    struct luna_store_meter stores; /* shown as Prometheus text only */
};

/* Prometheus text format 0.0.4: luna_syncd_<member>, one in _ms as _seconds; luna_build_info,
 * process_*, luna_redis_* and luna_postgresql_* besides. */
void metrics_put_prometheus(const struct syncd_metrics *metrics, struct luna_buf *out);
/* "member": value, … without the braces. */
void metrics_put_json(const struct syncd_metrics *metrics, struct luna_buf *out);

#endif
