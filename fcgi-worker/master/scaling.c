#include "master/scaling.h"

#include "luna/base/log.h"

#include <assert.h>

enum {
    NS_PER_MS = 1000000,
    NS_PER_US = 1000,
    LOOK_PAUSE_MS = 100,
    IDLE_PAUSE_MS = 1000,
    START_PAUSE_MS = 10,
    BACKLOG_PAUSE_MS = 250,
    BLOCKED_PERCENT_MIN = 50
};

#define RELAXED memory_order_relaxed

static int clamp(int value, int low, int high)
{
    assert(low <= high);
    if (value < low)
        return low;
    return value > high ? high : value;
}

static int64_t mean_wait_ns(const struct scaling_input *input)
{
    return input->requests > 0 ? input->wait_ns / (int64_t)input->requests : 0;
}

/* From finished requests if there are any, else from what the busy workers are doing at this
 * moment. */
static int blocked_percent(const struct scaling_input *input)
{
    if (input->worked_ns > 0)
        return (int)(input->blocked_ns * 100 / input->worked_ns);
    return input->busy > 0 ? input->busy_blocked * 100 / input->busy : 0;
}

static bool requests_wait(const struct scaling_input *input)
{
    return mean_wait_ns(input) > input->wait_target_ns || (input->idle == 0 && input->backlog > 0);
}

/* How far it may grow: to the cores when the work is computing, to the maximum when it is
 * waiting. */
static int ceiling(const struct scaling_input *input, int percent)
{
    if (percent >= BLOCKED_PERCENT_MIN)
        return input->max;
    return clamp(input->cores, input->min, input->max);
}

static int growth(const struct scaling_input *input)
{
    return clamp(input->target / 2, 1, SCALING_STEP_MAX);
}

static void grow(const struct scaling_input *input, struct scaling_decision *decision, int by,
                 const char *reason)
{
    assert(by > 0 && decision->target == input->target); /* decided once */
    int limit = ceiling(input, decision->blocked_percent);
    if (input->target >= limit)
        return;
    decision->target = clamp(input->target + by, input->target, limit);
    decision->reason = reason;
}

/* Notes since when the pool has been quiet. True: long enough to shrink. A backlog that the kernel
 * does not tell (-1) does not count as one. */
static bool note_quiet(struct scaling *scaling, const struct scaling_input *input)
{
    bool quiet = input->idle > input->spare && mean_wait_ns(input) < input->wait_target_ns / 2 &&
                 input->backlog <= 0;
    if (!quiet) {
        scaling->quiet_since_ns = 0;
        return false;
    }
    if (scaling->quiet_since_ns == 0)
        scaling->quiet_since_ns = input->now_ns;
    return input->now_ns - scaling->quiet_since_ns >= SCALING_QUIET_MS * (int64_t)NS_PER_MS &&
           input->now_ns - scaling->shrunk_ns >= SCALING_SHRINK_PAUSE_MS * (int64_t)NS_PER_MS;
}

struct scaling_decision scaling_decide(struct scaling *scaling, const struct scaling_input *input)
{
    struct scaling_decision decision = {.target = input->target,
                                        .wait_mean_us = mean_wait_ns(input) / NS_PER_US,
                                        .blocked_percent = blocked_percent(input)};
    bool shrink = note_quiet(scaling, input);
    if (input->target < input->min) {
        decision.target = input->min;
        decision.reason = "fewer than the minimum";
    } else if (input->target > input->max) {
        decision.target = input->max;
        decision.reason = "more than the maximum";
    } else if (requests_wait(input)) {
        grow(input, &decision, growth(input),
             decision.blocked_percent >= BLOCKED_PERCENT_MIN
                 ? "requests wait while workers are blocked"
                 : "requests wait and cores are free");
    } else if (input->idle < input->spare) {
        grow(input, &decision, 1, "fewer than spare workers are idle");
    } else if (shrink && input->target > input->min) {
        scaling->shrunk_ns = input->now_ns;
        decision.target = input->target - 1;
        decision.reason = "more than spare workers have been idle";
    }
    return decision;
}

static void add_gauges(const struct pool *pool, const struct generation *generation, int index,
                       struct scaling_input *input)
{
    assert(index >= 0 && index < SCOREBOARD_SLOTS && generation->number != 0);
    const struct scoreboard_worker *worker = &pool->board->worker[index];
    enum worker_state state = pool->slots[index].state;
    if (pool->slots[index].generation != generation->number ||
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

static void measure(struct scaling *scaling, const struct pool *pool,
                    const struct generation *generation, struct scaling_input *input)
{
    struct scaling_sums sums = {0};
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        /* never used */
        if (atomic_load_explicit(&pool->board->master[i].starts, RELAXED) == 0)
            continue;
        add_sums(&pool->board->worker[i], &sums);
        add_gauges(pool, generation, i, input);
    }
    struct scaling_sums *last = &scaling->sums;
    input->requests = sums.requests - last->requests;
    input->wait_ns = (int64_t)(sums.wait_ns - last->wait_ns);
    input->worked_ns = (int64_t)(sums.worked_ns - last->worked_ns);
    input->blocked_ns = (int64_t)(sums.blocked_ns - last->blocked_ns);
    *last = sums;
    input->backlog = atomic_load_explicit(&pool->board->pool.backlog_depth, RELAXED);
}

static void read_backlog(struct scaling *scaling, const struct pool *pool, int64_t now_ns)
{
    if (now_ns - scaling->backlog_ns < (int64_t)BACKLOG_PAUSE_MS * NS_PER_MS)
        return;
    scaling->backlog_ns = now_ns;
    struct listener_backlog backlog = pool->io->backlog(pool->listen_fd);
    atomic_store_explicit(&pool->board->pool.backlog_depth, backlog.depth, RELAXED);
    atomic_store_explicit(&pool->board->pool.backlog_max, backlog.max, RELAXED);
}

static void log_decision(const struct scaling_input *input, const struct scaling_decision *decision)
{
    luna_log(LUNA_LOG_INFO, "pool_scaled", LUNA_LOG_I("from", input->target),
             LUNA_LOG_I("to", decision->target), LUNA_LOG_S("reason", decision->reason),
             LUNA_LOG_I("queue_wait_us", decision->wait_mean_us),
             LUNA_LOG_I("blocked_percent", decision->blocked_percent),
             LUNA_LOG_I("idle", input->idle), LUNA_LOG_I("busy", input->busy),
             LUNA_LOG_I("backlog", input->backlog), LUNA_LOG_I("requests", input->requests),
             LUNA_LOG_I("cores", input->cores));
}

static void decide(struct scaling *scaling, const struct pool *pool,
                   const struct generation *generation, int64_t now_ns)
{
    const struct worker_config *config = &generation->config;
    struct scaling_input input = {
        .now_ns = now_ns,
        .min = clamp((int)config->workers_min + scaling->by_hand, 1, (int)config->workers_max),
        .max = (int)config->workers_max,
        .spare = (int)config->workers_spare,
        .cores = pool->io->cores(),
        .target = scaling->target,
        .wait_target_ns = config->queue_wait_target_ms * NS_PER_MS};
    measure(scaling, pool, generation, &input);
    struct scaling_decision decision = scaling_decide(scaling, &input);
    if (decision.reason == NULL)
        return;
    log_decision(&input, &decision);
    scoreboard_count(decision.target > input.target ? &pool->board->pool.scaled_up
                                                    : &pool->board->pool.scaled_down);
    scaling->target = decision.target;
}

static int64_t configured_min(const struct worker_config *config)
{
    return config->pool_mode == POOL_DYNAMIC ? config->workers_min : config->workers;
}

void scaling_step(struct scaling *scaling, const struct pool *pool,
                  const struct generation *generation)
{
    const struct worker_config *config = &generation->config;
    struct scoreboard_pool *shown = &pool->board->pool;
    int64_t now_ns = pool->io->now_ns();
    read_backlog(scaling, pool, now_ns);
    if (config->pool_mode != POOL_DYNAMIC) {
        scaling->target = clamp((int)config->workers + scaling->by_hand, 1, WORKERS_MAX);
    } else if (now_ns - scaling->looked_ns >= (int64_t)LOOK_PAUSE_MS * NS_PER_MS) {
        scaling->looked_ns = now_ns;
        decide(scaling, pool, generation, now_ns);
    }
    atomic_store_explicit(&shown->pool_min, (int)configured_min(config), RELAXED);
    atomic_store_explicit(&shown->pool_max, worker_config_pool_max(config), RELAXED);
}

void scaling_by_hand(struct scaling *scaling, const struct worker_config *config, int change)
{
    assert(change == 1 || change == -1); /* a signal is one worker */
    int base = (int)configured_min(config);
    scaling->by_hand = clamp(base + scaling->by_hand + change, 1, WORKERS_MAX) - base;
    luna_log(LUNA_LOG_INFO, "pool_scaled_by_hand", LUNA_LOG_I("change", change),
             LUNA_LOG_I("base", base), LUNA_LOG_I("by_hand", scaling->by_hand));
}

int64_t scaling_pause_ns(const struct pool *pool)
{
    /* readiness is polled */
    if (pool_count_all(pool, POOL_STATE(WORKER_STARTING)) > 0)
        return START_PAUSE_MS * (int64_t)NS_PER_MS;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (pool->slots[i].child.pid != 0 &&
            atomic_load_explicit(&pool->board->worker[i].accepted_ns, RELAXED) != 0)
            return LOOK_PAUSE_MS * (int64_t)NS_PER_MS;
    return IDLE_PAUSE_MS * (int64_t)NS_PER_MS;
}
