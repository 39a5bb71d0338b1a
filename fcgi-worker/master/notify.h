/*
 * notify.h: telling systemd how the service is (sd_notify's protocol), without libsystemd in every
 * worker.
 */
#ifndef FCGI_WORKER_NOTIFY_H
#define FCGI_WORKER_NOTIFY_H

#include <stdint.h>

/* Sends one state, such as "READY=1". Does nothing when no manager listens. */
void notify_send(const char *state);
/* The manager's limit between two WATCHDOG=1, in ns; 0: it has none. */
int64_t notify_watchdog_ns(void);

#endif
