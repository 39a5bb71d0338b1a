/*
 * backoff.h: the delay before the next attempt after a failure.
 *
 * Delays double from base to max and each is drawn at random from its upper half, so that daemons
 * that failed together do not retry together. Pure: no clock and no global state; the seed
 * determines every delay.
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
/* Counts a failure and returns the delay before the next attempt: within [delay/2, delay], where
 * delay = min(max_ms, base_ms * 2^(failures - 1)). */
int64_t backoff_fail_ms(struct backoff *backoff);
/* Resets the delay to base_ms. */
void backoff_succeed(struct backoff *backoff);

#endif
