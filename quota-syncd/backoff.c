#include "backoff.h"

#include <assert.h>

/* splitmix64: any seed is valid, 0 too. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void backoff_init(struct backoff *backoff, int64_t base_ms, int64_t max_ms, uint64_t seed)
{
    assert(base_ms > 0 && base_ms <= max_ms);
    *backoff = (struct backoff){.base_ms = base_ms, .max_ms = max_ms, .random_state = seed};
}

int64_t backoff_fail_ms(struct backoff *backoff)
{
    int64_t delay_ms = backoff->base_ms;
    for (unsigned i = 0; i < backoff->failures && delay_ms < backoff->max_ms; i++)
        delay_ms *= 2;
    if (delay_ms > backoff->max_ms)
        delay_ms = backoff->max_ms;
    backoff->failures++;
    int64_t half_ms = delay_ms / 2;
    return delay_ms - (int64_t)(next_random(&backoff->random_state) % (uint64_t)(half_ms + 1));
}

void backoff_succeed(struct backoff *backoff)
{
    backoff->failures = 0;
}
