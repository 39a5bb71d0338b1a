#include "terminal/progress.h"

#include "luna/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Often enough to be seen, seldom enough to cost nothing. */
enum {
    SHOW_EVERY_MS = 100,
    BAR_CELLS = 20,
    QUIET_MS = 1000,
    EXPECTED_LONG_S = 3,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000
};

/* A terminal that can clear the line again. */
static bool is_shown(void)
{
    const char *terminal = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe): there is one thread */
    return isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static void show(const struct progress *progress)
{
    fprintf(stderr, "\r%s: ", progress->what);
    for (int i = 0; i < BAR_CELLS; i++)
        fputs(i * 100 < progress->percent * BAR_CELLS ? "█" : "░", stderr);
    fprintf(stderr, " %d %%", progress->percent);
    fflush(stderr);
}

void progress_step(void *context, int64_t done, int64_t total)
{
    struct progress *progress = context;
    int64_t now_ms = luna_clock_mono_ns() / NS_PER_MS;
    int percent = total > 0 ? (int)(done * 100 / total) : 100;
    if (!is_shown() || (progress->shown_ms != 0 && (percent == progress->percent ||
                                                    now_ms - progress->shown_ms < SHOW_EVERY_MS)))
        return;
    progress->percent = percent;
    progress->shown_ms = now_ms;
    show(progress);
}

static void show_seconds(struct progress *progress, int64_t now_ms)
{
    if (!is_shown())
        return;
    progress->shown_ms = now_ms;
    fprintf(stderr, "\r%s: %" PRId64 " s", progress->what,
            (now_ms - progress->started_ms) / MS_PER_S);
    if (progress->expected_s >= EXPECTED_LONG_S)
        fprintf(stderr, ", may take about %.0f s", progress->expected_s);
    fflush(stderr);
}

void progress_expect(struct progress *progress, double seconds)
{
    progress->expected_s = seconds;
    progress->started_ms = luna_clock_mono_ns() / NS_PER_MS;
    if (seconds >= EXPECTED_LONG_S)
        show_seconds(progress, progress->started_ms);
}

void progress_beat(struct progress *progress)
{
    int64_t now_ms = luna_clock_mono_ns() / NS_PER_MS;
    if (progress->started_ms == 0)
        progress->started_ms = now_ms;
    if (now_ms - progress->started_ms >= QUIET_MS && now_ms - progress->shown_ms >= MS_PER_S)
        show_seconds(progress, now_ms);
}

void progress_end(struct progress *progress)
{
    if (progress->shown_ms == 0)
        return;
    fputs("\r\033[K", stderr); /* to the start of the line, and clear it */
    progress->shown_ms = 0;
}
