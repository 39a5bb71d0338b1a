#include "request/fair_share.h"

#include "http/content_coding.h"
#include "shared/long_runs.h"

#include <assert.h>
#include <time.h>

/* A computation takes long when it has used so much of the processor: by its own clock, so that
 * nobody is refused because the machine is busy. That clock is a system call, and is not asked
 * before so much time has passed on the other. */
enum { COUNTED_CPU_NS = 10 * 1000 * 1000 }; /* less does not count for a plan's budget */
enum { LONG_CPU_NS = 20 * 1000 * 1000, LONG_WALL_NS = 5 * 1000 * 1000, NS_PER_S = 1000000000 };

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

int64_t fair_share_cpu_ms(const struct exchange *exchange)
{
    int64_t ns = 0;
    if (exchange->checked) /* a costly body */
        ns += exchange->timing.phase_ns[PHASE_DECODE];
    if (exchange->computation.cpu_since_ns != 0)
        ns += exchange->computation.before_cpu_ns + cpu_ns() - exchange->computation.cpu_since_ns;
    return ns >= COUNTED_CPU_NS ? ns / 1000000 : 0;
}

enum step_outcome fair_share_refuse(struct exchange *exchange)
{
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_answer(exchange, &(struct problem_report){.id = PROBLEM_CONCURRENCY_LIMITED,
                                                              .detail = why,
                                                              .violated_policy = "concurrency"});
}
