/*
 * clock.h: clocks and deadlines.
 *
 * A deadline is an absolute time on CLOCK_MONOTONIC, set once and passed down, so that several
 * waits share one time limit.
 */
#ifndef LUNA_BASE_CLOCK_H
#define LUNA_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

int64_t luna_clock_mono_ns(void);
int64_t luna_clock_wall_ms(void); /* since 1970-01-01 UTC */

struct luna_deadline {
    int64_t at_ns; /* CLOCK_MONOTONIC */
};

struct luna_deadline luna_deadline_in_ms(int64_t ms);
/* The earlier of `deadline` and now + ms. */
struct luna_deadline luna_deadline_cap_ms(struct luna_deadline deadline, int64_t ms);
/* Milliseconds left, rounded up; 0 when it has passed. A valid timeout for poll(2). */
int luna_deadline_left_ms(struct luna_deadline deadline);
bool luna_deadline_passed(struct luna_deadline deadline);
/* The time left, for libraries that take a timeval; never zero, which many treat as no timeout. */
struct timeval luna_deadline_timeval(struct luna_deadline deadline);

#endif
