/*
 * recent.h: the counters of the last minute, as the difference between now and samples that the
 * monitor keeps. One struct for the life of the monitor; a new monitor starts with none.
 */
#ifndef FCGI_WORKER_RECENT_H
#define FCGI_WORKER_RECENT_H

#include "monitor/totals.h"

#include <stdint.h>

enum { RECENT_STEP_MS = 5000, RECENT_STEPS = 12 };

struct recent_counts {
    uint64_t requests, failed, points, units, shed, client_left, slow;
    uint64_t redis_errors, postgresql_errors;
    uint64_t wait_buckets[SCOREBOARD_BUCKETS], duration_buckets[SCOREBOARD_BUCKETS];
};

struct recent {
    struct {
        int64_t at_ns;
        struct recent_counts counts;
    } samples[RECENT_STEPS];
    int kept; /* samples there are */
    int last; /* the newest of them */
};

/* Keeps a sample if the last one is RECENT_STEP_MS old. */
void recent_note(struct recent *recent, const struct scoreboard *board, int64_t now_ns);
/* What was counted since the oldest sample. The value is the time since it, 0 when there is none:
 * ret_counts is then 0 too. */
int64_t recent_since_ns(const struct recent *recent, const struct totals *totals, int64_t now_ns,
                        struct recent_counts *ret_counts);

#endif
