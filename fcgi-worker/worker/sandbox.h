/*
 * sandbox.h: what a worker may still do once its connections are open: serve, write its journal and
 * its log, connect to Redis and PostgreSQL again. The mode is LUNA_SANDBOX
 * (luna/sandbox/sandbox.h). Call it once, in the worker.
 */
#ifndef FCGI_WORKER_SANDBOX_H
#define FCGI_WORKER_SANDBOX_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

enum luna_code sandbox_enter(const struct worker_config *config,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
