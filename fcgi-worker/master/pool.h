/*
 * pool.h: the worker processes: their slots, births and deaths.
 *
 * Who: the master, alone. The pool never waits and never decides how many workers there should be;
 * it is told how many of which generation, and it starts, drains, kills and buries. One generation
 * has one configuration. A slot's life:  NONE → STARTING → READY → DRAINING → (NONE)
 *                 any of them → KILLED → …;  a death that nobody asked for → BACKOFF → STARTING
 */
#ifndef FCGI_WORKER_POOL_H
#define FCGI_WORKER_POOL_H

#include "luna/base/error.h"
#include "master/black_box.h"
#include "master/respawn.h"
#include "shared/roles.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct generation {
    unsigned number; /* 0: none */
    struct worker_config config;
};

struct pool_slot {
    enum worker_state state;
    pid_t pid;
    int pid_fd;
    int leash_fd; /* the master's end; -1 once let go */
    unsigned generation;
    bool canary;
    int64_t started_ns;
    int64_t due_ns; /* STARTING: ready by; DRAINING: gone by; BACKOFF: start at */
    enum kill_reason kill_reason;
    struct respawn respawn;
};

struct pool {
    struct scoreboard *board;
    const struct roles *roles;
    int listen_fd;
    int epoll_fd;
    int nudge_fd;
    int slot_count;             /* the first ones of `slots`, which are the pool's to use */
    void (*abandon)(void *ctx); /* called in a new worker: closes what only the master may hold */
    void *abandon_ctx;
    struct respawn_budget budget;
    struct pool_slot slots[SCOREBOARD_SLOTS];
};

/* What became of a slot whose process has ended. */
struct pool_death {
    unsigned generation;
    bool was_ready;
    bool expected;   /* drained or recycled */
    int exit_status; /* -1: a signal */
};

void pool_init(struct pool *pool, struct scoreboard *board, int listen_fd, int epoll_fd,
               int nudge_fd);

/* Workers of a generation in one of the states whose bits are given (1u << WORKER_READY …). */
int pool_count(const struct pool *pool, unsigned generation, unsigned states);
/* Workers of every generation. */
int pool_count_all(const struct pool *pool, unsigned states);

/* Starts workers until `wanted` of `generation` are there or in backoff, and those whose backoff is
 * over. In a child this does not return: the child's exit status ends the process. */
void pool_fill(struct pool *pool, const struct generation *generation, int wanted, bool canary);
/* Lets go of workers of `generation` beyond `wanted`, idle ones first. Returns how many. */
int pool_shrink(struct pool *pool, unsigned generation, int wanted, int64_t drain_ms);
/* Lets go of all workers but those of `keep` (0: of all). */
void pool_drain_others(struct pool *pool, unsigned keep, int64_t drain_ms);
/* Kills all that is left, for instance when a stop takes too long. */
void pool_kill_all(struct pool *pool, enum kill_reason reason);

/* Looks at every slot: who became ready, who is late, who is past its hard limit. Returns when to
 * look again at the latest (CLOCK_MONOTONIC ns; INT64_MAX: nothing is due). */
int64_t pool_watch(struct pool *pool);
/* Buries a slot's process once its pid_fd is readable. */
struct pool_death pool_bury(struct pool *pool, int slot, const struct worker_config *config);

/* In a child of the master: closes the pool's share of what only the master may hold. */
void pool_abandon(struct pool *pool);

#endif
