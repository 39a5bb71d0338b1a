/*
 * pool.h: the worker processes: their slots, starts and ends.
 *
 * Who: the master, alone. The pool never waits and never decides how many workers there should be;
 * it receives how many of which generation, and it starts, drains, kills and reaps them. One
 * generation has one configuration. A slot's life:
 *     NONE → STARTING → READY → DRAINING → NONE
 *     any of these → KILLED → …;  an end that was not planned → BACKOFF → STARTING
 */
#ifndef FCGI_WORKER_POOL_H
#define FCGI_WORKER_POOL_H

#include "master/black_box.h"
#include "master/child.h"
#include "master/respawn.h"
#include "shared/pool_lock.h"
#include "shared/roles.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets of states, for counting. */
#define POOL_STATE(state) (1u << (state))
#define POOL_PROCESSES                                                                             \
    (POOL_STATE(WORKER_STARTING) | POOL_STATE(WORKER_READY) | POOL_STATE(WORKER_DRAINING) |        \
     POOL_STATE(WORKER_KILLED))

struct generation {
    unsigned number; /* 0: no generation */
    struct worker_config config;
};

struct pool_slot {
    enum worker_state state;
    struct child child;
    unsigned generation;
    bool canary;
    int64_t started_ns;
    int64_t due_ns; /* when the state has to have changed: to ready, to gone, to started again */
    enum kill_reason kill_reason;
    struct respawn respawn;
};

struct pool {
    const struct master_io *io;
    const struct roles *roles;
    struct scoreboard *board;
    int listen_fd;
    int nudge_fd;
    struct pool_lock lock;
    int slot_count; /* the first ones of `slots`: only these are used */
    void (*abandon)(
        void *context); /* called in a new worker: closes what only the master may hold */
    void *abandon_context;
    struct respawn_budget budget;
    struct pool_slot slots[SCOREBOARD_SLOTS];
};

/* How the process of a slot ended. */
struct pool_end {
    unsigned generation;
    bool was_ready;
    int exit_status; /* -1: a signal */
};

/* Makes the slots empty; the caller has set the members down to abandon_context. */
void pool_init(struct pool *pool);

/* Workers of a generation in one of the states. */
int pool_count(const struct pool *pool, unsigned generation, unsigned states);
/* Workers of every generation. */
int pool_count_all(const struct pool *pool, unsigned states);

/* Starts workers until `wanted` of `generation` exist or wait to be started again, and those whose
 * wait is over. In the child this does not return. */
void pool_fill(struct pool *pool, const struct generation *generation, int wanted, bool canary);
/* Drains workers of `generation` beyond `wanted`, idle ones first. */
void pool_shrink(struct pool *pool, unsigned generation, int wanted, int64_t drain_ms);
/* Drains all workers but those of generation `keep` (0: all). */
void pool_drain_others(struct pool *pool, unsigned keep, int64_t drain_ms);
/* Kills all workers that are left. */
void pool_kill_all(struct pool *pool, enum kill_reason reason);

/* Looks at every slot: who became ready, who is late, who is past its hard limit. Returns when to
 * look again at the latest (CLOCK_MONOTONIC ns; INT64_MAX: nothing is due). */
int64_t pool_watch(struct pool *pool);
/* Collects a slot's process after it has ended. */
struct pool_end pool_reap(struct pool *pool, int slot, const struct worker_config *config);

/* Puts a process that an earlier master image started into its slot. Without a leash (-1) it drains
 * already. */
enum luna_code pool_adopt(struct pool *pool, int slot, pid_t pid, int leash_fd, unsigned generation,
                          struct luna_error *err) LUNA_MUSTCHECK;

/* In a child of the master: closes the pool's descriptors that only the master may hold. */
void pool_abandon(struct pool *pool);

#endif
