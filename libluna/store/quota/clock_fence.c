#include "quota/clock_fence.h"

#include <assert.h>
#include <inttypes.h>

enum { CLOSED_MS = 1000, NS_PER_MS = 1000000 };

bool luna_clock_fence_holds(const struct luna_clock_fence *fence)
{
    return fence->closed_until_ns != 0 && luna_clock_mono_ns() < fence->closed_until_ns;
}

static bool close_fence(struct luna_clock_fence *fence)
{
    fence->closed_until_ns = luna_clock_mono_ns() + (int64_t)CLOSED_MS * NS_PER_MS;
    return false;
}

static bool ask_database(struct luna_clock_fence *fence, struct luna_deadline deadline)
{
    struct luna_error ignored;
    return luna_clocks_ask_database(fence->clocks, fence->database, deadline, &ignored) == LUNA_OK;
}

bool luna_clock_fence_check(struct luna_clock_fence *fence, int64_t redis_ms,
                            struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_clocks *clocks = fence->clocks;
    assert(fence->offset_max_ms > 0); /* two clocks are never equal to the millisecond */
    fence->closed_until_ns = 0;
    if (luna_clocks_agree(clocks, redis_ms, fence->offset_max_ms))
        return true;
    /* What this host knows of PostgreSQL's clock may be what is wrong: that clock may have been
     * set. */
    int64_t asked_ns = luna_clock_mono_ns();
    luna_clocks_note_redis(clocks, redis_ms);
    if (ask_database(fence, deadline) &&
        luna_clocks_agree(clocks, redis_ms + (luna_clock_mono_ns() - asked_ns) / NS_PER_MS,
                          fence->offset_max_ms))
        return true;
    luna_error_set(err, LUNA_ECLOCKS,
                   "Redis's clock differs from PostgreSQL's by %" PRId64 " s, more than "
                   "LUNA_CLOCK_OFFSET_MAX_MS",
                   (redis_ms - luna_clocks_database_ms(clocks)) / 1000);
    return close_fence(fence);
}

bool luna_clock_fence_recheck(struct luna_clock_fence *fence, struct luna_deadline deadline,
                              struct luna_error *err)
{
    int64_t before_ms = luna_clocks_database_ms(fence->clocks), asked_ns = luna_clock_mono_ns();
    if (ask_database(fence, deadline)) {
        int64_t passed_ms = (luna_clock_mono_ns() - asked_ns) / NS_PER_MS;
        if (luna_clocks_database_ms(fence->clocks) - before_ms - passed_ms > CLOSED_MS)
            return true;
    }
    luna_error_set(err, LUNA_ECLOCKS,
                   "by Redis's clock a period has ended that by PostgreSQL's has not");
    return close_fence(fence);
}
