/*
 * pool_lock.h: which processes use a pool's journal slots: one master, and the workers it started.
 *
 * LUNA_STATE_DIR/pool.lock is locked byte by byte. A master locks a byte for each of its slots, so
 * that no two pools whose slots overlap run at the same time. A worker locks another byte of its
 * slot, so that a master finds the workers of one that was killed, which still finish a request.
 *
 * These are record locks (fcntl): the kernel says who holds one, a fork does not inherit them, an
 * exec keeps them, and they end with the process, however it ends. A process that closes any
 * descriptor of the file loses its locks on it, so nothing else opens the file.
 */
#ifndef FCGI_WORKER_POOL_LOCK_H
#define FCGI_WORKER_POOL_LOCK_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

#include <stdbool.h>
#include <sys/types.h>

struct pool_lock {
    int fd; /* -1: none */
    int slot_first, slot_count;
};

#define POOL_LOCK_NONE ((struct pool_lock){.fd = -1})

/* In the master, before it opens anything that others see; the state directory exists.
 * `inherited_fd` is the lock's descriptor of an earlier image of this master; -1: there is none.
 * LUNA_ECONFLICT: another master holds it; the message gives its process id. LUNA_ECONFIG: the
 * directory cannot be used. */
enum luna_code pool_lock_take(const struct worker_config *config, int inherited_fd,
                              struct pool_lock *ret_lock, struct luna_error *err) LUNA_MUSTCHECK;
/* In a worker: shows that it uses its slot. */
void pool_lock_mark(const struct pool_lock *lock, int slot);
/* In the master: a worker of an earlier master that still uses the slot; 0: none. For a slot
 * without a worker of its own. */
pid_t pool_lock_orphan(const struct pool_lock *lock, int slot);

#endif
