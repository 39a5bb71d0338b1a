#include "terminal/progress.h"

#include "luna/base/clock.h"

#include <stdio.h>
#include <unistd.h>

/* Often enough to be seen, seldom enough to cost nothing. */
enum { SHOW_EVERY_MS = 100 };

void progress_step(void *context, int64_t done, int64_t total)
{
    struct progress *progress = context;
    int64_t now_ms = luna_clock_mono_ns() / 1000000;
    int percent = total > 0 ? (int)(done * 100 / total) : 100;
    if (!isatty(STDERR_FILENO) ||
        (progress->shown_ms != 0 &&
         (percent == progress->percent || now_ms - progress->shown_ms < SHOW_EVERY_MS)))
        return;
    progress->percent = percent;
    progress->shown_ms = now_ms;
    fprintf(stderr, "\r%s: %d %%", progress->what, percent);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown_ms == 0)
        return;
    fputs("\r\033[K", stderr); /* to the start of the line, and clear it */
    progress->shown_ms = 0;
}
