/*
 * child.h: a child of the master that is no worker: the monitor, or the self-test of an upgrade.
 *
 * Watched by a pidfd in the master's epoll set, held by a leash. A child that is not there has pid
 * 0.
 */
#ifndef FCGI_WORKER_CHILD_H
#define FCGI_WORKER_CHILD_H

#include "luna/base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int pid_fd;
    int leash_fd; /* the master's end */
};

/* Forks. In the child *ret_pid is 0 and *ret_leash_fd its own end; the parent's ends are in
 * `child`. */
enum luna_code child_fork(struct child *child, int epoll_fd, uint64_t tag, pid_t *ret_pid,
                          int *ret_leash_fd, struct luna_error *err) LUNA_MUSTCHECK;
/* Watches a child that an earlier master left. */
enum luna_code child_adopt(struct child *child, int epoll_fd, uint64_t tag, pid_t pid, int leash_fd,
                           struct luna_error *err) LUNA_MUSTCHECK;
void child_let_go(struct child *child);
void child_kill(struct child *child);
/* Buries it once its pidfd is readable: its exit status, or -1 when a signal ended it. */
int child_bury(struct child *child, int epoll_fd);
/* In another child: closes the master's ends. */
void child_abandon(struct child *child);

#endif
