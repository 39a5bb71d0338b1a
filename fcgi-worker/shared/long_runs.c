#include "shared/long_runs.h"

#include <assert.h>
#include <stddef.h>

#define RELAXED memory_order_relaxed

static size_t number_of(const struct scoreboard *board, const struct scoreboard_worker *slot)
{
    assert(slot >= board->worker && slot < board->worker + SCOREBOARD_SLOTS);
    return (size_t)(slot - board->worker);
}

/* Another worker may write an earlier time here meanwhile, by the difference of two requests' ends:
 * a reader is late by no more than that. */
static void extend(struct scoreboard *board, int64_t until_ns)
{
    if (atomic_load_explicit(&board->long_runs.until_ns, RELAXED) < until_ns)
        atomic_store(&board->long_runs.until_ns, until_ns);
}

void long_runs_begin(struct scoreboard *board, const struct scoreboard_worker *slot,
                     int64_t account_id, int64_t until_ns)
{
    struct scoreboard_long_run *run = &board->long_runs.list[number_of(board, slot)];
    assert(account_id > 0); /* 0: no run */
    atomic_store_explicit(&run->until_ns, until_ns, RELAXED);
    /* In one order for all: of two that begin at once, at least one sees the other. */
    atomic_store(&run->account_id, account_id);
    extend(board, until_ns);
}

void long_runs_end(struct scoreboard *board, const struct scoreboard_worker *slot)
{
    atomic_store(&board->long_runs.list[number_of(board, slot)].account_id, 0);
}

void long_runs_remember(struct scoreboard *board, const struct scoreboard_worker *slot,
                        int64_t account_id, int64_t now_ns)
{
    struct scoreboard_long_run *run = &board->long_runs.list[number_of(board, slot)];
    assert(account_id > 0);
    atomic_store_explicit(&run->last_until_ns, now_ns + LONG_RUNS_MEMORY_NS, RELAXED);
    atomic_store(&run->last_account_id, account_id);
    extend(board, now_ns + LONG_RUNS_MEMORY_NS);
}

bool long_runs_expected(const struct scoreboard *board, int64_t account_id, int64_t now_ns)
{
    assert(account_id > 0); /* 0 would match every slot without a run */
    if (atomic_load(&board->long_runs.until_ns) < now_ns)
        return false;
    for (size_t i = 0; i < SCOREBOARD_SLOTS; i++) {
        const struct scoreboard_long_run *run = &board->long_runs.list[i];
        if ((atomic_load(&run->account_id) == account_id &&
             atomic_load_explicit(&run->until_ns, RELAXED) >= now_ns) ||
            (atomic_load(&run->last_account_id) == account_id &&
             atomic_load_explicit(&run->last_until_ns, RELAXED) >= now_ns))
            return true;
    }
    return false;
}

int long_runs_of_others(const struct scoreboard *board, const struct scoreboard_worker *slot,
                        int64_t account_id, int64_t now_ns)
{
    int count = 0;
    assert(account_id > 0); /* as above */
    /* Nothing is listed: in a pool of short requests this is all. */
    if (atomic_load(&board->long_runs.until_ns) < now_ns)
        return 0;
    for (size_t i = 0; i < SCOREBOARD_SLOTS; i++) {
        const struct scoreboard_long_run *run = &board->long_runs.list[i];
        if (i != number_of(board, slot) && atomic_load(&run->account_id) == account_id &&
            atomic_load_explicit(&run->until_ns, RELAXED) >= now_ns)
            count++;
    }
    return count;
}
