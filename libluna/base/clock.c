#include "luna/base/clock.h"

#include <limits.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, MS_PER_S = 1000, US_PER_MS = 1000 };

int64_t luna_clock_mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t luna_clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

struct luna_deadline luna_deadline_in_ms(int64_t ms)
{
    int64_t wait_ns = 0, at_ns = 0;
    if (__builtin_mul_overflow(ms, (int64_t)NS_PER_MS, &wait_ns) ||
        __builtin_add_overflow(luna_clock_mono_ns(), wait_ns, &at_ns))
        at_ns = ms < 0 ? INT64_MIN : INT64_MAX;
    return (struct luna_deadline){.at_ns = at_ns};
}

struct luna_deadline luna_deadline_cap_ms(struct luna_deadline deadline, int64_t ms)
{
    struct luna_deadline cap = luna_deadline_in_ms(ms);
    return cap.at_ns < deadline.at_ns ? cap : deadline;
}

int luna_deadline_left_ms(struct luna_deadline deadline)
{
    int64_t now_ns = luna_clock_mono_ns();
    if (deadline.at_ns <= now_ns)
        return 0;
    int64_t left_ns = deadline.at_ns - now_ns;
    int64_t left_ms = left_ns / NS_PER_MS + (left_ns % NS_PER_MS != 0);
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

bool luna_deadline_passed(struct luna_deadline deadline)
{
    return deadline.at_ns <= luna_clock_mono_ns();
}

struct timeval luna_deadline_timeval(struct luna_deadline deadline)
{
    int left_ms = luna_deadline_left_ms(deadline);
    if (left_ms == 0)
        left_ms = 1;
    return (struct timeval){.tv_sec = left_ms / MS_PER_S,
                            .tv_usec = (suseconds_t)(left_ms % MS_PER_S) * US_PER_MS};
}
