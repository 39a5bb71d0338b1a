#include "master/scaler.h"

#include <stdbool.h>
#include <stddef.h>

enum { NS_PER_MS = 1000000, NS_PER_US = 1000, BLOCKED_PERCENT_MIN = 50 };

static int clamp(int value, int low, int high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static int64_t mean_wait_ns(const struct scaler_input *input)
{
    return input->requests > 0 ? input->wait_ns / (int64_t)input->requests : 0;
}

/* From finished requests if there are any, else from what the busy workers are doing at this
 * moment. */
static int blocked_percent(const struct scaler_input *input)
{
    if (input->worked_ns > 0)
        return (int)(input->blocked_ns * 100 / input->worked_ns);
    return input->busy > 0 ? input->busy_blocked * 100 / input->busy : 0;
}

static bool requests_wait(const struct scaler_input *input)
{
    return mean_wait_ns(input) > input->wait_target_ns || (input->idle == 0 && input->backlog > 0);
}

/* How far it may grow: to the cores when the work is computing, to the maximum when it is
 * waiting. */
static int ceiling(const struct scaler_input *input, int percent)
{
    if (percent >= BLOCKED_PERCENT_MIN)
        return input->max;
    return clamp(input->cores, input->min, input->max);
}

static int step(const struct scaler_input *input)
{
    return clamp(input->target / 2, 1, SCALER_STEP_MAX);
}

static void grow(const struct scaler_input *input, struct scaler_decision *decision, int by,
                 const char *reason)
{
    int limit = ceiling(input, decision->blocked_percent);
    if (input->target >= limit)
        return;
    decision->target = clamp(input->target + by, input->target, limit);
    decision->reason = reason;
}

static bool quiet_long_enough(struct scaler *scaler, const struct scaler_input *input)
{
    bool quiet = input->idle > input->spare && mean_wait_ns(input) < input->wait_target_ns / 2 &&
                 input->backlog == 0;
    if (!quiet) {
        scaler->quiet_since_ns = 0;
        return false;
    }
    if (scaler->quiet_since_ns == 0)
        scaler->quiet_since_ns = input->now_ns;
    return input->now_ns - scaler->quiet_since_ns >= SCALER_QUIET_MS * (int64_t)NS_PER_MS &&
           input->now_ns - scaler->shrunk_ns >= SCALER_SHRINK_PAUSE_MS * (int64_t)NS_PER_MS;
}

struct scaler_decision scaler_decide(struct scaler *scaler, const struct scaler_input *input)
{
    struct scaler_decision decision = {.target = input->target,
                                       .wait_mean_us = mean_wait_ns(input) / NS_PER_US,
                                       .blocked_percent = blocked_percent(input)};
    bool shrink = quiet_long_enough(scaler, input);
    if (input->target < input->min) {
        decision.target = input->min;
        decision.reason = "fewer than the minimum";
    } else if (input->target > input->max) {
        decision.target = input->max;
        decision.reason = "more than the maximum";
    } else if (requests_wait(input)) {
        grow(input, &decision, step(input),
             decision.blocked_percent >= BLOCKED_PERCENT_MIN
                 ? "requests wait while workers are blocked"
                 : "requests wait and cores are free");
    } else if (input->idle < input->spare) {
        grow(input, &decision, 1, "fewer than spare workers are idle");
    } else if (shrink && input->target > input->min) {
        scaler->shrunk_ns = input->now_ns;
        decision.target = input->target - 1;
        decision.reason = "more than spare workers have been idle";
    }
    return decision;
}
