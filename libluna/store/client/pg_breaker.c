#include "client/pg_breaker.h"

#include <assert.h>

enum { FAILURES_MAX = 2, PROBE_EVERY_MS = 500, NS_PER_MS = 1000000 };

static int64_t slow_ns(int timeout_ms)
{
    return (int64_t)timeout_ms * NS_PER_MS / 4;
}

/* One that has waited for longer than a call can last is of a process that was killed. */
static bool is_waiting(long long since_ns, int64_t now_ns, int timeout_ms)
{
    return since_ns != 0 && now_ns - since_ns < 2 * (long long)timeout_ms * NS_PER_MS;
}

/* Sessions that have waited since before `before_ns`. */
static int count_waiters(const struct luna_database_breaker *breaker, int64_t before_ns,
                         int64_t now_ns, int timeout_ms)
{
    int count = 0;
    for (int i = 0; i < LUNA_DATABASE_WAITERS; i++) {
        long long since_ns =
            atomic_load_explicit(&breaker->waiting_since_ns[i], memory_order_relaxed);
        count += since_ns < before_ns && is_waiting(since_ns, now_ns, timeout_ms);
    }
    return count;
}

static bool is_limited(const struct luna_database_breaker *breaker)
{
    return breaker != NULL && atomic_load(&breaker->waiters_max) > 0;
}

struct luna_deadline luna_pg_breaker_cap(const struct luna_database_breaker *breaker, int place,
                                         int timeout_ms, struct luna_deadline deadline)
{
    if (!is_limited(breaker) || place == LUNA_PG_NO_PLACE)
        return deadline;
    assert(place >= 0 && place < LUNA_DATABASE_WAITERS);
    int64_t slow_at_ns = atomic_load(&breaker->waiting_since_ns[place]) + slow_ns(timeout_ms);
    return slow_at_ns < deadline.at_ns ? (struct luna_deadline){slow_at_ns} : deadline;
}

bool luna_pg_breaker_is_crowded(const struct luna_database_breaker *breaker, int place,
                                int timeout_ms)
{
    if (!is_limited(breaker) || place == LUNA_PG_NO_PLACE)
        return false;
    assert(place >= 0 && place < LUNA_DATABASE_WAITERS);
    long long since_ns = atomic_load(&breaker->waiting_since_ns[place]);
    return count_waiters(breaker, since_ns, luna_clock_mono_ns(), timeout_ms) >=
           atomic_load(&breaker->waiters_max);
}

/* Without a free place, a call is not limited. */
static int take_place(struct luna_database_breaker *breaker, int64_t now_ns, int timeout_ms)
{
    for (int i = 0; i < LUNA_DATABASE_WAITERS; i++) {
        long long since_ns = atomic_load(&breaker->waiting_since_ns[i]);
        if (!is_waiting(since_ns, now_ns, timeout_ms) &&
            atomic_compare_exchange_strong(&breaker->waiting_since_ns[i], &since_ns, now_ns))
            return i;
    }
    return LUNA_PG_NO_PLACE;
}

void luna_pg_breaker_leave(struct luna_database_breaker *breaker, int place)
{
    if (place != LUNA_PG_NO_PLACE)
        atomic_store(&breaker->waiting_since_ns[place], 0);
}

/* Half-open: the session that moves the time is the one that probes. If it is killed meanwhile, the
 * next one probes when its timeout and one interval have passed. */
static bool may_ask(struct luna_database_breaker *breaker, int64_t now_ns, int timeout_ms)
{
    long long until_ns = atomic_load(&breaker->open_until_ns);
    return until_ns == 0 || (now_ns >= until_ns &&
                             atomic_compare_exchange_strong(
                                 &breaker->open_until_ns, &until_ns,
                                 now_ns + ((long long)timeout_ms + PROBE_EVERY_MS) * NS_PER_MS));
}

bool luna_pg_breaker_enter(struct luna_database_breaker *breaker, int timeout_ms, int *ret_place)
{
    *ret_place = LUNA_PG_NO_PLACE;
    if (breaker == NULL)
        return true;
    int64_t now_ns = luna_clock_mono_ns();
    if (is_limited(breaker)) {
        if (count_waiters(breaker, now_ns - slow_ns(timeout_ms), now_ns, timeout_ms) >=
            atomic_load(&breaker->waiters_max))
            return false;
        *ret_place = take_place(breaker, now_ns, timeout_ms);
    }
    if (may_ask(breaker, now_ns, timeout_ms))
        return true;
    luna_pg_breaker_leave(breaker, *ret_place);
    return false;
}

void luna_pg_breaker_failure(struct luna_database_breaker *breaker)
{
    if (breaker != NULL && atomic_fetch_add(&breaker->failures, 1) + 1 >= FAILURES_MAX)
        atomic_store(&breaker->open_until_ns,
                     luna_clock_mono_ns() + (long long)PROBE_EVERY_MS * NS_PER_MS);
}

void luna_pg_breaker_success(struct luna_database_breaker *breaker)
{
    /* Every success comes here: reading first keeps the cache line shared among the processes. */
    if (breaker == NULL ||
        (atomic_load(&breaker->failures) == 0 && atomic_load(&breaker->open_until_ns) == 0))
        return;
    atomic_store(&breaker->failures, 0);
    atomic_store(&breaker->open_until_ns, 0);
}
