#include "http/formats.h"
#include "luna/base/clock.h"
#include "request/steps.h"
#include "shared/quarantine.h"

#include <assert.h>
#include <stddef.h>

_Static_assert((int)BODY_FINGERPRINT_BYTES == (int)SCOREBOARD_FINGERPRINT_BYTES,
               "a fingerprint as the scoreboard has it");

static void complain_of_body(struct exchange *exchange, enum fcgi_body outcome)
{
    switch (outcome) {
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

static void complain_if_quarantined(struct exchange *exchange, const unsigned char *fingerprint)
{
    const struct pipeline *pipeline = exchange->pipeline;
    unsigned kills = quarantine_kills(pipeline->board, fingerprint, luna_clock_wall_ms(),
                                      pipeline->config->quarantine_s * 1000);
    if (kills < QUARANTINE_KILLS || pipeline->config->quarantine_s == 0)
        return;
    exchange->notes.was_quarantined = true;
    exchange_complain(exchange, PROBLEM_QUARANTINED, NULL);
}

/* The formats are those that a route of series understands; the others have only JSON. */
static void identify(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    assert(exchange->body_read && exchange->route != NULL);
    enum format in = FORMAT_JSON; /* also of an unknown Content-Type, for the answer */
    (void)!format_of_content(request->content_type, &in);
    exchange->identity =
        (struct body_identity){.route = exchange_route_number(exchange),
                               .account_id = exchange->ids.account_id,
                               .key_id = exchange->ids.key_id,
                               .format_out = (int)format_accepted(request->accept, in),
                               .query = request->query,
                               .content_type = request->content_type,
                               .content_encoding = request->content_encoding,
                               .body = request->body,
                               .body_len = request->body_len};
}

/* From here on the black box can blame a crash on this body. */
static void name_body(struct exchange *exchange)
{
    const struct pipeline *pipeline = exchange->pipeline;
    const struct body_identity *identity = &exchange->identity;
    unsigned char fingerprint[BODY_FINGERPRINT_BYTES];
    body_fingerprint(&pipeline->fingerprint_key, identity, fingerprint);
    scoreboard_worker_name(pipeline->slot, exchange->request_id, identity->account_id,
                           identity->route, identity->body_len, fingerprint,
                           exchange->timing.hard_limit_ns);
    complain_if_quarantined(exchange, fingerprint);
}

/* The key first: a stranger could have large bodies read, unpacked and decoded. */
static enum step_outcome check_first(struct exchange *exchange)
{
    exchange_enter(exchange, PHASE_ADMIT);
    if (step_check(exchange) == STEP_ANSWERED)
        return STEP_ANSWERED;
    exchange_enter(exchange, PHASE_READ);
    return STEP_ON;
}

enum step_outcome step_read(struct exchange *exchange)
{
    if (exchange_body_is_costly(exchange) && check_first(exchange) == STEP_ANSWERED)
        return STEP_ANSWERED;
    struct luna_buf *body = &exchange->pipeline->body;
    assert(!exchange->body_read && body->len == 0);
    enum fcgi_body outcome =
        fcgi_io_read_body(exchange->pipeline->io, body, exchange->timing.deadline);
    exchange->body_read = true;
    exchange->request.body = body->data;
    exchange->request.body_len = body->len;
    identify(exchange);
    complain_of_body(exchange, outcome);
    if (outcome == FCGI_BODY_OK)
        name_body(exchange);
    return STEP_ON;
}
