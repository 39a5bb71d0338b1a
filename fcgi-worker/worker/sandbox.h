/*
 * sandbox.h: what a worker cannot do any more, once its connections are made.
 *
 * seccomp: an allow-list of system calls; no exec, no fork, no ptrace, sockets of four families
 * only. What is not on it fails, is logged, or kills, as LUNA_SANDBOX says. Landlock, where the
 * kernel has it: files are read under a few system directories and written in the state directory
 * alone. Reconnecting to Redis and PostgreSQL stays possible. Call once, in a process that has
 * given up its privileges; there is no way back.
 */
#ifndef FCGI_WORKER_SANDBOX_H
#define FCGI_WORKER_SANDBOX_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

enum luna_code sandbox_enter(const struct worker_config *config,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
