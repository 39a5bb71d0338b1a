/*
 * worker.h: a worker process, from fork to exit.
 *
 * Who: pool.c calls worker_main() in the child. It never returns to the caller's loop: its value is
 * the exit status (exit_code.h). Signals: all that can be blocked are, because neither libfcgi nor
 * libpq survives an interrupted system call; the worker is told to drain by the end of file on
 * `leash_fd`, whose other end only the master holds, so that the master's death drains it too.
 */
#ifndef FCGI_WORKER_WORKER_H
#define FCGI_WORKER_WORKER_H

#include "shared/scoreboard.h"
#include "shared/worker_config.h"

struct worker_options {
    const struct worker_config *config;
    struct scoreboard *board;
    int slot;
    int listen_fd;
    int leash_fd; /* end of file: drain */
    int nudge_fd; /* eventfd: tells the master that requests wait too long; -1: nobody listens */
    bool must_reach_stores; /* a canary: a store that is away is a reason not to start */
};

int worker_main(const struct worker_options *options);

#endif
