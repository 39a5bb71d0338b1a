/*
 * backlog.h: how many connections wait in a listening socket's queue.
 *
 * Of a unix socket asked through sock_diag, in one message: /proc and getsockopt() do not know it
 * there.
 */
#ifndef FCGI_WORKER_BACKLOG_H
#define FCGI_WORKER_BACKLOG_H

#include <stdbool.h>

struct backlog {
    int depth; /* connections waiting */
    int max;   /* connections it takes */
};

/* False when the kernel does not say. Not for several threads: it keeps one netlink socket open. */
bool backlog_read(int listen_fd, struct backlog *ret_backlog) __attribute__((warn_unused_result));

#endif
