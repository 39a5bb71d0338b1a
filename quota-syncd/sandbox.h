/*
 * sandbox.h: what the daemon may still do once its listener is open: talk to Redis and PostgreSQL,
 * connect to them again, fold journals, reload its settings, reopen its log. The mode is
 * LUNA_SANDBOX (luna/sandbox/sandbox.h).
 */
#ifndef QUOTA_SYNCD_SANDBOX_H
#define QUOTA_SYNCD_SANDBOX_H

#include "luna/base/error.h"
#include "syncd_config.h"

enum luna_code syncd_sandbox_enter(const struct syncd_config *config,
                                   struct luna_error *err) LUNA_MUSTCHECK;

#endif
