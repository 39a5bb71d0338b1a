#include "service_manager.h"

#include "luna/base/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

/* Booking continues when a notification of the service manager fails, so results are ignored. */

void service_notify_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void service_notify_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, luna_clock_mono_ns() / 1000);
}

void service_notify_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}

void service_notify_status(const char *text)
{
    (void)sd_notifyf(0, "STATUS=%s", text);
}

void service_notify_alive(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

int64_t service_watchdog_interval_ms(void)
{
    uint64_t timeout_us = 0;
    if (sd_watchdog_enabled(0, &timeout_us) <= 0)
        return 0;
    int64_t half_ms = (int64_t)(timeout_us / 2000);
    return half_ms > 0 ? half_ms : 1;
}
