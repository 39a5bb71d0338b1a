#include "worker/recycle.h"

#include "luna/base/clock.h"
#include "luna/base/random.h"
#include "worker/process_memory.h"

/* In requests: reading /proc costs a microsecond or two. */
enum { MEMORY_LOOK_EVERY = 16 };

int64_t recycle_jitter(int64_t limit, uint32_t random)
{
    double share = (double)random / UINT32_MAX * 0.2 - 0.1;
    return limit + (int64_t)((double)limit * share);
}

void recycle_init(struct recycle *recycle, const struct worker_config *config)
{
    const int64_t second_ns = 1000000000;
    *recycle = (struct recycle){.memory_bytes_max = config->worker_memory_bytes_max};
    if (config->requests_max > 0) {
        recycle->requests_max = recycle_jitter(config->requests_max, luna_random_u32());
        if (recycle->requests_max < 1)
            recycle->requests_max = 1;
    }
    if (config->worker_age_max_s > 0)
        recycle->retire_ns =
            luna_clock_mono_ns() +
            recycle_jitter(config->worker_age_max_s * second_ns, luna_random_u32());
}

void recycle_count(struct recycle *recycle)
{
    recycle->requests++;
}

bool recycle_check(struct recycle *recycle)
{
    if (recycle->requests_max > 0 && recycle->requests >= recycle->requests_max)
        recycle->reason = "requests";
    else if (recycle->retire_ns > 0 && luna_clock_mono_ns() >= recycle->retire_ns)
        recycle->reason = "age";
    else if (recycle->memory_bytes_max > 0 && recycle->requests % MEMORY_LOOK_EVERY == 0 &&
             process_resident_bytes() > (uint64_t)recycle->memory_bytes_max)
        recycle->reason = "memory";
    return recycle->reason != NULL;
}

const char *recycle_reason(const struct recycle *recycle)
{
    return recycle->reason;
}
