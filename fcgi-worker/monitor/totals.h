/*
 * totals.h: the counters of all workers, added up from the scoreboard.
 *
 * Nothing is stored: each caller adds up. A slot counts on from one worker to the next, so totals
 * never fall.
 */
#ifndef FCGI_WORKER_TOTALS_H
#define FCGI_WORKER_TOTALS_H

#include "shared/scoreboard.h"

#include <stdint.h>

struct totals {
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
        slow, unjournalled;
    uint64_t resident_bytes, starts;
    int workers[WORKER_BACKOFF + 1]; /* by state */
    int busy, phases[PHASE_COUNT];
    int stores_ok, stores_trouble;
};

void totals_add_up(const struct scoreboard *board, struct totals *ret_totals);

#endif
