#include "client/pg_silence.h"

#include "luna/base/clock.h"

enum { UNHEARD_MAX = 2, LOOK_EVERY_MS = 500, NS_PER_MS = 1000000 };

bool luna_pg_silence_lets(struct luna_database_silence *silence, int patience_ms)
{
    if (silence == NULL)
        return true;
    long long until_ns = atomic_load(&silence->closed_until_ns);
    if (until_ns == 0)
        return true;
    int64_t now_ns = luna_clock_mono_ns();
    /* Whoever wins looks; should it die over it, the next one looks when its time is up. */
    return now_ns >= until_ns && atomic_compare_exchange_strong(
                                     &silence->closed_until_ns, &until_ns,
                                     now_ns + ((long long)patience_ms + LOOK_EVERY_MS) * NS_PER_MS);
}

void luna_pg_silence_unheard(struct luna_database_silence *silence)
{
    if (silence != NULL && atomic_fetch_add(&silence->unheard, 1) + 1 >= UNHEARD_MAX)
        atomic_store(&silence->closed_until_ns,
                     luna_clock_mono_ns() + (long long)LOOK_EVERY_MS * NS_PER_MS);
}

void luna_pg_silence_heard(struct luna_database_silence *silence)
{
    /* Reading first keeps the line shared among all who are heard. */
    if (silence == NULL ||
        (atomic_load(&silence->unheard) == 0 && atomic_load(&silence->closed_until_ns) == 0))
        return;
    atomic_store(&silence->unheard, 0);
    atomic_store(&silence->closed_until_ns, 0);
}
