#include "master/scaling.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "master/backlog.h"
#include "master/master.h"

#include <unistd.h>

enum {
    NS_PER_MS = 1000000,
    LOOK_PAUSE_MS = 100,
    IDLE_PAUSE_MS = 1000,
    START_PAUSE_MS = 10,
    BACKLOG_PAUSE_MS = 250
};

#define RELAXED memory_order_relaxed
#define STATE_BIT(state) (1u << (state))

static int clamp(int value, int low, int high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static void add_gauges(const struct master *master, int slot, struct scaler_input *input)
{
    const struct scoreboard_worker *worker = &master->board->worker[slot];
    enum worker_state state = master->pool.slots[slot].state;
    if (master->pool.slots[slot].generation != master->current.number ||
        (state != WORKER_STARTING && state != WORKER_READY))
        return;
    if (atomic_load_explicit(&worker->accepted_ns, RELAXED) == 0) {
        input->idle++;
        return;
    }
    input->busy++;
    input->busy_blocked +=
        phase_is_blocked((enum phase)atomic_load_explicit(&worker->phase, RELAXED));
}

static void add_sums(const struct scoreboard_worker *worker, struct scaling_sums *sums)
{
    sums->requests += atomic_load_explicit(&worker->requests, RELAXED);
    sums->wait_ns += atomic_load_explicit(&worker->wait_ns, RELAXED);
    for (int i = PHASE_IDLE + 1; i < PHASE_COUNT; i++) {
        uint64_t ns = atomic_load_explicit(&worker->phase_ns[i], RELAXED);
        sums->worked_ns += ns;
        if (phase_is_blocked((enum phase)i))
            sums->blocked_ns += ns;
    }
}

static void measure(struct master *master, struct scaler_input *input)
{
    struct scaling_sums sums = {0};
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        /* never used */
        if (atomic_load_explicit(&master->board->master[i].starts, RELAXED) == 0)
            continue;
        add_sums(&master->board->worker[i], &sums);
        add_gauges(master, i, input);
    }
    struct scaling_sums *last = &master->last_sums;
    input->requests = sums.requests - last->requests;
    input->wait_ns = (int64_t)(sums.wait_ns - last->wait_ns);
    input->worked_ns = (int64_t)(sums.worked_ns - last->worked_ns);
    input->blocked_ns = (int64_t)(sums.blocked_ns - last->blocked_ns);
    *last = sums;
    input->backlog = atomic_load_explicit(&master->board->pool.backlog_depth, RELAXED);
}

static void read_backlog(struct master *master, int64_t now_ns)
{
    struct backlog backlog = {.depth = -1, .max = -1};
    if (now_ns - master->backlog_ns < (int64_t)BACKLOG_PAUSE_MS * NS_PER_MS)
        return;
    master->backlog_ns = now_ns;
    if (!backlog_read(master->listener.fd, &backlog))
        backlog = (struct backlog){.depth = -1, .max = -1};
    atomic_store_explicit(&master->board->pool.backlog_depth, backlog.depth, RELAXED);
    atomic_store_explicit(&master->board->pool.backlog_max, backlog.max, RELAXED);
}

static void say(const struct scaler_input *input, const struct scaler_decision *decision)
{
    luna_log(LUNA_LOG_INFO, "pool_scaled", LUNA_LOG_I("from", input->target),
             LUNA_LOG_I("to", decision->target), LUNA_LOG_S("reason", decision->reason),
             LUNA_LOG_I("queue_wait_us", decision->wait_mean_us),
             LUNA_LOG_I("blocked_percent", decision->blocked_percent),
             LUNA_LOG_I("idle", input->idle), LUNA_LOG_I("busy", input->busy),
             LUNA_LOG_I("backlog", input->backlog), LUNA_LOG_I("requests", input->requests),
             LUNA_LOG_I("cores", input->cores));
}

static void decide(struct master *master, const struct worker_config *config, int64_t now_ns)
{
    struct scaler_input input = {
        .now_ns = now_ns,
        .min = clamp((int)config->workers_min + master->by_hand, 1, (int)config->workers_max),
        .max = (int)config->workers_max,
        .spare = (int)config->workers_spare,
        .cores = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .target = master->target,
        .wait_target_ns = config->queue_wait_target_ms * NS_PER_MS};
    measure(master, &input);
    struct scaler_decision decision = scaler_decide(&master->scaler, &input);
    if (decision.reason == NULL)
        return;
    say(&input, &decision);
    scoreboard_count(decision.target > input.target ? &master->board->pool.scaled_up
                                                    : &master->board->pool.scaled_down);
    master->target = decision.target;
}

void scaling_step(struct master *master)
{
    const struct worker_config *config = &master->current.config;
    int64_t now_ns = luna_clock_mono_ns();
    struct scoreboard_pool *shown = &master->board->pool;
    bool dynamic = config->pool_mode == POOL_DYNAMIC;
    read_backlog(master, now_ns);
    if (!dynamic)
        master->target = clamp((int)config->workers + master->by_hand, 1, WORKERS_MAX);
    else if (now_ns - master->scaled_ns >= (int64_t)LOOK_PAUSE_MS * NS_PER_MS) {
        master->scaled_ns = now_ns;
        decide(master, config, now_ns);
    }
    atomic_store_explicit(&shown->pool_min, (int)(dynamic ? config->workers_min : config->workers),
                          RELAXED);
    atomic_store_explicit(&shown->pool_max, worker_config_pool_max(config), RELAXED);
}

void scaling_by_hand(struct master *master, int change)
{
    const struct worker_config *config = &master->current.config;
    int base = (int)(config->pool_mode == POOL_DYNAMIC ? config->workers_min : config->workers);
    master->by_hand = clamp(base + master->by_hand + change, 1, WORKERS_MAX) - base;
    luna_log(LUNA_LOG_INFO, "pool_scaled_by_hand", LUNA_LOG_I("change", change),
             LUNA_LOG_I("base", base), LUNA_LOG_I("by_hand", master->by_hand));
}

int64_t scaling_pause_ns(const struct master *master)
{
    /* readiness is polled */
    if (pool_count_all(&master->pool, STATE_BIT(WORKER_STARTING)) > 0)
        return START_PAUSE_MS * (int64_t)NS_PER_MS;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (atomic_load_explicit(&master->board->worker[i].accepted_ns, RELAXED) != 0 &&
            master->pool.slots[i].pid != 0)
            return LOOK_PAUSE_MS * (int64_t)NS_PER_MS;
    return IDLE_PAUSE_MS * (int64_t)NS_PER_MS;
}
