#include "request/queue_wait.h"

#include <stdlib.h>

enum { NS_PER_MS = 1000000, WAIT_MS_MAX = 3600000 };
#define STAMP_SECONDS_MAX 100000000000LL

/* In milliseconds; 0 when there is none. */
static int64_t stamp_ms(const char *text)
{
    char *end = NULL;
    long long seconds = strtoll(text, &end, 10);
    if (end == text || seconds <= 0 || seconds > STAMP_SECONDS_MAX)
        return 0;
    int64_t ms = 0;
    if (*end == '.')
        for (int i = 1; i <= 3; i++)
            ms = ms * 10 + (end[i] >= '0' && end[i] <= '9' ? end[i] - '0' : 0);
    return seconds * 1000 + ms;
}

int64_t queue_wait_ms(struct queue_wait *wait, const char *stamp, struct queue_wait_now now)
{
    int64_t stamped_ms = stamp_ms(stamp);
    int64_t late_ms = now.wall_ms - stamped_ms;
    if (stamped_ms == 0)
        return 0;
    if (wait->empty_ns != 0) {
        int64_t longest_ms = (now.mono_ns - wait->empty_ns) / NS_PER_MS;
        if (wait->clock_difference_ms < late_ms - longest_ms)
            wait->clock_difference_ms = late_ms - longest_ms;
    }
    /* Nothing waits for an hour: the clocks differ. */
    if (wait->clock_difference_ms > late_ms || late_ms - wait->clock_difference_ms > WAIT_MS_MAX)
        wait->clock_difference_ms = late_ms;
    return late_ms - wait->clock_difference_ms;
}
