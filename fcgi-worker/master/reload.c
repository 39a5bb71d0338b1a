#include "master/reload.h"

#include "luna/base/log.h"
#include "shared/exit_code.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>

enum { NS_PER_MS = 1000000 };

#define RELAXED memory_order_relaxed

static void report(const struct reload *reload, const struct pool *pool,
                   const struct generation *current, bool done, const char *note)
{
    struct luna_reload_outcome outcome = {.signal = reload->of_upgrade ? SIGUSR2 : SIGHUP,
                                          .began_ns = reload->began_ns,
                                          .done = done,
                                          .note = note};
    pool->io->report(&current->config, &outcome);
}

static void report_done(const struct reload *reload, const struct pool *pool,
                        const struct generation *current)
{
    char note[RELOAD_RESTART_BYTES + 64] = "";
    if (reload->restart[0] != '\0') {
        (void)snprintf(note, sizeof note, "a restart is needed for %s", reload->restart);
        luna_log(LUNA_LOG_WARNING, "restart_needed", LUNA_LOG_S("settings", reload->restart));
    }
    report(reload, pool, current, true, note);
}

void reload_begin(struct reload *reload, struct pool *pool, const struct generation *current,
                  bool of_upgrade)
{
    struct luna_error err = {0};
    if (reload->phase != RELOAD_IDLE) {
        reload->again = true;
        return;
    }
    struct generation next = {.number = current->number + 1};
    *reload = (struct reload){.of_upgrade = of_upgrade, .began_ns = pool->io->now_ns()};
    if (worker_config_reload(pool->io->setting, &current->config, &next.config, reload->restart,
                             sizeof reload->restart, &err) != LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "reload_refused", LUNA_LOG_S("reason", err.msg));
        scoreboard_count(&pool->board->pool.reload_rollbacks);
        report(reload, pool, current, false, err.msg);
        return;
    }
    reload->phase = RELOAD_CANARY;
    reload->next = next;
    reload->due_ns = reload->began_ns + 2 * next.config.start_timeout_ms * NS_PER_MS;
    pool->io->notify("RELOADING=1");
    luna_log(LUNA_LOG_INFO, "reload_started", LUNA_LOG_I("generation", next.number),
             LUNA_LOG_B("upgrade", of_upgrade));
}

void reload_note_death(struct reload *reload, int exit_status)
{
    if (reload->phase != RELOAD_IDLE && reload->failure == NULL)
        reload->failure =
            exit_status < 0 ? "a new worker was killed" : worker_exit_text(exit_status);
}

void reload_end(struct reload *reload, struct pool *pool, const struct generation *current)
{
    bool again = reload->again;
    assert(reload->phase != RELOAD_IDLE); /* the caller has its outcome */
    *reload = (struct reload){.phase = RELOAD_IDLE};
    pool->io->notify("READY=1");
    if (again)
        reload_begin(reload, pool, current, false);
}

static enum reload_outcome roll_back(struct reload *reload, struct pool *pool,
                                     const struct generation *current)
{
    assert(reload->failure != NULL && current->number < reload->next.number);
    luna_log(LUNA_LOG_ERROR, reload->of_upgrade ? "upgrade_rolled_back" : "reload_rolled_back",
             LUNA_LOG_S("reason", reload->failure), LUNA_LOG_I("generation", reload->next.number));
    pool_drain_others(pool, current->number, 0);
    worker_config_done(&reload->next.config);
    if (!reload->of_upgrade)
        scoreboard_count(&pool->board->pool.reload_rollbacks);
    report(reload, pool, current, false, reload->failure);
    return RELOAD_ROLLED_BACK;
}

static enum reload_outcome commit(struct reload *reload, struct pool *pool,
                                  struct generation *current)
{
    struct scoreboard_pool *shown = &pool->board->pool;
    assert(reload->phase == RELOAD_FILL && reload->failure == NULL); /* the canary was ready */
    pool_drain_others(pool, reload->next.number, reload->next.config.drain_timeout_ms);
    worker_config_done(&current->config);
    *current = reload->next;
    const struct worker_config *config = &current->config;
    atomic_store_explicit(&shown->generation, current->number, RELAXED);
    atomic_store_explicit(&shown->ready_stall_ns, config->ready_stall_ms * NS_PER_MS, RELAXED);
    atomic_store_explicit(&shown->live_stall_ns, config->live_stall_ms * NS_PER_MS, RELAXED);
    luna_log_configure("fcgi-worker", (enum luna_log_level)config->log_level,
                       (enum luna_log_format)config->log_format);
    scoreboard_count(reload->of_upgrade ? &shown->upgrades : &shown->reloads);
    luna_log(LUNA_LOG_INFO, reload->of_upgrade ? "upgrade_done" : "reload_done",
             LUNA_LOG_I("generation", current->number));
    report_done(reload, pool, current);
    return RELOAD_COMMITTED;
}

enum reload_outcome reload_step(struct reload *reload, struct pool *pool,
                                struct generation *current, int target)
{
    if (reload->phase == RELOAD_IDLE)
        return RELOAD_PENDING;
    assert(reload->next.number > current->number);
    if (reload->failure == NULL && pool->io->now_ns() >= reload->due_ns)
        reload->failure = "the new workers were not ready in time";
    if (reload->failure != NULL)
        return roll_back(reload, pool, current);
    int ready = pool_count(pool, reload->next.number, POOL_STATE(WORKER_READY));
    if (reload->phase == RELOAD_CANARY && ready >= 1)
        reload->phase = RELOAD_FILL;
    bool canary = reload->phase == RELOAD_CANARY;
    if (!canary && ready >= target)
        return commit(reload, pool, current);
    pool_fill(pool, &reload->next, canary ? 1 : target, canary);
    return RELOAD_PENDING;
}
