/*
 * daemon.h: the master as a daemon of its host: the user it becomes, its PID file, and what the
 * service manager receives.
 */
#ifndef FCGI_WORKER_DAEMON_H
#define FCGI_WORKER_DAEMON_H

#include "luna/base/error.h"
#include "luna/base/reload.h"
#include "shared/worker_config.h"

#include <stdint.h>

/* Makes the state directory unless it exists, for the user that the pool will become. LUNA_ECONFIG
 * names the setting. */
enum luna_code daemon_make_state_dir(const struct worker_config *config,
                                     struct luna_error *err) LUNA_MUSTCHECK;

/* Before anything is forked, after the socket is bound: from root to the configured user and group
 * for good, which is checked. No new privileges through
 * set-user-id files; no core dumps and no ptrace by others of the same user, unless LUNA_CORE_DUMPS
 * is on. LUNA_ECONFIG names the setting. */
enum luna_code daemon_drop_privileges(const struct worker_config *config,
                                      struct luna_error *err) LUNA_MUSTCHECK;

/* NULL or empty path: nothing is written. The file appears whole. */
enum luna_code daemon_write_pid_file(const char *path, struct luna_error *err) LUNA_MUSTCHECK;
void daemon_remove_pid_file(const char *path);

/* Sends one state, such as "READY=1", by sd_notify's protocol, without libsystemd in every worker.
 * Does nothing when no manager listens. */
void daemon_notify(const char *state);
enum { RELOAD_NAME_BYTES = 32 };
/* The pool's name in luna/base/reload.h. */
void daemon_reload_name(const struct worker_config *config, char name[RELOAD_NAME_BYTES]);
/* Reports an outcome under that name; a failure is logged. */
void daemon_report(const struct worker_config *config, const struct luna_reload_outcome *outcome);
/* The manager's limit between two WATCHDOG=1, in ns; 0: it has none. */
int64_t daemon_watchdog_ns(void);

#endif
