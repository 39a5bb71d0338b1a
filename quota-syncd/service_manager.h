/*
 * service_manager.h: notifications to systemd (sd_notify). Every call is a no-op when NOTIFY_SOCKET
 * is not set.
 */
#ifndef SYNCD_SERVICE_MANAGER_H
#define SYNCD_SERVICE_MANAGER_H

#include <stdint.h>

void service_notify_ready(void);
void service_notify_reloading(void);
void service_notify_stopping(void);
/* One line of plain text for `systemctl status`. */
void service_notify_status(const char *text);
void service_notify_alive(void);
/* How often to call service_notify_alive(): half of the watchdog timeout; 0: no watchdog. */
int64_t service_watchdog_interval_ms(void);

#endif
