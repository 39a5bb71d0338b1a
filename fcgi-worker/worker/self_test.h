/*
 * self_test.h: would this binary, with this configuration, serve here and now?
 *
 * It computes the golden vector: decodes and filters the Nile series at its published parameters
 * and compares with numbers from R (KFAS). That takes microseconds and keeps a miscompiled or
 * mislinked build from answering anybody. Every worker does it before it serves; `fcgi-worker
 * --self-test`, which an upgrade starts before anything changes, also connects to each store.
 */
#ifndef FCGI_WORKER_SELF_TEST_H
#define FCGI_WORKER_SELF_TEST_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

/* The golden vector. LUNA_EPROTOCOL when this build computes something else. */
enum luna_code self_test_compute(struct luna_error *err) LUNA_MUSTCHECK;
/* All of it: an exit status of exit_code.h; err says why when it is not 0. */
int self_test_run(const struct worker_config *config, struct luna_error *err);

#endif
