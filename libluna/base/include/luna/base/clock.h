/*
 * clock.h: time, and how much of it is left.
 *
 * Deadlines are absolute points on CLOCK_MONOTONIC, made once and passed down, so that several
 * waits share one budget.
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
/* Whole milliseconds left, rounded up; 0 when passed. Fits poll(2). */
int luna_deadline_left_ms(struct luna_deadline deadline);
bool luna_deadline_passed(struct luna_deadline deadline);
/* For libraries that take a timeval; never zero, which most of them read as "wait for ever". */
struct timeval luna_deadline_timeval(struct luna_deadline deadline);

#endif
