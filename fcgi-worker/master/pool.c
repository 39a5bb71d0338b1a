#include "master/pool.h"

#include "luna/base/log.h"
#include "luna/base/random.h"

#include <assert.h>
#include <stdio.h>
#include <sys/prctl.h>

enum {
    NS_PER_MS = 1000000,
    HEARTBEAT_LATE_MS = 30000,
    /* what is left of its start or drain is not handed over: enough for either */
    ADOPTED_DUE_MS = 30000
};

#define RELAXED memory_order_relaxed

void pool_init(struct pool *pool)
{
    assert(pool->slot_count > 0 && pool->slot_count <= SCOREBOARD_SLOTS);
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        pool->slots[i] = (struct pool_slot){.child = CHILD_NONE};
}

/* The slot's state and its copy in the scoreboard change together. */
static void set_state(struct pool *pool, int index, enum worker_state state)
{
    assert(index >= 0 && index < SCOREBOARD_SLOTS);
    pool->slots[index].state = state;
    atomic_store_explicit(&pool->board->master[index].state, (int)state, RELAXED);
}

static bool is_in(const struct pool_slot *slot, unsigned states)
{
    return (POOL_STATE(slot->state) & states) != 0;
}

int pool_count(const struct pool *pool, unsigned generation, unsigned states)
{
    int count = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        count += pool->slots[i].generation == generation && is_in(&pool->slots[i], states);
    return count;
}

int pool_count_all(const struct pool *pool, unsigned states)
{
    int count = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        count += is_in(&pool->slots[i], states);
    return count;
}

/* It serves or will again. So does a killed process, unless it was draining: its slot gets the next
 * worker when it is reaped, and one that replaced it before that would be one too many. */
static bool is_wanted(const struct pool_slot *slot)
{
    if (slot->state == WORKER_KILLED)
        return slot->child.leash_fd >= 0;
    return is_in(slot, POOL_STATE(WORKER_STARTING) | POOL_STATE(WORKER_READY) |
                           POOL_STATE(WORKER_BACKOFF));
}

static int count_wanted(const struct pool *pool, unsigned generation)
{
    int count = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        count += pool->slots[i].generation == generation && is_wanted(&pool->slots[i]);
    return count;
}

/* What a new worker's child_main receives; valid in the child, whose memory is a copy. */
struct start {
    struct pool *pool;
    const struct generation *generation;
    int slot;
};

static int run_worker(void *context, int leash_fd)
{
    const struct start *start = context;
    struct pool *pool = start->pool;
    const struct worker_config *config = &start->generation->config;
    char name[24]; /* the kernel keeps 15 characters: up to "luna-worker 255" */
    assert(start->slot >= 0 && start->slot < pool->slot_count); /* others are another pool's */
    (void)snprintf(name, sizeof name, "luna-worker %d", start->slot);
    (void)prctl(PR_SET_NAME, name); /* what ps shows; nothing depends on it */
    pool->abandon(pool->abandon_context);
    /* The master's own is changed only when the whole generation is ready. */
    luna_log_configure("fcgi-worker", (enum luna_log_level)config->log_level,
                       (enum luna_log_format)config->log_format);
    const struct worker_options options = {
        .config = config,
        .board = pool->board,
        .slot = start->slot,
        .listen_fd = pool->listen_fd,
        .leash_fd = leash_fd,
        .lock = pool->lock,
        .nudge_fd = config->pool_mode == POOL_DYNAMIC ? pool->nudge_fd : -1,
        .must_reach_stores = pool->slots[start->slot].canary};
    return pool->roles->worker(&options);
}

/* A try that failed before there was a worker: the slot waits like after a death. */
static void back_off(struct pool *pool, int index, const struct luna_error *err)
{
    struct pool_slot *slot = &pool->slots[index];
    int64_t now_ns = pool->io->now_ns();
    assert(slot->child.pid == 0);
    luna_log(LUNA_LOG_ERROR, "worker_not_started", LUNA_LOG_I("slot", index),
             LUNA_LOG_S("reason", err->msg));
    slot->due_ns = now_ns + respawn_pause_ns(&slot->respawn, &pool->budget,
                                             &(struct respawn_death){0}, now_ns, luna_random_u32());
    set_state(pool, index, WORKER_BACKOFF);
}

static void publish_process(struct pool *pool, int index)
{
    const struct pool_slot *slot = &pool->slots[index];
    struct scoreboard_master *shown = &pool->board->master[index];
    atomic_store_explicit(&shown->pid, slot->child.pid, RELAXED);
    atomic_store_explicit(&shown->generation, slot->generation, RELAXED);
}

static void start_worker(struct pool *pool, int index, const struct generation *generation,
                         bool canary)
{
    struct pool_slot *slot = &pool->slots[index];
    struct luna_error err = {0};
    struct start start = {.pool = pool, .generation = generation, .slot = index};
    assert(generation->number != 0);
    assert(slot->state == WORKER_NONE || slot->state == WORKER_BACKOFF);
    slot->generation = generation->number;
    slot->canary = canary;
    slot->kill_reason = KILL_NONE;
    scoreboard_reason_set(pool->board, index, "");
    /* Before the worker exists: from its start on this half of the scoreboard is the worker's. The
     * request of one that was killed is not the next one's: its limit has passed. */
    scoreboard_worker_idle(&pool->board->worker[index]);
    atomic_store_explicit(&pool->board->worker[index].ready, 0, RELAXED);
    if (child_start(&slot->child, pool->io, index, run_worker, &start, &err) != LUNA_OK) {
        back_off(pool, index, &err);
        return;
    }
    slot->started_ns = pool->io->now_ns();
    slot->due_ns = slot->started_ns + generation->config.start_timeout_ms * NS_PER_MS;
    scoreboard_count(&pool->board->master[index].starts);
    atomic_store_explicit(&pool->board->master[index].started_ns, slot->started_ns, RELAXED);
    publish_process(pool, index);
    set_state(pool, index, WORKER_STARTING);
    luna_log(LUNA_LOG_INFO, "worker_started", LUNA_LOG_I("slot", index),
             LUNA_LOG_I("worker_pid", slot->child.pid),
             LUNA_LOG_I("generation", generation->number), LUNA_LOG_B("canary", canary));
}

static void end_backoffs(struct pool *pool, const struct generation *generation)
{
    int64_t now_ns = pool->io->now_ns();
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        const struct pool_slot *slot = &pool->slots[i];
        if (slot->state == WORKER_BACKOFF && slot->generation == generation->number &&
            slot->due_ns <= now_ns)
            start_worker(pool, i, generation, slot->canary);
    }
}

/* Not one that a worker of a killed master still uses: that ends with its request. */
static int free_slot(const struct pool *pool)
{
    for (int i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].state == WORKER_NONE && pool_lock_orphan(&pool->lock, i) == 0)
            return i;
    return -1;
}

void pool_fill(struct pool *pool, const struct generation *generation, int wanted, bool canary)
{
    end_backoffs(pool, generation);
    for (int count = count_wanted(pool, generation->number); count < wanted; count++) {
        int index = free_slot(pool);
        if (index < 0)
            return;
        pool->slots[index].respawn = (struct respawn){0};
        start_worker(pool, index, generation, canary);
    }
}

static void drain(struct pool *pool, int index, int64_t drain_ms)
{
    struct pool_slot *slot = &pool->slots[index];
    assert(drain_ms >= 0);
    if (slot->state == WORKER_BACKOFF)
        set_state(pool, index, WORKER_NONE); /* there is no process to drain */
    if (slot->state == WORKER_KILLED)
        child_release(&slot->child, pool->io); /* nobody takes its place when it is reaped */
    if (slot->state != WORKER_STARTING && slot->state != WORKER_READY)
        return;
    child_release(&slot->child, pool->io);
    slot->due_ns = pool->io->now_ns() + drain_ms * NS_PER_MS;
    set_state(pool, index, WORKER_DRAINING);
}

/* The order in which workers beyond the wanted number are drained: busy ones last, because draining
 * them may interrupt a request. */
enum drain_rank { RANK_NO_PROCESS, RANK_IDLE, RANK_BUSY, RANKS };

static enum drain_rank drain_rank(const struct pool *pool, int index)
{
    if (pool->slots[index].state == WORKER_BACKOFF)
        return RANK_NO_PROCESS; /* the scoreboard still shows the request of the dead one */
    bool busy = atomic_load_explicit(&pool->board->worker[index].accepted_ns, RELAXED) != 0;
    return busy ? RANK_BUSY : RANK_IDLE;
}

void pool_shrink(struct pool *pool, unsigned generation, int wanted, int64_t drain_ms)
{
    assert(generation != 0 && wanted >= 0);
    int surplus = count_wanted(pool, generation) - wanted;
    for (int rank = RANK_NO_PROCESS; rank < RANKS; rank++)
        for (int i = SCOREBOARD_SLOTS - 1; i >= 0 && surplus > 0; i--) {
            const struct pool_slot *slot = &pool->slots[i];
            if (slot->generation != generation || !is_wanted(slot) ||
                slot->state == WORKER_KILLED || (int)drain_rank(pool, i) != rank)
                continue;
            drain(pool, i, drain_ms);
            surplus--;
        }
}

void pool_drain_others(struct pool *pool, unsigned keep, int64_t drain_ms)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (keep == 0 || pool->slots[i].generation != keep)
            drain(pool, i, drain_ms);
}

static void kill_slot(struct pool *pool, int index, enum kill_reason reason)
{
    struct pool_slot *slot = &pool->slots[index];
    assert(slot->child.pid != 0 && slot->kill_reason == KILL_NONE);
    slot->kill_reason = reason;
    child_kill(&slot->child, pool->io);
    set_state(pool, index, WORKER_KILLED);
}

void pool_kill_all(struct pool *pool, enum kill_reason reason)
{
    const unsigned alive = POOL_PROCESSES & ~POOL_STATE(WORKER_KILLED);
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (is_in(&pool->slots[i], alive))
            kill_slot(pool, i, reason);
}

/* It hangs: the log says with which request, as long as that is still in the scoreboard. */
static int64_t kill_hanging(struct pool *pool, int index, enum kill_reason reason)
{
    black_box_log_hang(pool->board, pool->roles->names, index, pool->slots[index].child.pid,
                       reason);
    kill_slot(pool, index, reason);
    return INT64_MAX;
}

static int64_t watch_starting(struct pool *pool, int index, int64_t now_ns)
{
    struct pool_slot *slot = &pool->slots[index];
    if (atomic_load_explicit(&pool->board->worker[index].ready, memory_order_acquire) != 0) {
        slot->canary = false;
        set_state(pool, index, WORKER_READY);
        return now_ns;
    }
    if (slot->due_ns > now_ns)
        return slot->due_ns;
    kill_slot(pool, index, KILL_START_LIMIT);
    return INT64_MAX;
}

/* Limits a busy worker by its request's hard limit and an idle one by its next heartbeat. */
static int64_t watch_ready(struct pool *pool, int index, int64_t now_ns)
{
    const struct scoreboard_worker *worker = &pool->board->worker[index];
    int64_t hard_limit_ns = atomic_load_explicit(&worker->hard_limit_ns, RELAXED);
    bool busy = hard_limit_ns != 0;
    int64_t limit_ns = busy ? hard_limit_ns
                            : atomic_load_explicit(&worker->heartbeat_ns, RELAXED) +
                                  HEARTBEAT_LATE_MS * (int64_t)NS_PER_MS;
    if (limit_ns > now_ns)
        return limit_ns;
    return kill_hanging(pool, index, busy ? KILL_HARD_LIMIT : KILL_NO_HEARTBEAT);
}

/* Whichever limit comes first, and the reason says which: only a request's own blames its body. */
static int64_t watch_draining(struct pool *pool, int index, int64_t now_ns)
{
    int64_t hard_limit_ns =
        atomic_load_explicit(&pool->board->worker[index].hard_limit_ns, RELAXED);
    bool hard_first = hard_limit_ns != 0 && hard_limit_ns < pool->slots[index].due_ns;
    int64_t limit_ns = hard_first ? hard_limit_ns : pool->slots[index].due_ns;
    if (limit_ns > now_ns)
        return limit_ns;
    return kill_hanging(pool, index, hard_first ? KILL_HARD_LIMIT : KILL_DRAIN_LIMIT);
}

static int64_t watch_slot(struct pool *pool, int index, int64_t now_ns)
{
    switch (pool->slots[index].state) {
    case WORKER_STARTING:
        return watch_starting(pool, index, now_ns);
    case WORKER_READY:
        return watch_ready(pool, index, now_ns);
    case WORKER_DRAINING:
        return watch_draining(pool, index, now_ns);
    case WORKER_BACKOFF:
        return pool->slots[index].due_ns;
    case WORKER_NONE:
    case WORKER_KILLED:
        break;
    }
    return INT64_MAX;
}

int64_t pool_watch(struct pool *pool)
{
    int64_t now_ns = pool->io->now_ns();
    int64_t next_ns = INT64_MAX;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        int64_t slot_ns = watch_slot(pool, i, now_ns);
        if (slot_ns < next_ns)
            next_ns = slot_ns;
    }
    return next_ns;
}

/* A planned end leaves the slot empty, and pool_fill() sees that a worker is missing. */
static void empty_slot(struct pool *pool, int index)
{
    assert(pool->slots[index].child.pid ==
           0); /* reaped: the next worker takes the slot's journal */
    respawn_forgive(&pool->slots[index].respawn);
    set_state(pool, index, WORKER_NONE);
}

static void schedule_respawn(struct pool *pool, int index, bool was_ready)
{
    struct pool_slot *slot = &pool->slots[index];
    int64_t now_ns = pool->io->now_ns();
    const struct respawn_death death = {.lived_ns = now_ns - slot->started_ns,
                                        .was_ready = was_ready};
    assert(slot->child.pid == 0); /* reaped, as above */
    slot->due_ns =
        now_ns + respawn_pause_ns(&slot->respawn, &pool->budget, &death, now_ns, luna_random_u32());
    set_state(pool, index, WORKER_BACKOFF);
}

struct pool_end pool_reap(struct pool *pool, int index, const struct worker_config *config)
{
    assert(index >= 0 && index < SCOREBOARD_SLOTS);
    struct pool_slot *slot = &pool->slots[index];
    bool was_ready = atomic_load_explicit(&pool->board->worker[index].ready, RELAXED) != 0;
    bool was_released = slot->child.leash_fd < 0;
    struct worker_end record = {.slot = index,
                                .pid = slot->child.pid,
                                .kill_reason = slot->kill_reason,
                                .quarantine = config->quarantine_s > 0};
    struct child_end end = child_reap(&slot->child, pool->io);
    record.signal = end.signal;
    record.exit_status = end.exit_status;
    bool planned = black_box_record_end(pool->board, pool->roles->names, &record);
    slot->kill_reason = KILL_NONE;
    atomic_store_explicit(&pool->board->master[index].pid, 0, RELAXED);
    if (planned || was_released)
        empty_slot(pool, index);
    else
        schedule_respawn(pool, index, was_ready);
    return (struct pool_end){
        .generation = slot->generation, .was_ready = was_ready, .exit_status = end.exit_status};
}

enum luna_code pool_adopt(struct pool *pool, int index, pid_t pid, int leash_fd,
                          unsigned generation, struct luna_error *err)
{
    assert(index >= 0 && index < SCOREBOARD_SLOTS && generation != 0);
    struct pool_slot *slot = &pool->slots[index];
    enum luna_code code = child_adopt(&slot->child, pool->io, index, pid, leash_fd, err);
    if (code != LUNA_OK)
        return code;
    slot->generation = generation;
    slot->started_ns = pool->io->now_ns();
    slot->due_ns = slot->started_ns + ADOPTED_DUE_MS * (int64_t)NS_PER_MS;
    publish_process(pool, index); /* its start stands in the scoreboard already */
    bool ready = atomic_load_explicit(&pool->board->worker[index].ready, memory_order_acquire) != 0;
    if (leash_fd < 0)
        set_state(pool, index, WORKER_DRAINING);
    else
        set_state(pool, index, ready ? WORKER_READY : WORKER_STARTING);
    return LUNA_OK;
}

void pool_abandon(struct pool *pool)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        child_abandon(&pool->slots[i].child, pool->io);
}
