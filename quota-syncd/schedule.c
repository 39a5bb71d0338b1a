#include "schedule.h"

#include <limits.h>

void schedule_init(struct schedule *schedule, int64_t now_ms, uint64_t seed)
{
    *schedule = (struct schedule){.due_ms = now_ms, .began_ms = now_ms, .last = ROUND_DONE};
    backoff_init(&schedule->backoff, SCHEDULE_BACKOFF_BASE_MS, SCHEDULE_BACKOFF_MAX_MS, seed);
}

static int64_t backoff_max_ms(int64_t interval_ms)
{
    if (interval_ms < SCHEDULE_BACKOFF_BASE_MS)
        return SCHEDULE_BACKOFF_BASE_MS;
    return interval_ms < SCHEDULE_BACKOFF_MAX_MS ? interval_ms : SCHEDULE_BACKOFF_MAX_MS;
}

void schedule_ended(struct schedule *schedule, enum round_outcome outcome, int64_t began_ms,
                    int64_t now_ms, int64_t interval_ms)
{
    schedule->began_ms = began_ms;
    schedule->last = outcome;
    if (outcome == ROUND_FAILED || outcome == ROUND_REFUSED) {
        schedule->backoff.max_ms = backoff_max_ms(interval_ms);
        schedule->due_ms = now_ms + backoff_fail_ms(&schedule->backoff);
        return;
    }
    backoff_succeed(&schedule->backoff);
    schedule->due_ms = began_ms + interval_ms > now_ms ? began_ms + interval_ms : now_ms;
}

void schedule_hint(struct schedule *schedule, int64_t now_ms)
{
    if (schedule->last == ROUND_FAILED || schedule->last == ROUND_REFUSED)
        return;
    int64_t earliest_ms = schedule->began_ms + SCHEDULE_HINT_GAP_MS;
    int64_t soon_ms = earliest_ms > now_ms ? earliest_ms : now_ms;
    if (soon_ms < schedule->due_ms)
        schedule->due_ms = soon_ms;
}

void schedule_now(struct schedule *schedule, int64_t now_ms)
{
    schedule->due_ms = now_ms;
}

int schedule_wait_ms(const struct schedule *schedule, int64_t now_ms)
{
    int64_t wait_ms = schedule->due_ms - now_ms;
    if (wait_ms <= 0)
        return 0;
    return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}
