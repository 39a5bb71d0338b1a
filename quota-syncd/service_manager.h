/*
 * service_manager.h: what quota-syncd tells systemd (or whoever set NOTIFY_SOCKET). Every call is a
 * no-op without one.
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
/* How often service_notify_alive() is due, half of the watchdog's patience; 0: no watchdog. */
int64_t service_watchdog_interval_ms(void);

#endif
