/*
 * privileges.h: what the pool gives up before it forks anything.
 *
 * From root to the configured user and group for good; no new privileges through set-user-id files;
 * no core dumps and no ptrace by others of the same user, unless LUNA_CORE_DUMPS is on. The socket
 * is bound and the state directory opened to the user before.
 */
#ifndef FCGI_WORKER_PRIVILEGES_H
#define FCGI_WORKER_PRIVILEGES_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

/* LUNA_ECONFIG names the setting; afterwards going back to root has been tried and has failed. */
enum luna_code privileges_drop(const struct worker_config *config,
                               struct luna_error *err) LUNA_MUSTCHECK;

#endif
