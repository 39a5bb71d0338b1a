#include "client/pg_breaker.h"

#include "luna/base/clock.h"

enum { FAILURES_MAX = 2, PROBE_EVERY_MS = 500, NS_PER_MS = 1000000 };

bool luna_pg_breaker_enter(struct luna_database_breaker *breaker, int timeout_ms)
{
    if (breaker == NULL)
        return true;
    long long until_ns = atomic_load(&breaker->open_until_ns);
    if (until_ns == 0)
        return true;
    int64_t now_ns = luna_clock_mono_ns();
    if (now_ns < until_ns)
        return false;
    /* Half-open: the session that moves the time is the one that probes. If it is killed meanwhile,
     * the next one probes when its timeout and one interval have passed. */
    return atomic_compare_exchange_strong(&breaker->open_until_ns, &until_ns,
                                          now_ns +
                                              ((long long)timeout_ms + PROBE_EVERY_MS) * NS_PER_MS);
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
