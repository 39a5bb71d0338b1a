#include "master/reload.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "master/master.h"
#include "master/notify.h"
#include "shared/exit_code.h"

#include <string.h>

enum { NS_PER_MS = 1000000 };

#define RELAXED memory_order_relaxed
#define READY (1u << WORKER_READY)

void reload_begin(struct master *master, bool of_upgrade)
{
    struct reload *reload = &master->reload;
    struct luna_error err = {0};
    if (reload->phase != RELOAD_NONE) {
        reload->again = true;
        return;
    }
    if (worker_config_load(luna_config_env, &master->next.config, &err) != LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "reload_refused", LUNA_LOG_S("reason", err.msg));
        scoreboard_count(&master->board->pool.reload_rollbacks);
        return;
    }
    const struct worker_config *config = &master->next.config;
    master->next.number = master->current.number + 1;
    *reload =
        (struct reload){.phase = RELOAD_CANARY,
                        .of_upgrade = of_upgrade,
                        .due_ns = luna_clock_mono_ns() + 2 * config->start_timeout_ms * NS_PER_MS};
    notify_send("RELOADING=1");
    luna_log(LUNA_LOG_INFO, "reload_started", LUNA_LOG_I("generation", master->next.number),
             LUNA_LOG_B("upgrade", of_upgrade));
}

void reload_note_death(struct master *master, int exit_status)
{
    if (master->reload.phase != RELOAD_NONE && master->reload.failure == NULL)
        master->reload.failure =
            exit_status < 0 ? "a new worker was killed" : worker_exit_text(exit_status);
}

static void end(struct master *master)
{
    bool again = master->reload.again;
    master->next.number = 0;
    master->reload = (struct reload){0};
    notify_send("READY=1");
    if (again)
        reload_begin(master, false);
}

static void roll_back(struct master *master)
{
    bool of_upgrade = master->reload.of_upgrade;
    unsigned generation = master->next.number;
    luna_log(LUNA_LOG_ERROR, of_upgrade ? "upgrade_rolled_back" : "reload_rolled_back",
             LUNA_LOG_S("reason", master->reload.failure), LUNA_LOG_I("generation", generation));
    pool_drain_others(&master->pool, master->current.number, 0);
    worker_config_done(&master->next.config);
    /* execs the old binary; returns only when that fails */
    if (of_upgrade)
        upgrade_go_back(master);
    else
        scoreboard_count(&master->board->pool.reload_rollbacks);
    end(master);
}

static void commit(struct master *master)
{
    bool of_upgrade = master->reload.of_upgrade;
    pool_drain_others(&master->pool, master->next.number, master->next.config.drain_timeout_ms);
    worker_config_done(&master->current.config);
    master->current = master->next;
    atomic_store_explicit(&master->board->pool.generation, master->current.number, RELAXED);
    atomic_store_explicit(&master->board->pool.ready_stall_ns,
                          master->current.config.ready_stall_ms * NS_PER_MS, RELAXED);
    luna_log_configure("fcgi-worker", (enum luna_log_level)master->current.config.log_level,
                       (enum luna_log_format)master->current.config.log_format);
    scoreboard_count(of_upgrade ? &master->board->pool.upgrades : &master->board->pool.reloads);
    if (of_upgrade)
        upgrade_done(master);
    luna_log(LUNA_LOG_INFO, of_upgrade ? "upgrade_done" : "reload_done",
             LUNA_LOG_I("generation", master->current.number));
    end(master);
}

void reload_step(struct master *master)
{
    struct reload *reload = &master->reload;
    if (reload->phase == RELOAD_NONE)
        return;
    if (reload->failure == NULL && luna_clock_mono_ns() >= reload->due_ns)
        reload->failure = "the new workers were not ready in time";
    if (reload->failure != NULL) {
        roll_back(master);
        return;
    }
    int ready = pool_count(&master->pool, master->next.number, READY);
    if (reload->phase == RELOAD_CANARY && ready >= 1)
        reload->phase = RELOAD_FILL;
    int wanted = reload->phase == RELOAD_CANARY ? 1 : master->target;
    if (ready >= wanted && reload->phase == RELOAD_FILL)
        commit(master);
    else
        pool_fill(&master->pool, &master->next, wanted, reload->phase == RELOAD_CANARY);
}
