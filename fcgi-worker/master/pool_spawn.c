#include "master/pool_spawn.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "master/master_events.h"
#include "shared/leash.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NS_PER_MS = 1000000,
    /* what is left of its start or drain is not handed over: enough for either */
    ADOPTED_DUE_MS = 30000
};

#define RELAXED memory_order_relaxed

static void run_worker(struct pool *pool, int index, const struct generation *generation,
                       int leash_fd, bool canary) __attribute__((noreturn));
static void run_worker(struct pool *pool, int index, const struct generation *generation,
                       int leash_fd, bool canary)
{
    char name[16];
    (void)snprintf(name, sizeof name, "luna-worker %d", index);
    (void)prctl(PR_SET_NAME, name); /* what ps shows; nothing depends on it */
    pool->abandon(pool->abandon_ctx);
    /* The master's own is changed only when the whole generation is ready. */
    luna_log_configure("fcgi-worker", (enum luna_log_level)generation->config.log_level,
                       (enum luna_log_format)generation->config.log_format);
    const struct worker_options options = {
        .config = &generation->config,
        .board = pool->board,
        .slot = index,
        .listen_fd = pool->listen_fd,
        .leash_fd = leash_fd,
        .nudge_fd = generation->config.pool_mode == POOL_DYNAMIC ? pool->nudge_fd : -1,
        .must_reach_stores = canary};
    int status = pool->roles->worker(&options);
    exit(status); /* not _exit(): a coverage build writes its counts here */
}

static bool watch_process(struct pool *pool, int index, pid_t pid)
{
    struct pool_slot *slot = &pool->slots[index];
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = MASTER_EVENT_WORKER + (uint64_t)index};
    slot->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return slot->pid_fd >= 0 && epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, slot->pid_fd, &event) == 0;
}

static void spawn_failed(struct pool *pool, int index, const char *what)
{
    struct pool_slot *slot = &pool->slots[index];
    int64_t now_ns = luna_clock_mono_ns();
    luna_log(LUNA_LOG_ERROR, "worker_not_started", LUNA_LOG_I("slot", index),
             LUNA_LOG_S("call", what), LUNA_LOG_S("reason", strerror(errno)));
    slot->due_ns = now_ns + respawn_pause_ns(&slot->respawn, &pool->budget,
                                             &(struct respawn_death){0}, now_ns, UINT32_MAX / 2);
    pool_set_state(pool, index, WORKER_BACKOFF);
}

static void fill_slot(struct pool *pool, int index, const struct generation *generation, pid_t pid,
                      int leash_fd)
{
    struct pool_slot *slot = &pool->slots[index];
    struct scoreboard_master *shown = &pool->board->master[index];
    slot->pid = pid;
    slot->leash_fd = leash_fd;
    slot->generation = generation->number;
    slot->kill_reason = KILL_NONE;
    slot->started_ns = luna_clock_mono_ns();
    slot->due_ns = slot->started_ns + generation->config.start_timeout_ms * NS_PER_MS;
    atomic_store_explicit(&shown->pid, pid, RELAXED);
    atomic_store_explicit(&shown->generation, generation->number, RELAXED);
    atomic_store_explicit(&shown->started_ns, slot->started_ns, RELAXED);
    scoreboard_count(&shown->starts);
    pool_set_state(pool, index, WORKER_STARTING);
}

/* Out of descriptors: a child that cannot be watched could be neither killed nor buried, and its
 * slot would be lost. */
static void undo_spawn(struct pool *pool, int index)
{
    struct pool_slot *slot = &pool->slots[index];
    int reason = errno;
    (void)kill(slot->pid, SIGKILL);
    (void)waitpid(slot->pid, NULL, 0); /* at once: it has nothing in hand */
    if (slot->pid_fd >= 0)
        close(slot->pid_fd);
    close(slot->leash_fd);
    slot->pid = 0;
    slot->pid_fd = slot->leash_fd = -1;
    atomic_store_explicit(&pool->board->master[index].pid, 0, RELAXED);
    errno = reason;
    spawn_failed(pool, index, "pidfd_open");
}

void pool_spawn(struct pool *pool, int index, const struct generation *generation, bool canary)
{
    struct luna_error err = {0};
    int child_leash = -1;
    int leash = -1;
    pool->slots[index].generation = generation->number;
    pool->slots[index].canary = canary;
    if (leash_new(&child_leash, &leash, &err) != LUNA_OK) {
        spawn_failed(pool, index, "pipe");
        return;
    }
    atomic_store_explicit(&pool->board->worker[index].ready, 0, RELAXED);
    pid_t pid = fork();
    if (pid == 0) {
        close(leash);
        run_worker(pool, index, generation, child_leash, canary);
    }
    close(child_leash);
    if (pid < 0) {
        close(leash);
        spawn_failed(pool, index, "fork");
        return;
    }
    fill_slot(pool, index, generation, pid, leash);
    if (!watch_process(pool, index, pid)) {
        undo_spawn(pool, index);
        return;
    }
    luna_log(LUNA_LOG_INFO, "worker_started", LUNA_LOG_I("slot", index),
             LUNA_LOG_I("worker_pid", pid), LUNA_LOG_I("generation", generation->number),
             LUNA_LOG_B("canary", canary));
}

bool pool_adopt(struct pool *pool, int index, pid_t pid, int leash_fd, unsigned generation)
{
    struct pool_slot *slot = &pool->slots[index];
    slot->pid = pid;
    slot->leash_fd = leash_fd;
    slot->generation = generation;
    slot->started_ns = luna_clock_mono_ns();
    if (!watch_process(pool, index, pid))
        return false;
    bool ready = atomic_load_explicit(&pool->board->worker[index].ready, memory_order_acquire) != 0;
    slot->due_ns = slot->started_ns + ADOPTED_DUE_MS * (int64_t)NS_PER_MS;
    atomic_store_explicit(&pool->board->master[index].pid, pid, RELAXED);
    atomic_store_explicit(&pool->board->master[index].generation, generation, RELAXED);
    pool_set_state(pool, index,
                   leash_fd < 0 ? WORKER_DRAINING
                   : ready      ? WORKER_READY
                                : WORKER_STARTING);
    return true;
}
