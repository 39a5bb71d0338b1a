#include "request/fair_share.h"

#include "http/content_coding.h"
#include "luna/base/random.h"
#include "shared/long_runs.h"

#include <assert.h>
#include <sched.h>
#include <time.h>

/* A computation takes long when it has used so much of the processor: by its own clock, so that
 * nobody is refused because the machine is busy. That clock is a system call, and is not asked
 * before so much time has passed on the other. */
enum {
    COUNTED_CPU_NS = 10 * 1000 * 1000
}; /* of a success, which costs units: less is not counted */
enum {
    LONG_CPU_NS = 20 * 1000 * 1000,
    LONG_WALL_NS = 5 * 1000 * 1000,
    NS_PER_S = 1000000000,
    NS_PER_MS = 1000000
};

/* A hundred thousand numbers: about 20 ms to read, decode and filter. Series shrink to about a
 * tenth; one that shrinks more is found to take long while it runs. */
enum { LONG_BODY_BYTES = 1000000, LONG_ENCODED_BYTES = LONG_BODY_BYTES / 10 };

static const char why[] = "The account's computations use its whole share of the service's "
                          "workers. Wait until some of them have ended.";

static int64_t cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int share_of(const struct exchange *exchange)
{
    int pool = atomic_load_explicit(&exchange->pipeline->board->pool.target, memory_order_relaxed);
    int64_t wanted = exchange->pipeline->config->account_workers_max;
    int64_t share = wanted > 0 ? wanted : pool / 2;
    if (share >= pool)
        share = pool - 1;
    return share > 1 ? (int)share : 1;
}

static bool others_use_it(const struct exchange *exchange)
{
    const struct pipeline *pipeline = exchange->pipeline;
    assert(exchange->ids.account_id > 0); /* shares are of accounts */
    /* The start of the phase is near enough to now, and costs no look at the clock. */
    return long_runs_of_others(pipeline->board, pipeline->slot, exchange->ids.account_id,
                               exchange->timing.phase_since_ns) >= share_of(exchange);
}

static bool is_over_share(const struct exchange *exchange)
{
    return exchange->computation.stop == STOP_OVER_SHARE;
}

/* Counts the request as long; true when the account's other ones fill its share already. */
static bool join_long_runs(struct exchange *exchange)
{
    const struct pipeline *pipeline = exchange->pipeline;
    assert(!exchange->computation.is_listed);
    exchange->computation.is_listed = true;
    long_runs_begin(pipeline->board, pipeline->slot, exchange->ids.account_id,
                    exchange->timing.hard_limit_ns);
    if (others_use_it(exchange))
        exchange->computation.stop = STOP_OVER_SHARE;
    return is_over_share(exchange);
}

static bool body_takes_long(const struct http_request *request)
{
    unsigned long long most =
        content_coding_is_none(request->content_encoding) ? LONG_BODY_BYTES : LONG_ENCODED_BYTES;
    return request->content_length >= most;
}

bool fair_share_is_used_up(const struct exchange *exchange)
{
    return exchange->price.units > 0 && others_use_it(exchange);
}

bool fair_share_enter_read(struct exchange *exchange)
{
    assert(exchange->checked);
    return exchange->price.units > 0 && body_takes_long(&exchange->request) &&
           join_long_runs(exchange);
}

bool fair_share_enter(struct exchange *exchange)
{
    bool is_listed = exchange->computation.is_listed;
    if (exchange->price.units == 0 ||
        (!is_listed && !long_runs_expected(exchange->pipeline->board, exchange->ids.account_id,
                                           exchange->timing.phase_since_ns)))
        return is_over_share(exchange);
    /* From the start: once listed, no poll looks at how long it takes. */
    exchange->computation.cpu_since_ns = cpu_ns();
    return is_listed ? is_over_share(exchange) : join_long_runs(exchange);
}

/* Has it used so much of the processor? */
static bool took_long(const struct exchange *exchange)
{
    return exchange->computation.cpu_since_ns != 0 &&
           cpu_ns() - exchange->computation.cpu_since_ns >= LONG_CPU_NS;
}

/* Starts the processor's clock when it is time to. */
static bool poll_takes_long(struct exchange *exchange)
{
    if (luna_clock_mono_ns() - exchange->timing.phase_since_ns < LONG_WALL_NS)
        return false;
    if (exchange->computation.cpu_since_ns == 0) {
        exchange->computation.cpu_since_ns = cpu_ns();
        exchange->computation.before_cpu_ns =
            luna_clock_mono_ns() - exchange->timing.phase_since_ns;
    }
    return took_long(exchange);
}

bool fair_share_poll(struct exchange *exchange)
{
    /* The computations of one account can occupy all processors, where there are no more of them
     * than the account's share of the workers. */
    if (exchange->computation.is_listed)
        (void)sched_yield();
    if (is_over_share(exchange) || exchange->computation.is_listed || !poll_takes_long(exchange))
        return is_over_share(exchange);
    return join_long_runs(exchange);
}

void fair_share_end(struct exchange *exchange)
{
    const struct pipeline *pipeline = exchange->pipeline;
    if (!exchange->computation.is_listed)
        return;
    long_runs_end(pipeline->board, pipeline->slot);
    if (took_long(exchange))
        long_runs_remember(pipeline->board, pipeline->slot, exchange->ids.account_id,
                           luna_clock_mono_ns());
}

static int64_t measured_ns(const struct exchange *exchange)
{
    int64_t ns = 0;
    if (exchange->checked) /* a costly body */
        ns += exchange->timing.phase_ns[PHASE_DECODE];
    if (exchange->computation.cpu_since_ns != 0)
        ns += exchange->computation.before_cpu_ns + cpu_ns() - exchange->computation.cpu_since_ns;
    return ns;
}

/* A request for a computation, with a good key, that costs no unit: it is invalid, nothing of it
 * could be computed, or it repeats an earlier one. One that the rate or a budget refuses is not
 * among them: it would have to wait longer for each retry. */
static bool costs_no_unit(const struct exchange *exchange)
{
    const struct luna_admission *admission = &exchange->admission;
    bool known = admission->outcome == LUNA_ADMIT_ALLOWED ||
                 admission->outcome == LUNA_ADMIT_REPLAY ||
                 admission->outcome == LUNA_ADMIT_TOO_MANY_POINTS ||
                 admission->outcome == LUNA_ADMIT_IDEMPOTENCY_MISMATCH;
    bool charged = admission->charge == LUNA_CHARGE_COMMITTED && admission->cost > 0;
    return known && !charged && exchange->route->cost > 0;
}

static int64_t time_in_phase_ns(const struct exchange_timing *timing, enum phase phase)
{
    int64_t ns = timing->phase_ns[phase];
    return timing->phase == phase ? ns + luna_clock_mono_ns() - timing->phase_since_ns : ns;
}

/* What a request used that costs no unit, without a look at the processor's clock while it ran. The
 * time of its phases is too much when another process ran meanwhile; what the processor has worked
 * since the last such request is too much when there were others in between. The smaller of the two
 * counts: of many such requests in a row, the second is exact. */
static int64_t unpaid_ns(const struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    int64_t phases_ns = time_in_phase_ns(&exchange->timing, PHASE_DECODE) +
                        time_in_phase_ns(&exchange->timing, PHASE_MODEL);
    int64_t now_ns = cpu_ns();
    int64_t since_ns = now_ns - pipeline->unpaid_cpu_ns;
    pipeline->unpaid_cpu_ns = now_ns;
    return since_ns < phases_ns ? since_ns : phases_ns;
}

/* Up or down by chance: requests of less than a millisecond cost on average what they used, and
 * only few of them a round trip. */
static int64_t rounded_ms(int64_t ns)
{
    return (ns + (int64_t)(luna_random_u32() % NS_PER_MS)) / NS_PER_MS;
}

int64_t fair_share_measure_cpu_ms(const struct exchange *exchange)
{
    int64_t ns = measured_ns(exchange);
    if (ns >= COUNTED_CPU_NS)
        return ns / NS_PER_MS;
    return costs_no_unit(exchange) ? rounded_ms(unpaid_ns(exchange)) : 0;
}

enum step_outcome fair_share_refuse(struct exchange *exchange)
{
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_answer(exchange, &(struct problem_report){.id = PROBLEM_CONCURRENCY_LIMITED,
                                                              .detail = why,
                                                              .violated_policy = "concurrency"});
}
