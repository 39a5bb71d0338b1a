#include "master/master.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "master/handover.h"
#include "master/master_events.h"
#include "master/monitor_child.h"
#include "master/notify.h"
#include "master/scaling.h"
#include "shared/exit_code.h"
#include "shared/log_file.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, EVENTS_MAX = 64, KILL_GRACE_MS = 1000 };

#define RELAXED memory_order_relaxed
#define STATE_BIT(state) (1u << (state))
#define ALIVE                                                                                      \
    (STATE_BIT(WORKER_STARTING) | STATE_BIT(WORKER_READY) | STATE_BIT(WORKER_DRAINING) |           \
     STATE_BIT(WORKER_KILLED))

static const int handled_signals[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,  SIGUSR1,
                                      SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH};

static void fill_signal_set(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof handled_signals / sizeof handled_signals[0]; i++)
        (void)sigaddset(set, handled_signals[i]);
}

static bool watch(struct master *master, int fd, enum master_event tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    return fd >= 0 && epoll_ctl(master->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static enum luna_code open_loop(struct master *master, struct luna_error *err)
{
    sigset_t set;
    fill_signal_set(&set);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &set, NULL); /* cannot fail with these arguments */
    master->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    master->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    master->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    master->nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!watch(master, master->signal_fd, MASTER_EVENT_SIGNAL) ||
        !watch(master, master->timer_fd, MASTER_EVENT_TIMER) ||
        !watch(master, master->nudge_fd, MASTER_EVENT_NUDGE))
        return luna_error_set(err, LUNA_EIO, "the master's event loop: %s", strerror(errno));
    return LUNA_OK;
}

static void abandon_from_worker(void *ctx)
{
    master_abandon(ctx);
}

enum luna_code master_init(struct master *master, const struct worker_config *config,
                           const struct roles *roles, const struct listener *listener,
                           struct scoreboard *board, int board_fd, struct luna_error *err)
{
    *master = (struct master){.current = {.number = 1, .config = *config},
                              .listener = *listener,
                              .board = board,
                              .board_fd = board_fd,
                              .monitor = {.pid_fd = -1, .leash_fd = -1}};
    upgrade_init(&master->upgrade);
    enum luna_code code = open_loop(master, err);
    if (code != LUNA_OK)
        return code;
    pool_init(&master->pool, board, listener->fd, master->epoll_fd, master->nudge_fd);
    master->pool.roles = roles;
    master->pool.slot_count = (int)config->journal_slot_count - 1;
    master->pool.abandon = abandon_from_worker;
    master->pool.abandon_ctx = master;
    atomic_store_explicit(&board->pool.generation, 1, RELAXED);
    atomic_store_explicit(&board->pool.ready_stall_ns, config->ready_stall_ms * NS_PER_MS, RELAXED);
    if (atomic_load_explicit(&board->pool.started_wall_ms, RELAXED) == 0)
        atomic_store_explicit(&board->pool.started_wall_ms, luna_clock_wall_ms(), RELAXED);
    return LUNA_OK;
}

void master_abandon(struct master *master)
{
    /* Above all the leashes: a copy left open here would keep another child from ever noticing
     * that it was let go. */
    pool_abandon(&master->pool); /* the epoll set is its too */
    child_abandon(&master->monitor);
    child_abandon(&master->upgrade.self_test);
    close(master->board_fd);
    close(master->signal_fd);
    close(master->timer_fd);
}

static void stop(struct master *master, const char *cause)
{
    const struct worker_config *config = &master->current.config;
    int64_t now_ns = luna_clock_mono_ns();
    if (master->stopping) { /* asked twice: at once */
        master->stop_due_ns = now_ns;
        return;
    }
    luna_log(LUNA_LOG_INFO, "stopping", LUNA_LOG_S("cause", cause),
             LUNA_LOG_I("drain_ms", config->drain_timeout_ms));
    notify_send("STOPPING=1");
    master->stopping = true;
    master->stop_due_ns = now_ns + (config->drain_timeout_ms + KILL_GRACE_MS) * NS_PER_MS;
    atomic_store_explicit(&master->board->pool.draining, 1, RELAXED);
    pool_drain_others(&master->pool, 0, config->drain_timeout_ms);
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
        reload_begin(master, false);
        break;
    case SIGUSR2:
        upgrade_begin(master);
        break;
    case SIGTTIN:
    case SIGTTOU:
        scaling_by_hand(master, signo == SIGTTIN ? 1 : -1);
        break;
    case SIGUSR1:
        log_file_rotate(master->board);
        break;
    default: /* WINCH: nothing to redraw */
        break;
    }
}

static void read_signals(struct master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        take_signal(master, (int)info.ssi_signo);
}

static void swallow(int fd)
{
    uint64_t count = 0;
    ssize_t ignored = read(fd, &count, sizeof count); /* only to make it unreadable again */
    (void)ignored;
}

static void bury_worker(struct master *master, int slot)
{
    struct pool_death death = pool_bury(&master->pool, slot, &master->current.config);
    if (master->next.number != 0 && death.generation == master->next.number && !death.was_ready)
        reload_note_death(master, death.exit_status);
    else if (death.exit_status == WORKER_EXIT_CONFIG &&
             pool_count_all(&master->pool, STATE_BIT(WORKER_READY)) == 0) {
        master->exit_status = LUNA_EXIT_CONFIG; /* trying again would find the same configuration */
        stop(master, "configuration");
    }
}

static void take_event(struct master *master, uint64_t tag)
{
    switch (tag) {
    case MASTER_EVENT_SIGNAL:
        read_signals(master);
        break;
    case MASTER_EVENT_TIMER:
        swallow(master->timer_fd);
        break;
    case MASTER_EVENT_NUDGE:
        swallow(master->nudge_fd);
        break;
    case MASTER_EVENT_MONITOR:
        if (monitor_child_bury(master) == LUNA_EXIT_CONFIG) {
            master->exit_status = LUNA_EXIT_CONFIG;
            stop(master, "configuration");
        }
        break;
    case MASTER_EVENT_SELFTEST:
        upgrade_note_self_test(master);
        break;
    default:
        bury_worker(master, (int)(tag - MASTER_EVENT_WORKER));
        break;
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void keep_generation(struct master *master)
{
    const struct worker_config *config = &master->current.config;
    scaling_step(master);
    if (master->reload.phase != RELOAD_FILL) {
        pool_fill(&master->pool, &master->current, master->target, false);
        (void)pool_shrink(&master->pool, master->current.number, master->target,
                          config->drain_timeout_ms);
    }
    reload_step(master);
    upgrade_step(master);
    monitor_child_keep(master);
}

static void keep_stopping(struct master *master)
{
    if (luna_clock_mono_ns() >= master->stop_due_ns)
        pool_kill_all(&master->pool, KILL_STOP_LIMIT);
}

static void publish(struct master *master)
{
    struct scoreboard_pool *shown = &master->board->pool;
    bool looping = respawn_is_crash_loop(&master->pool.budget, luna_clock_mono_ns());
    if (looping && !atomic_load_explicit(&shown->crash_looping, RELAXED))
        luna_log(LUNA_LOG_ERROR, "crash_loop", LUNA_LOG_S("effect", "respawns are braked"));
    atomic_store_explicit(&shown->crash_looping, looping, RELAXED);
    atomic_store_explicit(&shown->target, master->target, RELAXED);
}

/* When to look again: at what is due, and every so often in case a worker does something that
 * nobody tells. */
static void arm_timer(struct master *master, int64_t watch_ns)
{
    int64_t now_ns = luna_clock_mono_ns();
    int64_t next_ns = sooner(watch_ns, now_ns + scaling_pause_ns(master));
    if (master->reload.phase != RELOAD_NONE)
        next_ns = sooner(next_ns, master->reload.due_ns);
    if (master->upgrade.self_test.pid != 0)
        next_ns = sooner(next_ns, master->upgrade.due_ns);
    if (master->monitor.pid == 0)
        next_ns = sooner(next_ns, master->monitor_due_ns);
    if (master->stopping)
        next_ns = sooner(next_ns, master->stop_due_ns);
    if (notify_watchdog_ns() > 0)
        next_ns = sooner(next_ns, master->watchdog_ns + notify_watchdog_ns() / 2);
    if (next_ns < now_ns + NS_PER_MS)
        next_ns = now_ns + NS_PER_MS;
    const struct itimerspec at = {
        .it_value = {.tv_sec = next_ns / NS_PER_S, .tv_nsec = next_ns % NS_PER_S}};
    /* cannot fail with these arguments */
    (void)timerfd_settime(master->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Says once that the pool serves, and feeds the manager's watchdog. */
static void tell_manager(struct master *master)
{
    int64_t now_ns = luna_clock_mono_ns();
    int64_t interval_ns = notify_watchdog_ns();
    int ready = pool_count_all(&master->pool, STATE_BIT(WORKER_READY));
    if (!master->told_ready && ready > 0) {
        master->told_ready = true;
        notify_send("READY=1");
        luna_log(LUNA_LOG_INFO, "pool_ready", LUNA_LOG_I("workers", ready),
                 LUNA_LOG_S("socket", master->current.config.socket_path));
    }
    if (interval_ns > 0 && now_ns - master->watchdog_ns >= interval_ns / 2) {
        master->watchdog_ns = now_ns;
        notify_send("WATCHDOG=1");
    }
}

static void step(struct master *master)
{
    int64_t watch_ns = pool_watch(&master->pool);
    if (master->stopping)
        keep_stopping(master);
    else
        keep_generation(master);
    tell_manager(master);
    publish(master);
    luna_log_tick();
    arm_timer(master, watch_ns);
}

int master_run(struct master *master)
{
    struct epoll_event events[EVENTS_MAX];
    step(master);
    while (!master->stopping || pool_count_all(&master->pool, ALIVE) > 0) {
        int count = epoll_wait(master->epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++)
            take_event(master, events[i].data.u64);
        step(master);
    }
    monitor_child_stop(master);
    luna_log_flush();
    luna_log(LUNA_LOG_INFO, "stopped", LUNA_LOG_I("exit_status", master->exit_status));
    return master->exit_status;
}
