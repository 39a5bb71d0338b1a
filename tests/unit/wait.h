/*
 * wait.h: how long a test waits for what must happen before it fails.
 *
 * Only a broken program ever takes that long: a slow or busy machine does not decide a test. Where
 * the time itself is the behaviour under test, the test has a time of its own.
 */
#ifndef TESTS_WAIT_H
#define TESTS_WAIT_H

#include <time.h>

enum { WAIT_MS = 120000 };

static inline void wait_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Polls until the condition holds or WAIT_MS have passed; the test asserts it afterwards. */
#define WAIT_UNTIL(condition)                                                                      \
    for (int waited_ms = 0; !(condition) && waited_ms < WAIT_MS; waited_ms += 10)                  \
    wait_ms(10)

#endif
