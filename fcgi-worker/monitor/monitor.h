/*
 * monitor.h: the child that answers /livez, /readyz, /metrics and /status whatever the workers do.
 *
 * It reads the scoreboard and nothing else, on an address of its own (LUNA_MONITOR_LISTEN), so that
 * it answers while every worker hangs. Like a worker it ends at the end of file on its leash, and
 * the master starts it again when it dies.
 */
#ifndef FCGI_WORKER_MONITOR_H
#define FCGI_WORKER_MONITOR_H

#include "luna/base/buf.h"
#include "luna/base/error.h"
#include "shared/scoreboard.h"

#include <stdbool.h>
#include <stdint.h>

/* Runs until the leash is let go; the value is the exit status. */
int monitor_main(struct scoreboard *board, const char *address, int leash_fd);

/* Does `address` read as one that the monitor can listen on? LUNA_ECONFIG names the setting.
 * Whether it is free is only known when the monitor starts. */
enum luna_code monitor_check_address(const char *address, struct luna_error *err) LUNA_MUSTCHECK;

/* Is the pool fit to serve? Fills `ret_reason` with why not ("ok" when it is). */
bool monitor_is_ready(const struct scoreboard *board, int64_t now_ns, const char **ret_reason);
/* Prometheus text, and JSON. */
void monitor_put_metrics(const struct scoreboard *board, int64_t now_ns, struct luna_buf *out);
void monitor_put_status(const struct scoreboard *board, int64_t now_ns, struct luna_buf *out);

/* The workers' counters added up. */
struct monitor_totals {
    uint64_t requests, statuses[SCOREBOARD_STATUSES], phase_ns[PHASE_COUNT];
    uint64_t wait_buckets[SCOREBOARD_BUCKETS], wait_ns, duration_buckets[SCOREBOARD_BUCKETS],
        duration_ns;
    uint64_t route_statuses[SCOREBOARD_ROUTES][SCOREBOARD_STATUSES], route_ns[SCOREBOARD_ROUTES];
    uint64_t problems[SCOREBOARD_PROBLEMS];
    uint64_t route_buckets[SCOREBOARD_ROUTES][SCOREBOARD_BUCKETS];
    uint64_t model_series[SCOREBOARD_MODELS][RUN_OUTCOMES], model_points[SCOREBOARD_MODELS];
    uint64_t model_ns[SCOREBOARD_MODELS];
    struct luna_store_meter stores;
    uint64_t bytes_in, bytes_out, points, units, shed, client_left, dropped, cold, quarantined,
        slow;
    uint64_t resident_bytes, starts;
    int workers[WORKER_BACKOFF + 1]; /* by state */
    int busy, phases[PHASE_COUNT];
    int stores_ok, stores_trouble;
};

void monitor_add_up(const struct scoreboard *board, struct monitor_totals *ret_totals);

#endif
