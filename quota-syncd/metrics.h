/*
 * metrics.h: the metrics of quota-syncd, declared once and printed as Prometheus text and as JSON.
 */
#ifndef SYNCD_METRICS_H
#define SYNCD_METRICS_H

#include "luna/base/buf.h"
#include "luna/store/meter.h"

#include <stdint.h>

/* X(member, kind, help). Counters end in _total and only grow; gauges hold the value of the last
 * round. */
#define SYNCD_METRIC_TABLE(X)                                                                      \
    X(leading, gauge, "1 while this daemon books; 0 on standby or while a store is unavailable")   \
    X(term, gauge, "Number of the leader's term; grows with every change of leader")               \
    X(incarnation, gauge, "Number of the Redis incarnation that charges are made in")              \
    X(rounds_total, counter, "Completed rounds of booking")                                        \
    X(round_failures_total, counter, "Rounds that failed on a store")                              \
    X(round_duration_ms, gauge, "Duration of the last completed round")                            \
    X(last_round_age_ms, gauge,                                                                    \
      "Time since the last completed round, the most that the ledger can lag")                     \
    X(clock_redis_offset_ms, gauge, "Redis's clock minus this host's, in the last round")          \
    X(clock_database_offset_ms, gauge, "PostgreSQL's clock minus this host's, in the last round")  \
    X(clocks_disagree, gauge,                                                                      \
      "1 while Redis's clock differs from PostgreSQL's by more than LUNA_CLOCK_OFFSET_MAX_MS")     \
    X(accounts_dirty, gauge, "Accounts with charges not yet booked, when last counted")            \
    X(units_unbooked, gauge, "Units charged and not yet booked, when last counted")                \
    X(oldest_unbooked_ms, gauge, "Age of the oldest charge not yet booked, when last counted")     \
    X(accounts_booked_total, counter,                                                              \
      "Bookings of one account each, written to the ledger with their audit event")                \
    X(units_booked_total, counter, "Units booked: charges minus refunds")                          \
    X(accounts_dead_total, counter,                                                                \
      "Dirty accounts whose epoch was already closed: nothing to book")                            \
    X(accounts_refused_total, counter,                                                             \
      "Bookings that need an operator: they would overflow the ledger, or Redis is unreadable")    \
    X(fences_total, counter, "Redis restarts or data losses after which charging was resumed")     \
    X(accounts_recovered_total, counter,                                                           \
      "Open epochs that were closed from the workers' journals")                                   \
    X(units_recovered_total, counter,                                                              \
      "Units booked from the journals because Redis had lost them")                                \
    X(changes_pushed_total, counter, "Changed accounts, plans and keys that were pushed to Redis") \
    X(periods_closed_total, counter, "Quota periods closed")                                       \
    X(keys_expired_total, counter, "Keys whose end was noted in the audit log")                    \
    X(keys_moved_total, counter, "Keys whose digest was moved to the present pepper")              \
    X(partitions_made_total, counter, "Monthly partitions of the audit log created in advance")    \
    X(last_backup_timestamp_seconds, gauge,                                                        \
      "When the last backup was taken, in seconds since 1970; 0: never")                           \
    X(redis_memory_bytes, gauge, "Memory that Redis uses (used_memory)")                           \
    X(redis_memory_max_bytes, gauge,                                                               \
      "maxmemory of Redis, above which it refuses every charge; 0: not limited")                   \
    X(journal_bytes, gauge, "Size of the charge journals of this host after folding")              \
    X(hints_total, counter, "Notifications from PostgreSQL that started a round early")            \
    X(cache_hits_total, counter,                                                                   \
      "Admissions answered by Redis without PostgreSQL, as counted by the workers")                \
    X(cache_misses_total, counter, "Admissions whose account was not in Redis")                    \
    X(cache_loads_total, counter, "Accounts loaded from PostgreSQL into Redis")                    \
    X(charges_voided_total, counter,                                                               \
      "Charges reversed before the response because they could not be confirmed")                  \
    X(admission_retries_total, counter, "Admissions retried because Redis did not answer")         \
    X(log_lines_dropped_total, counter, "Log lines that were dropped because nothing read them")   \
    X(conservation_stale, gauge,                                                                   \
      "1 when something was booked, pushed or fenced since the last conservation check")           \
    X(conservation_accounts, gauge, "Accounts read by the last conservation check")                \
    X(conservation_redis_broken, gauge,                                                            \
      "Accounts whose counters in Redis are inconsistent; must be 0")                              \
    X(conservation_ledger_broken, gauge,                                                           \
      "Accounts whose ledger is not the sum of its bookings; must be 0")                           \
    X(conservation_total_broken, gauge,                                                            \
      "Accounts where Redis and ledger do not sum to the limit; must be 0")

struct syncd_metrics {
#define X(member, kind, help) int64_t member;
    SYNCD_METRIC_TABLE(X)
#undef X
    struct luna_store_meter stores; /* printed as Prometheus text only */
};

/* Prometheus text format 0.0.4: luna_syncd_<member>, where _ms becomes _seconds; also
 * luna_build_info, process_*, luna_redis_* and luna_postgresql_*. */
void metrics_put_prometheus(const struct syncd_metrics *metrics, struct luna_buf *out);
/* "member": value, …, without braces. */
void metrics_put_json(const struct syncd_metrics *metrics, struct luna_buf *out);

#endif
