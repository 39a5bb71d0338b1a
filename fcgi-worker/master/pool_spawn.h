/*
 * pool_spawn.h: the birth of a worker, and the adoption of one that an earlier master left. For
 * pool.c and handover.c.
 */
#ifndef FCGI_WORKER_POOL_SPAWN_H
#define FCGI_WORKER_POOL_SPAWN_H

#include "master/pool.h"

/* Forks a worker into a free or waiting slot. In the child it does not return. When fork fails
 * the slot backs off. */
void pool_spawn(struct pool *pool, int slot, const struct generation *generation, bool canary);
/* Puts a running child into its slot again, after exec. False when it cannot be watched any
 * more: it is left to itself. */
bool pool_adopt(struct pool *pool, int slot, pid_t pid, int leash_fd, unsigned generation);
/* Keeps a slot's state and its copy in the scoreboard the same. */
void pool_set_state(struct pool *pool, int slot, enum worker_state state);

#endif
