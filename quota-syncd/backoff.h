/*
 * backoff.h: how long to wait before the next attempt at something that keeps failing.
 *
 * Delays double from base to max and each is drawn at random from its upper half, so that daemons
 * which failed together do not return together. Pure: no clock, no global; the seed decides
 * everything.
 */
#ifndef SYNCD_BACKOFF_H
#define SYNCD_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t base_ms;
    int64_t max_ms;
    unsigned failures; /* in a row */
    uint64_t random_state;
};

void backoff_init(struct backoff *backoff, int64_t base_ms, int64_t max_ms, uint64_t seed);
/* Counts one more failure and says how long to wait: within [delay/2, delay], delay = min(max,
 * base * 2^(failures-1)). */
int64_t backoff_fail_ms(struct backoff *backoff);
/* After a success: the next failure waits the base delay again. */
void backoff_succeed(struct backoff *backoff);

#endif
