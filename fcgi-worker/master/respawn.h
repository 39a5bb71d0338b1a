/*
 * respawn.h: when a slot's next worker may start. Pure decisions: time and randomness are
 * arguments.
 *
 * A worker that drained, recycled, or lived for a while is replaced at once. One that dies young is
 * replaced at once the first time, then after a pause that doubles, with jitter, up to a limit. All
 * slots share a budget of failures, so that a crash loop costs a bounded number of forks per minute
 * however many slots there are. A worker that had become ready before it died counts an eighth and
 * waits less, so that a pool whose healthy workers are killed stays complete.
 */
#ifndef FCGI_WORKER_RESPAWN_H
#define FCGI_WORKER_RESPAWN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RESPAWN_PAUSE_MS_FIRST = 100,
    RESPAWN_PAUSE_MS_MAX = 10000,
    RESPAWN_PAUSE_MS_MAX_READY = 1000,
    RESPAWN_LIVED_MS = 10000,        /* older than this is not young */
    RESPAWN_BUDGET = 20,             /* failures in a row that are not slowed down … */
    RESPAWN_BUDGET_REFILL_MS = 2000, /* … and how soon one of them is given back */
    RESPAWN_READY_DISCOUNT = 8
};

struct respawn { /* one slot's history */
    int young_deaths;
};

struct respawn_budget { /* the pool's */
    /* a clock that runs ahead by RESPAWN_BUDGET_REFILL_MS with every failure */
    int64_t spent_until_ns;
};

struct respawn_death {
    int64_t lived_ns;
    bool was_ready;
};

/* After a death that was not planned, at `now_ns`: how long to wait, in ns. `random` is uniform
 * over its range. */
int64_t respawn_pause_ns(struct respawn *slot, struct respawn_budget *budget,
                         const struct respawn_death *death, int64_t now_ns, uint32_t random);
/* A death that was planned. */
void respawn_forgive(struct respawn *slot);
/* Is the budget used up? */
bool respawn_is_crash_loop(const struct respawn_budget *budget, int64_t now_ns);

#endif
