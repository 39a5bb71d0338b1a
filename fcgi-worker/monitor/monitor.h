/*
 * monitor.h: the child that answers /livez, /readyz, /metrics and /status whatever the workers do.
 *
 * It reads the scoreboard and nothing else, on an address of its own (LUNA_MONITOR_LISTEN), so that
 * it answers while every worker hangs. Like a worker it ends at the end of file on its leash, and
 * the master starts it again when it dies.
 */
#ifndef FCGI_WORKER_MONITOR_H
#define FCGI_WORKER_MONITOR_H

#include "luna/base/error.h"
#include "shared/roles.h"

/* Runs until the end of file on its leash; the value is the exit status. */
int monitor_main(const struct monitor_options *options);

/* Can the monitor listen on `address`, as far as its text says? LUNA_ECONFIG names the setting.
 * Whether it is free is only known when the monitor starts. */
enum luna_code monitor_check_address(const char *address, struct luna_error *err) LUNA_MUSTCHECK;

#endif
