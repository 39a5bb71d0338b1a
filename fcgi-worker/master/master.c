#include "master/master.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "shared/exit_code.h"
#include "shared/log_file.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    NS_PER_MS = 1000000,
    KILL_GRACE_MS = 1000,
    MONITOR_PAUSE_MS = 1000,
    MONITOR_STOP_MS = 1000,
    MONITOR_TRIES = 10
};

#define RELAXED memory_order_relaxed

/* In a new child. A copy of a leash left open here would keep another child from ever noticing that
 * it is released. */
static void abandon(void *context)
{
    struct master *master = context;
    pool_abandon(&master->pool);
    child_abandon(&master->monitor, master->io);
    child_abandon(&master->upgrade.tester, master->io);
    master->io->close(master->board_fd);
    master->io->abandon();
}

static void set_generation(struct master *master, unsigned number)
{
    assert(number > 0); /* 0: no generation */
    master->current.number = number;
    atomic_store_explicit(&master->board->pool.generation, number, RELAXED);
}

void master_init(struct master *master, const struct master_options *options)
{
    const struct worker_config *config = options->config;
    struct scoreboard_pool *shown = &options->board->pool;
    *master = (struct master){.io = options->io,
                              .roles = options->roles,
                              .current = {.config = *config},
                              .listener = options->listener,
                              .board = options->board,
                              .board_fd = options->board_fd,
                              .pool = {.io = options->io,
                                       .roles = options->roles,
                                       .board = options->board,
                                       .listen_fd = options->listener.fd,
                                       .nudge_fd = options->nudge_fd,
                                       .lock = options->lock,
                                       .slot_count = (int)config->journal_slot_count - 1,
                                       .abandon = abandon,
                                       .abandon_context = master},
                              .monitor = CHILD_NONE};
    set_generation(master, 1);
    pool_init(&master->pool);
    upgrade_init(&master->upgrade, options->io, options->board, &master->current.config);
    luna_log_count_dropped(&options->board->log.lines_dropped);
    luna_log_share_torn(&options->board->log.torn);
    atomic_store_explicit(&shown->ready_stall_ns, config->ready_stall_ms * NS_PER_MS, RELAXED);
    atomic_store_explicit(&shown->live_stall_ns, config->live_stall_ms * NS_PER_MS, RELAXED);
    if (atomic_load_explicit(&shown->started_wall_ms, RELAXED) == 0)
        atomic_store_explicit(&shown->started_wall_ms, luna_clock_wall_ms(), RELAXED);
}

static void adopt_monitor(struct master *master, const struct handover *handover)
{
    struct luna_error err = {0};
    master->monitor_settled = true;
    if (handover->monitor_pid == 0 ||
        child_adopt(&master->monitor, master->io, CHILD_MONITOR, handover->monitor_pid,
                    handover->monitor_leash_fd, &err) == LUNA_OK)
        return;
    luna_log(LUNA_LOG_ERROR, "monitor_not_adopted", LUNA_LOG_S("reason", err.msg));
    if (handover->monitor_leash_fd >= 0)
        master->io->close(handover->monitor_leash_fd);
}

static void adopt_worker(struct master *master, const struct handover_worker *worker)
{
    struct luna_error err = {0};
    if (pool_adopt(&master->pool, worker->slot, worker->pid, worker->leash_fd, worker->generation,
                   &err) == LUNA_OK)
        return;
    luna_log(LUNA_LOG_ERROR, "worker_not_adopted", LUNA_LOG_I("slot", worker->slot),
             LUNA_LOG_I("worker_pid", worker->pid), LUNA_LOG_S("reason", err.msg));
    if (worker->leash_fd >= 0)
        master->io->close(worker->leash_fd);
}

void master_adopt(struct master *master, const struct handover *handover)
{
    assert(handover->worker_count <= SCOREBOARD_SLOTS);
    set_generation(master, handover->generation);
    master->scaling.by_hand = handover->by_hand;
    master->scaling.target = handover->target;
    master->reported_ready = true;
    master->upgrade.previous_fd = handover->previous_fd;
    for (size_t i = 0; i < handover->worker_count; i++)
        adopt_worker(master, &handover->workers[i]);
    adopt_monitor(master, handover);
    luna_log(LUNA_LOG_INFO, "handover_taken", LUNA_LOG_B("on_trial", handover->on_trial),
             LUNA_LOG_I("generation", master->current.number),
             LUNA_LOG_I("workers", pool_count_all(&master->pool, POOL_PROCESSES)));
    if (handover->on_trial)
        reload_begin(&master->reload, &master->pool, &master->current, true);
}

static void fill_handover(const struct master *master, struct handover *ret_handover)
{
    *ret_handover = (struct handover){.listen_fd = master->listener.fd,
                                      .owned = master->listener.path[0] != '\0',
                                      .board_fd = master->board_fd,
                                      .lock_fd = master->pool.lock.fd,
                                      .generation = master->current.number,
                                      .by_hand = master->scaling.by_hand,
                                      .target = master->scaling.target,
                                      .previous_fd = -1,
                                      .monitor_pid = master->monitor.pid,
                                      .monitor_leash_fd = master->monitor.leash_fd};
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        const struct pool_slot *slot = &master->pool.slots[i];
        if (slot->child.pid != 0)
            ret_handover->workers[ret_handover->worker_count++] =
                (struct handover_worker){.slot = i,
                                         .pid = slot->child.pid,
                                         .leash_fd = slot->child.leash_fd,
                                         .generation = slot->generation};
    }
}

static void stop(struct master *master, const char *cause)
{
    int64_t drain_ms = master->current.config.drain_timeout_ms;
    int64_t now_ns = master->io->now_ns();
    if (master->stopping) { /* requested twice: at once */
        master->stop_due_ns = now_ns;
        return;
    }
    luna_log(LUNA_LOG_INFO, "stopping", LUNA_LOG_S("cause", cause),
             LUNA_LOG_I("drain_ms", drain_ms));
    master->io->notify("STOPPING=1");
    master->stopping = true;
    master->stop_due_ns = now_ns + (drain_ms + KILL_GRACE_MS) * NS_PER_MS;
    atomic_store_explicit(&master->board->pool.draining, 1, RELAXED);
    pool_drain_others(&master->pool, 0, drain_ms);
}

/* Trying again would find the same configuration. The reason is `child`'s. */
static void stop_misconfigured(struct master *master, int child)
{
    master->exit_status = LUNA_EXIT_CONFIG;
    scoreboard_reason_get(master->board, child, master->stop_reason);
    stop(master, "configuration");
}

/* The monitor of a master that was killed ends at once, so another process holds the address. */
static void stop_without_address(struct master *master)
{
    master->exit_status = LUNA_EXIT_TEMPFAIL;
    scoreboard_reason_get(master->board, CHILD_MONITOR, master->stop_reason);
    stop(master, "another process holds LUNA_MONITOR_LISTEN");
}

static bool is_being_replaced(const struct master *master)
{
    return master->reload.phase != RELOAD_IDLE || master->stopping;
}

static void begin_upgrade(struct master *master)
{
    static const char busy[] = "a reload, an upgrade or a stop is in progress";
    if (!upgrade_is_testing(&master->upgrade) && !is_being_replaced(master)) {
        upgrade_begin(&master->upgrade, master->current.config.start_timeout_ms);
        return;
    }
    luna_log(LUNA_LOG_WARNING, "upgrade_refused", LUNA_LOG_S("reason", busy));
    upgrade_report_failure(&master->upgrade, busy);
}

static void take_signal(struct master *master, int signo)
{
    switch (signo) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        stop(master, strsignal(signo));
        break;
    case SIGHUP:
        reload_begin(&master->reload, &master->pool, &master->current, false);
        break;
    case SIGUSR2:
        begin_upgrade(master);
        break;
    case SIGTTIN:
    case SIGTTOU:
        scaling_by_hand(&master->scaling, &master->current.config, signo == SIGTTIN ? 1 : -1);
        break;
    case SIGUSR1:
        log_file_rotate(master->board);
        break;
    default: /* WINCH: nothing to redraw */
        break;
    }
}

static void reap_worker(struct master *master, int slot)
{
    struct pool_end end = pool_reap(&master->pool, slot, &master->current.config);
    const struct generation *next = &master->reload.next;
    if (next->number != 0 && end.generation == next->number && !end.was_ready)
        reload_note_death(&master->reload, end.exit_status);
    else if (end.exit_status == WORKER_EXIT_CONFIG &&
             pool_count_all(&master->pool, POOL_STATE(WORKER_READY)) == 0)
        stop_misconfigured(master, slot);
}

static void reap_monitor(struct master *master)
{
    struct child_end end = child_reap(&master->monitor, master->io);
    bool first = !master->monitor_settled;
    bool in_use = first && end.exit_status == LUNA_EXIT_TEMPFAIL;
    master->monitor_settled = !in_use;
    atomic_store_explicit(&master->board->pool.monitor_pid, 0, RELAXED);
    luna_log(end.exit_status == 0 ? LUNA_LOG_INFO : LUNA_LOG_ERROR, "monitor_ended",
             LUNA_LOG_I("exit_status", end.exit_status));
    /* At its first start this says that its address cannot be listened on. */
    if (first && end.exit_status == LUNA_EXIT_CONFIG)
        stop_misconfigured(master, CHILD_MONITOR);
    if (in_use && ++master->monitor_tries == MONITOR_TRIES)
        stop_without_address(master);
}

static void end_test(struct master *master)
{
    struct handover handover;
    if (!upgrade_end_test(&master->upgrade, is_being_replaced(master)))
        return;
    fill_handover(master, &handover);
    upgrade_execute(&master->upgrade, &handover);
}

void master_take_event(struct master *master, const struct master_event *event)
{
    assert(event->signal != 0 || (event->child >= 0 && event->child <= CHILD_SELF_TEST));
    if (event->signal != 0)
        take_signal(master, event->signal);
    else if (event->child == CHILD_MONITOR)
        reap_monitor(master);
    else if (event->child == CHILD_SELF_TEST)
        end_test(master);
    else
        reap_worker(master, event->child);
}

static void step_reload(struct master *master)
{
    struct handover handover;
    enum reload_outcome outcome =
        reload_step(&master->reload, &master->pool, &master->current, master->scaling.target);
    if (outcome == RELOAD_PENDING)
        return;
    if (master->reload.of_upgrade && outcome == RELOAD_COMMITTED) {
        upgrade_confirm(&master->upgrade);
        /* The old binary's; the next one runs the new binary. */
        child_release(&master->monitor, master->io);
    } else if (master->reload.of_upgrade) {
        fill_handover(master, &handover);
        upgrade_go_back(&master->upgrade, &handover);
    }
    reload_end(&master->reload, &master->pool, &master->current);
}

static int run_monitor(void *context, int leash_fd)
{
    struct master *master = context;
    (void)prctl(PR_SET_NAME, "luna-monitor"); /* what ps shows; nothing depends on it */
    /* It has nothing to finish, and one that is stopped does not see its leash. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    abandon(master);
    master->io->close(master->listener.fd);
    const struct monitor_options options = {.board = master->board,
                                            .names = master->roles->names,
                                            .config = &master->current.config,
                                            .leash_fd = leash_fd};
    return master->roles->monitor(&options);
}

static void keep_monitor(struct master *master)
{
    struct luna_error err = {0};
    int64_t now_ns = master->io->now_ns();
    if (master->monitor.pid != 0 || now_ns < master->monitor_due_ns)
        return;
    master->monitor_due_ns = now_ns + (int64_t)MONITOR_PAUSE_MS * NS_PER_MS;
    scoreboard_reason_set(master->board, CHILD_MONITOR, "");
    if (child_start(&master->monitor, master->io, CHILD_MONITOR, run_monitor, master, &err) !=
        LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "monitor_not_started", LUNA_LOG_S("reason", err.msg));
        return;
    }
    atomic_store_explicit(&master->board->pool.monitor_pid, master->monitor.pid, RELAXED);
}

/* Its end is prompt: it does nothing that blocks. */
static void stop_monitor(struct master *master)
{
    if (master->monitor.pid == 0)
        return;
    child_release(&master->monitor, master->io);
    if (!master->io->wait_for_end(master->monitor.pid_fd, MONITOR_STOP_MS)) {
        child_kill(&master->monitor, master->io);
        (void)master->io->wait_for_end(master->monitor.pid_fd, MONITOR_STOP_MS);
    }
    (void)child_reap(&master->monitor, master->io);
}

static void keep_pool(struct master *master)
{
    scaling_step(&master->scaling, &master->pool, &master->current);
    /* While a new generation fills up, the old one is neither filled nor shrunk. Nor is it filled
     * by an image on trial: the worker would be the new binary's, and not yet proved. */
    bool on_trial = master->reload.of_upgrade && master->reload.phase != RELOAD_IDLE;
    if (master->reload.phase != RELOAD_FILL && !on_trial) {
        pool_fill(&master->pool, &master->current, master->scaling.target, false);
        pool_shrink(&master->pool, master->current.number, master->scaling.target,
                    master->current.config.drain_timeout_ms);
    }
    step_reload(master);
    upgrade_step(&master->upgrade);
    keep_monitor(master);
}

static void publish(struct master *master)
{
    struct scoreboard_pool *shown = &master->board->pool;
    bool looping = respawn_is_crash_loop(&master->pool.budget, master->io->now_ns());
    if (looping && !atomic_load_explicit(&shown->crash_looping, RELAXED))
        luna_log(LUNA_LOG_ERROR, "crash_loop", LUNA_LOG_S("effect", "respawns are slowed down"));
    atomic_store_explicit(&shown->crash_looping, looping, RELAXED);
    atomic_store_explicit(&shown->target, master->scaling.target, RELAXED);
    /* Of two workers or more, half can always serve what needs no PostgreSQL. */
    int half = master->scaling.target / 2;
    atomic_store_explicit(&master->board->breaker.waiters_max, half > 1 ? half : 1, RELAXED);
}

static const char *pool_address(const struct worker_config *config)
{
    return worker_config_uses_tcp(config) ? config->worker_listen : config->socket_path;
}

/* Says once that the pool serves, and feeds the service manager's watchdog. */
static void notify_manager(struct master *master)
{
    int64_t now_ns = master->io->now_ns();
    int64_t interval_ns = master->io->watchdog_ns();
    int ready = pool_count_all(&master->pool, POOL_STATE(WORKER_READY));
    if (!master->reported_ready && ready > 0) {
        master->reported_ready = true;
        master->io->notify("READY=1");
        luna_log(LUNA_LOG_INFO, "pool_ready", LUNA_LOG_I("workers", ready),
                 LUNA_LOG_S("socket", pool_address(&master->current.config)));
    }
    if (interval_ns > 0 && now_ns - master->watchdog_ns >= interval_ns / 2) {
        master->watchdog_ns = now_ns;
        master->io->notify("WATCHDOG=1");
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What is due next; and every so often in any case, for what workers do without an event. */
static int64_t next_step_ns(const struct master *master, int64_t watch_ns)
{
    int64_t now_ns = master->io->now_ns();
    int64_t interval_ns = master->io->watchdog_ns();
    int64_t next_ns = sooner(watch_ns, now_ns + scaling_pause_ns(&master->pool));
    if (master->reload.phase != RELOAD_IDLE)
        next_ns = sooner(next_ns, master->reload.due_ns);
    if (upgrade_is_testing(&master->upgrade))
        next_ns = sooner(next_ns, master->upgrade.due_ns);
    if (master->monitor.pid == 0)
        next_ns = sooner(next_ns, master->monitor_due_ns);
    if (master->stopping)
        next_ns = sooner(next_ns, master->stop_due_ns);
    if (interval_ns > 0)
        next_ns = sooner(next_ns, master->watchdog_ns + interval_ns / 2);
    return next_ns > now_ns + NS_PER_MS ? next_ns : now_ns + NS_PER_MS;
}

int64_t master_step(struct master *master)
{
    atomic_store_explicit(&master->board->pool.heartbeat_ns, master->io->now_ns(), RELAXED);
    int64_t watch_ns = pool_watch(&master->pool);
    if (!master->stopping)
        keep_pool(master);
    else if (master->io->now_ns() >= master->stop_due_ns)
        pool_kill_all(&master->pool, KILL_STOP_LIMIT);
    notify_manager(master);
    publish(master);
    luna_log_tick();
    return next_step_ns(master, watch_ns);
}

bool master_has_stopped(const struct master *master)
{
    return master->stopping && pool_count_all(&master->pool, POOL_PROCESSES) == 0;
}

/* The last line, by which an operator looks for the reason. */
static void report_stop(const struct master *master)
{
    if (master->exit_status == 0)
        luna_log(LUNA_LOG_INFO, "stopped", LUNA_LOG_I("exit_status", 0));
    else
        luna_log(LUNA_LOG_ERROR, "stopped", LUNA_LOG_I("exit_status", master->exit_status),
                 LUNA_LOG_S("reason", master->stop_reason));
}

int master_run(struct master *master)
{
    struct master_event events[MASTER_EVENTS_MAX];
    int64_t until_ns = master_step(master);
    while (!master_has_stopped(master)) {
        int count = master->io->wait(until_ns, events);
        assert(count >= 0 && count <= MASTER_EVENTS_MAX);
        for (int i = 0; i < count; i++)
            master_take_event(master, &events[i]);
        until_ns = master_step(master);
    }
    stop_monitor(master);
    luna_log_flush();
    report_stop(master);
    return master->exit_status;
}
