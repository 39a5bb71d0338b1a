/*
 * self_test.h: would this binary, with this configuration, serve here and now?
 *
 * For `fcgi-worker --self-test`, and for the child that an upgrade starts before anything changes:
 * golden vector, then one connection to each store.
 */
#ifndef FCGI_WORKER_SELF_TEST_H
#define FCGI_WORKER_SELF_TEST_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

/* An exit status of exit_code.h; err says why when it is not 0. */
int self_test(const struct worker_config *config, struct luna_error *err);

#endif
