/*
 * progress.h: a line on standard error that shows the progress of a long command. Only on a
 * terminal; it is removed at the end.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

struct progress {
    const char *what;   /* "audit verify" */
    int percent;        /* as shown last */
    int64_t shown_ms;   /* CLOCK_MONOTONIC; 0: nothing is shown */
    int64_t started_ms; /* of progress_beat() */
    double expected_s;  /* 0: nobody knows */
};

/* A step of struct luna_progress; `context` is a struct progress that starts with `what` alone. */
void progress_step(void *context, int64_t done, int64_t total);
/* The same for work whose end is not known: shows the seconds since the first call. */
void progress_beat(struct progress *progress);
/* Work of such an end may take so many seconds: shown at once where that is long. */
void progress_expect(struct progress *progress, double seconds);
void progress_end(struct progress *progress);

#endif
