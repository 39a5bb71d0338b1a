/*
 * sandbox.h: the limits of a worker once its connections are open.
 *
 * seccomp: a list of allowed system calls; no exec, no fork, no ptrace, sockets of four families
 * only. Any other call fails, is logged, or kills, according to LUNA_SANDBOX. Landlock, where the
 * kernel has it: files are read under a few system directories and written in the state directory
 * alone. Reconnecting to Redis and PostgreSQL stays possible. Call once, in a process that has
 * given up its privileges; it cannot be undone.
 */
#ifndef FCGI_WORKER_SANDBOX_H
#define FCGI_WORKER_SANDBOX_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

enum luna_code sandbox_enter(const struct worker_config *config,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
