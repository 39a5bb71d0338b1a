#include "master/pool.h"

#include "luna/base/clock.h"
#include "luna/base/random.h"
#include "master/black_box.h"
#include "master/pool_spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, HEARTBEAT_LATE_MS = 30000 };

#define RELAXED memory_order_relaxed
#define STATE_BIT(state) (1u << (state))

void pool_init(struct pool *pool, struct scoreboard *board, int listen_fd, int epoll_fd,
               int nudge_fd)
{
    *pool = (struct pool){
        .board = board, .listen_fd = listen_fd, .epoll_fd = epoll_fd, .nudge_fd = nudge_fd};
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        pool->slots[i].pid_fd = -1;
        pool->slots[i].leash_fd = -1;
    }
}

void pool_set_state(struct pool *pool, int slot, enum worker_state state)
{
    pool->slots[slot].state = state;
    atomic_store_explicit(&pool->board->master[slot].state, (int)state, RELAXED);
}

int pool_count(const struct pool *pool, unsigned generation, unsigned states)
{
    int count = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (pool->slots[i].generation == generation &&
            (STATE_BIT(pool->slots[i].state) & states) != 0)
            count++;
    return count;
}

int pool_count_all(const struct pool *pool, unsigned states)
{
    int count = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        count += (STATE_BIT(pool->slots[i].state) & states) != 0;
    return count;
}

static int free_slot(const struct pool *pool)
{
    for (int i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].state == WORKER_NONE)
            return i;
    return -1;
}

static void end_backoffs(struct pool *pool, const struct generation *generation)
{
    int64_t now_ns = luna_clock_mono_ns();
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        const struct pool_slot *slot = &pool->slots[i];
        if (slot->state == WORKER_BACKOFF && slot->generation == generation->number &&
            slot->due_ns <= now_ns)
            pool_spawn(pool, i, generation, slot->canary);
    }
}

void pool_fill(struct pool *pool, const struct generation *generation, int wanted, bool canary)
{
    end_backoffs(pool, generation);
    int missing = wanted - pool_count(pool, generation->number,
                                      STATE_BIT(WORKER_STARTING) | STATE_BIT(WORKER_READY) |
                                          STATE_BIT(WORKER_BACKOFF));
    for (; missing > 0; missing--) {
        int slot = free_slot(pool);
        if (slot < 0)
            return;
        pool->slots[slot].respawn = (struct respawn){0};
        pool_spawn(pool, slot, generation, canary);
    }
}

static void let_go(struct pool *pool, int index, int64_t drain_ms)
{
    struct pool_slot *slot = &pool->slots[index];
    if (slot->state == WORKER_BACKOFF) {
        pool_set_state(pool, index, WORKER_NONE);
        return;
    }
    if (slot->state != WORKER_STARTING && slot->state != WORKER_READY)
        return;
    close(slot->leash_fd);
    slot->leash_fd = -1;
    slot->due_ns = luna_clock_mono_ns() + drain_ms * NS_PER_MS;
    pool_set_state(pool, index, WORKER_DRAINING);
}

static bool is_busy(const struct pool *pool, int slot)
{
    return atomic_load_explicit(&pool->board->worker[slot].accepted_ns, RELAXED) != 0;
}

int pool_shrink(struct pool *pool, unsigned generation, int wanted, int64_t drain_ms)
{
    const unsigned states =
        STATE_BIT(WORKER_STARTING) | STATE_BIT(WORKER_READY) | STATE_BIT(WORKER_BACKOFF);
    int surplus = pool_count(pool, generation, states) - wanted;
    int gone = 0;
    for (int busy = 0; busy <= 1; busy++) {
        for (int i = SCOREBOARD_SLOTS - 1; i >= 0 && gone < surplus; i--) {
            if (pool->slots[i].generation != generation ||
                (STATE_BIT(pool->slots[i].state) & states) == 0 || (busy == 0 && is_busy(pool, i)))
                continue;
            let_go(pool, i, drain_ms);
            gone++;
        }
    }
    return gone;
}

void pool_drain_others(struct pool *pool, unsigned keep, int64_t drain_ms)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (keep == 0 || pool->slots[i].generation != keep)
            let_go(pool, i, drain_ms);
}

static void kill_slot(struct pool *pool, int index, enum kill_reason reason)
{
    struct pool_slot *slot = &pool->slots[index];
    slot->kill_reason = reason;
    /* fails only when it is gone */
    (void)syscall(SYS_pidfd_send_signal, slot->pid_fd, SIGKILL, NULL, 0);
    pool_set_state(pool, index, WORKER_KILLED);
}

static bool is_alive(enum worker_state state)
{
    return state == WORKER_STARTING || state == WORKER_READY || state == WORKER_DRAINING;
}

void pool_kill_all(struct pool *pool, enum kill_reason reason)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (is_alive(pool->slots[i].state))
            kill_slot(pool, i, reason);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A busy worker's hard limit, or an idle one's next heartbeat: past it, the worker hangs. */
static int64_t hang_limit_ns(const struct scoreboard_worker *worker, enum kill_reason *ret_reason)
{
    int64_t hard_limit_ns = atomic_load_explicit(&worker->hard_limit_ns, RELAXED);
    if (hard_limit_ns != 0) {
        *ret_reason = KILL_HARD_LIMIT;
        return hard_limit_ns;
    }
    *ret_reason = KILL_NO_HEARTBEAT;
    return atomic_load_explicit(&worker->heartbeat_ns, RELAXED) +
           HEARTBEAT_LATE_MS * (int64_t)NS_PER_MS;
}

static int64_t watch_ready(struct pool *pool, int index, int64_t now_ns)
{
    enum kill_reason reason = KILL_NONE;
    int64_t limit_ns = hang_limit_ns(&pool->board->worker[index], &reason);
    if (limit_ns > now_ns)
        return limit_ns;
    black_box_log_hang(pool->board, pool->roles->names, index, pool->slots[index].pid, reason);
    kill_slot(pool, index, reason);
    return INT64_MAX;
}

static int64_t watch_starting(struct pool *pool, int index, int64_t now_ns)
{
    struct pool_slot *slot = &pool->slots[index];
    if (atomic_load_explicit(&pool->board->worker[index].ready, memory_order_acquire) != 0) {
        slot->canary = false;
        pool_set_state(pool, index, WORKER_READY);
        return now_ns;
    }
    if (slot->due_ns > now_ns)
        return slot->due_ns;
    kill_slot(pool, index, KILL_START_LIMIT);
    return INT64_MAX;
}

static int64_t watch_draining(struct pool *pool, int index, int64_t now_ns)
{
    enum kill_reason reason = KILL_NONE;
    int64_t hard_limit_ns =
        atomic_load_explicit(&pool->board->worker[index].hard_limit_ns, RELAXED);
    int64_t limit_ns = pool->slots[index].due_ns;
    if (hard_limit_ns != 0)
        limit_ns = sooner(limit_ns, hang_limit_ns(&pool->board->worker[index], &reason));
    if (limit_ns > now_ns)
        return limit_ns;
    black_box_log_hang(pool->board, pool->roles->names, index, pool->slots[index].pid,
                       KILL_DRAIN_LIMIT);
    kill_slot(pool, index, KILL_DRAIN_LIMIT);
    return INT64_MAX;
}

int64_t pool_watch(struct pool *pool)
{
    int64_t now_ns = luna_clock_mono_ns();
    int64_t next_ns = INT64_MAX;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        switch (pool->slots[i].state) {
        case WORKER_STARTING:
            next_ns = sooner(next_ns, watch_starting(pool, i, now_ns));
            break;
        case WORKER_READY:
            next_ns = sooner(next_ns, watch_ready(pool, i, now_ns));
            break;
        case WORKER_DRAINING:
            next_ns = sooner(next_ns, watch_draining(pool, i, now_ns));
            break;
        case WORKER_BACKOFF:
            next_ns = sooner(next_ns, pool->slots[i].due_ns);
            break;
        case WORKER_NONE:
        case WORKER_KILLED:
            break;
        }
    }
    return next_ns;
}

/* Where a slot goes after its process is gone. */
static void succeed(struct pool *pool, int index, bool expected)
{
    struct pool_slot *slot = &pool->slots[index];
    int64_t now_ns = luna_clock_mono_ns();
    bool leaving = slot->leash_fd < 0;
    if (slot->leash_fd >= 0)
        close(slot->leash_fd);
    /* By name: closing is not enough while a child forked meanwhile still has its copy. */
    (void)epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, slot->pid_fd, NULL);
    close(slot->pid_fd);
    slot->leash_fd = -1;
    slot->pid_fd = -1;
    slot->pid = 0;
    slot->kill_reason = KILL_NONE;
    atomic_store_explicit(&pool->board->master[index].pid, 0, RELAXED);
    if (leaving || expected) {
        respawn_forgive(&slot->respawn);
        pool_set_state(pool, index, WORKER_NONE); /* pool_fill() sees that one is missing */
        return;
    }
    const struct respawn_death death = {
        .lived_ns = now_ns - slot->started_ns,
        .was_ready = atomic_load_explicit(&pool->board->worker[index].ready, RELAXED) != 0};
    slot->due_ns =
        now_ns + respawn_pause_ns(&slot->respawn, &pool->budget, &death, now_ns, luna_random_u32());
    pool_set_state(pool, index, WORKER_BACKOFF);
}

struct pool_death pool_bury(struct pool *pool, int index, const struct worker_config *config)
{
    struct pool_slot *slot = &pool->slots[index];
    siginfo_t info = {0};
    struct pool_death death = {.generation = slot->generation};
    death.was_ready = atomic_load_explicit(&pool->board->worker[index].ready, RELAXED) != 0;
    /* its pidfd is readable: it is a zombie */
    (void)waitid(P_PIDFD, (id_t)slot->pid_fd, &info, WEXITED | WNOHANG);
    death.exit_status = info.si_code == CLD_EXITED ? info.si_status : -1;
    death.expected = black_box_record_end(
        pool->board, pool->roles->names,
        &(struct worker_end){.slot = index,
                             .pid = slot->pid,
                             .signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
                             .exit_status = death.exit_status,
                             .kill_reason = slot->kill_reason,
                             .quarantine = config->quarantine_s > 0});
    succeed(pool, index, death.expected);
    return death;
}

void pool_abandon(struct pool *pool)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        if (pool->slots[i].leash_fd >= 0)
            close(pool->slots[i].leash_fd);
        if (pool->slots[i].pid_fd >= 0)
            close(pool->slots[i].pid_fd);
    }
    close(pool->epoll_fd);
}
