/*
 * roles.h: what the master's children run, and what each of them receives.
 *
 * main.c fills the table in: the master starts workers and a monitor without knowing either. Each
 * function runs in a child of its own, and its value is the child's exit status (exit_code.h).
 */
#ifndef FCGI_WORKER_ROLES_H
#define FCGI_WORKER_ROLES_H

#include "shared/names.h"
#include "shared/pool_lock.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"

#include <stdbool.h>

struct worker_options {
    const struct worker_config *config;
    struct scoreboard *board;
    int slot;
    int listen_fd;
    int leash_fd; /* end of file: drain */
    struct pool_lock lock;
    int nudge_fd; /* eventfd: tells the master that requests wait too long; -1: nobody listens */
    bool must_reach_stores; /* a canary: an unavailable store is a reason not to start */
};

struct monitor_options {
    struct scoreboard *board;
    const struct names *names;
    const struct worker_config *config;
    int leash_fd; /* end of file: stop */
};

struct roles {
    int (*worker)(const struct worker_options *options);
    int (*monitor)(const struct monitor_options *options);
    const struct names *names;
};

#endif
