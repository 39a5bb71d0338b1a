#include "monitor/readiness.h"

#define RELAXED memory_order_relaxed

static const char *const texts[] = {
#define X(symbol, text) text,
    READINESS_TABLE(X)
#undef X
};

const char *readiness_text(enum readiness readiness)
{
    return texts[readiness];
}

bool readiness_is_alive(const struct scoreboard *board, int64_t now_ns)
{
    return now_ns - atomic_load_explicit(&board->pool.heartbeat_ns, RELAXED) <
           atomic_load_explicit(&board->pool.live_stall_ns, RELAXED);
}

/* A worker that took a request, or looked for one, a short while ago can take the next one. */
static bool is_moving(const struct scoreboard *board, int slot, int64_t now_ns, int64_t stall_ns)
{
    return atomic_load_explicit(&board->master[slot].state, RELAXED) == WORKER_READY &&
           now_ns - atomic_load_explicit(&board->worker[slot].heartbeat_ns, RELAXED) < stall_ns;
}

/* How the moving worker that used the stores last found them. */
struct last_use {
    int64_t at_ns;
    unsigned stores;
    bool no_journal; /* of any moving worker: a journal is one worker's */
};

static void note_use(const struct scoreboard_worker *worker, struct last_use *last)
{
    int64_t at_ns = atomic_load_explicit(&worker->stores_ns, RELAXED);
    unsigned stores = atomic_load_explicit(&worker->stores, RELAXED);
    last->no_journal = last->no_journal || stores == STORES_JOURNAL;
    if (at_ns <= last->at_ns)
        return;
    last->at_ns = at_ns;
    last->stores = stores;
}

enum readiness readiness_of(const struct scoreboard *board, int64_t now_ns)
{
    int64_t stall_ns = atomic_load_explicit(&board->pool.ready_stall_ns, RELAXED);
    struct last_use last = {0};
    int ready = 0;
    int moving = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        ready += atomic_load_explicit(&board->master[i].state, RELAXED) == WORKER_READY;
        if (!is_moving(board, i, now_ns, stall_ns))
            continue;
        moving++;
        note_use(&board->worker[i], &last);
    }
    if (atomic_load_explicit(&board->pool.draining, RELAXED))
        return READINESS_STOPPING;
    if (ready == 0)
        return READINESS_NO_WORKER;
    if (moving == 0)
        return READINESS_STALLED;
    if (last.stores == STORES_CLOCKS)
        return READINESS_CLOCKS;
    if (last.stores == STORES_TROUBLE)
        return READINESS_NO_STORES;
    return last.no_journal ? READINESS_JOURNAL : READINESS_OK;
}
