#include "monitor/recent.h"

enum { NS_PER_MS = 1000000, SERVER_ERROR = 500 };

static uint64_t errors_of(const struct luna_meter *meter)
{
    uint64_t sum = 0;
    for (int i = 0; i < LUNA_METER_ERRORS; i++)
        sum += atomic_load_explicit(&meter->errors[i], memory_order_relaxed);
    return sum;
}

static void count(const struct totals *totals, struct recent_counts *ret_counts)
{
    *ret_counts =
        (struct recent_counts){.requests = totals->requests,
                               .points = totals->points,
                               .units = totals->units,
                               .shed = totals->shed,
                               .client_left = totals->client_left,
                               .slow = totals->slow,
                               .redis_errors = errors_of(&totals->stores.redis),
                               .postgresql_errors = errors_of(&totals->stores.postgresql)};
    for (int i = 0; i < SCOREBOARD_STATUSES; i++)
        if (scoreboard_status_at(i) >= SERVER_ERROR)
            ret_counts->failed += totals->statuses[i];
    for (int i = 0; i < SCOREBOARD_BUCKETS; i++) {
        ret_counts->wait_buckets[i] = totals->wait_buckets[i];
        ret_counts->duration_buckets[i] = totals->duration_buckets[i];
    }
}

void recent_note(struct recent *recent, const struct scoreboard *board, int64_t now_ns)
{
    struct totals totals;
    if (recent->kept > 0 &&
        now_ns - recent->samples[recent->last].at_ns < RECENT_STEP_MS * (int64_t)NS_PER_MS)
        return;
    totals_add_up(board, &totals);
    recent->last = recent->kept > 0 ? (recent->last + 1) % RECENT_STEPS : 0;
    recent->samples[recent->last].at_ns = now_ns;
    count(&totals, &recent->samples[recent->last].counts);
    if (recent->kept < RECENT_STEPS)
        recent->kept++;
}

int64_t recent_since_ns(const struct recent *recent, const struct totals *totals, int64_t now_ns,
                        struct recent_counts *ret_counts)
{
    *ret_counts = (struct recent_counts){0};
    if (recent->kept == 0)
        return 0;
    int oldest = recent->kept < RECENT_STEPS ? 0 : (recent->last + 1) % RECENT_STEPS;
    const struct recent_counts *from = &recent->samples[oldest].counts;
    count(totals, ret_counts);
    ret_counts->requests -= from->requests;
    ret_counts->failed -= from->failed;
    ret_counts->points -= from->points;
    ret_counts->units -= from->units;
    ret_counts->shed -= from->shed;
    ret_counts->client_left -= from->client_left;
    ret_counts->slow -= from->slow;
    ret_counts->redis_errors -= from->redis_errors;
    ret_counts->postgresql_errors -= from->postgresql_errors;
    for (int i = 0; i < SCOREBOARD_BUCKETS; i++) {
        ret_counts->wait_buckets[i] -= from->wait_buckets[i];
        ret_counts->duration_buckets[i] -= from->duration_buckets[i];
    }
    return now_ns - recent->samples[oldest].at_ns;
}
