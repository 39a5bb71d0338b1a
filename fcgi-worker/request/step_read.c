#include "request/steps.h"

#include "luna/base/clock.h"

#include <stddef.h>

_Static_assert((int)BODY_FINGERPRINT_BYTES == (int)SCOREBOARD_FINGERPRINT_BYTES,
               "a fingerprint as the scoreboard has it");

static void complain_about_body(struct exchange *exchange)
{
    switch (exchange->body_outcome) {
    case FCGI_BODY_OK:
        return;
    case FCGI_BODY_TOO_LARGE:
        exchange_complain(
            exchange, PROBLEM_BODY_TOO_LARGE,
            luna_arena_printf(
                &exchange->pipeline->arena,
                "The body is larger than %lld bytes. Send fewer points in one request.",
                (long long)exchange->pipeline->config->body_bytes_max));
        return;
    case FCGI_BODY_INCOMPLETE:
    case FCGI_BODY_TIMEOUT:
        exchange_complain(exchange, PROBLEM_BODY_INCOMPLETE, NULL);
        return;
    }
}

static void refuse_known_killer(struct exchange *exchange)
{
    const struct pipeline *pipeline = exchange->pipeline;
    unsigned kills = scoreboard_kills(pipeline->board, exchange->fingerprint, luna_clock_wall_ms(),
                                      pipeline->config->quarantine_s * 1000);
    if (kills < SCOREBOARD_KILLS_TO_QUARANTINE || pipeline->config->quarantine_s == 0)
        return;
    exchange->sample.quarantined = true;
    exchange_complain(exchange, PROBLEM_QUARANTINED, NULL);
}

enum step_outcome step_read(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    exchange->body_outcome = fcgi_io_read_body(pipeline->io, &pipeline->body, exchange->deadline);
    exchange->body_read = true;
    exchange->request.body = pipeline->body.data;
    exchange->request.body_len = pipeline->body.len;
    exchange->sample.bytes_in = pipeline->body.len;
    complain_about_body(exchange);
    if (exchange->body_outcome != FCGI_BODY_OK)
        return STEP_ON;
    body_fingerprint(&pipeline->fingerprint_key, exchange_route_number(exchange),
                     pipeline->body.data, pipeline->body.len, exchange->fingerprint);
    /* From here on a crash can be laid at this body's door. */
    scoreboard_worker_name(pipeline->slot, exchange->request_id, exchange->account_id,
                           exchange_route_number(exchange), pipeline->body.len,
                           exchange->fingerprint, exchange->hard_limit_ns);
    refuse_known_killer(exchange);
    return STEP_ON;
}
