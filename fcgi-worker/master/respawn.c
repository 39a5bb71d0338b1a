#include "master/respawn.h"

#include <assert.h>

enum { NS_PER_MS = 1000000 };

#define REFILL_NS ((int64_t)RESPAWN_BUDGET_REFILL_MS * NS_PER_MS)

/* Plus or minus a quarter. */
static int64_t jitter(int64_t ns, uint32_t random)
{
    assert(ns >= 0);
    return ns - ns / 4 + (int64_t)((double)random / UINT32_MAX * (double)ns * 0.5);
}

static int64_t slot_pause_ns(const struct respawn *slot, bool was_ready)
{
    assert(slot->young_deaths > 0); /* the death that it waits for is counted */
    int64_t pause_ms = RESPAWN_PAUSE_MS_FIRST;
    int64_t pause_ms_max = was_ready ? RESPAWN_PAUSE_MS_MAX_READY : RESPAWN_PAUSE_MS_MAX;
    for (int i = 2; i < slot->young_deaths && pause_ms < pause_ms_max; i++)
        pause_ms *= 2;
    if (pause_ms > pause_ms_max)
        pause_ms = pause_ms_max;
    return slot->young_deaths < 2 ? 0 : pause_ms * NS_PER_MS;
}

/* How far the clock is ahead of what the budget allows. */
static int64_t overdraft_ns(const struct respawn_budget *budget, int64_t now_ns)
{
    int64_t ahead = budget->spent_until_ns - now_ns - RESPAWN_BUDGET * REFILL_NS;
    return ahead > 0 ? ahead : 0;
}

int64_t respawn_pause_ns(struct respawn *slot, struct respawn_budget *budget,
                         const struct respawn_death *death, int64_t now_ns, uint32_t random)
{
    bool young = death->lived_ns < RESPAWN_LIVED_MS * (int64_t)NS_PER_MS;
    slot->young_deaths = young ? slot->young_deaths + 1 : 1;
    if (budget->spent_until_ns < now_ns)
        budget->spent_until_ns = now_ns;
    budget->spent_until_ns += death->was_ready ? REFILL_NS / RESPAWN_READY_DISCOUNT : REFILL_NS;
    int64_t pause_ns = jitter(slot_pause_ns(slot, death->was_ready), random);
    int64_t brake_ns = overdraft_ns(budget, now_ns);
    return pause_ns > brake_ns ? pause_ns : brake_ns;
}

void respawn_forgive(struct respawn *slot)
{
    slot->young_deaths = 0;
}

bool respawn_is_crash_loop(const struct respawn_budget *budget, int64_t now_ns)
{
    return overdraft_ns(budget, now_ns) > 0;
}
