/*
 * child.h: one child process of the master, watched by a pidfd and held by a leash.
 *
 * The leash (shared/leash.h) ends with the master, so a child never outlives it. A child that does
 * not exist has pid 0 and both descriptors -1.
 */
#ifndef FCGI_WORKER_CHILD_H
#define FCGI_WORKER_CHILD_H

#include "luna/base/error.h"
#include "master/master_io.h"

#include <sys/types.h>

struct child {
    pid_t pid;
    int pid_fd;
    int leash_fd; /* the master's end; -1 once released */
};

#define CHILD_NONE ((struct child){.pid_fd = -1, .leash_fd = -1})

/* Starts and watches a process; `child` must not exist. On failure no process is left: one that
 * cannot be watched could be neither killed nor reaped. */
enum luna_code child_start(struct child *child, const struct master_io *io, int id, child_main *run,
                           void *context, struct luna_error *err) LUNA_MUSTCHECK;
/* Watches a process that an earlier master image started. On success `leash_fd` belongs to
 * `child`. */
enum luna_code child_adopt(struct child *child, const struct master_io *io, int id, pid_t pid,
                           int leash_fd, struct luna_error *err) LUNA_MUSTCHECK;
/* Closes the leash: the process drains and exits. */
void child_release(struct child *child, const struct master_io *io);
void child_kill(const struct child *child, const struct master_io *io);
/* Collects how it ended, once wait() has reported that it did. */
struct child_end child_reap(struct child *child, const struct master_io *io);
/* In another child: closes the master's descriptors of this one. */
void child_abandon(struct child *child, const struct master_io *io);

#endif
