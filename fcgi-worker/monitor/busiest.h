/*
 * busiest.h: which keys keep the workers busy, in the last minute.
 *
 * A sample looks at what every worker is doing: a key that is seen in a third of one worker's
 * samples uses a third of that worker. So a request has nothing to count. One struct for the life
 * of the monitor.
 */
#ifndef FCGI_WORKER_BUSIEST_H
#define FCGI_WORKER_BUSIEST_H

#include "shared/scoreboard.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BUSIEST_SAMPLE_MS = 100,
    BUSIEST_STEP_MS = 5000,
    BUSIEST_STEPS = 12,
    BUSIEST_KEYS = 64, /* are remembered; of more, the least busy ones are forgotten */
    BUSIEST_SHOWN = 10
};

struct busiest_key {
    int64_t account_id;
    char key[SCOREBOARD_KEY_BYTES + 1];
    uint32_t seen[BUSIEST_STEPS]; /* in each step: workers, summed over its samples */
};

struct busiest {
    struct busiest_key keys[BUSIEST_KEYS];
    uint32_t samples[BUSIEST_STEPS];
    int step;
    int64_t step_ns, sample_ns; /* when the step began; when the last sample was taken */
};

/* Takes a sample if the last one is BUSIEST_SAMPLE_MS old. */
void busiest_note(struct busiest *busiest, const struct scoreboard *board, int64_t now_ns);

struct busiest_share {
    int64_t account_id;
    const char *key;       /* borrowed from the struct busiest */
    int64_t busy_ms_per_s; /* of all workers together, on average */
};
/* The busiest ones, the first one most; the value is their number. */
size_t busiest_list(const struct busiest *busiest, struct busiest_share ret_list[BUSIEST_SHOWN]);

#endif
