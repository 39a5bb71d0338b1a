#include "request/pipeline.h"

#include "http/cors.h"
#include "http/credential.h"
#include "http/request_id.h"
#include "luna/base/clock.h"
#include "request/access_log.h"
#include "request/fair_share.h"
#include "request/send.h"
#include "request/steps.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BLOCK_BYTES = 64 * 1024,
    ARENA_BASE_BYTES = 64 * 1024 * 1024,
    ARENA_BYTES_PER_POINT = 512, /* of a structural model's state, covariances and results */
    HEAD_BYTES_MAX = 8192,
    ANSWER_BYTES_MAX = 4 * 1024 * 1024, /* of the other answers: keys, usage, problems */
    KEPT_BYTES_MAX = 256 * 1024,        /* a buffer that grew past this is given back */
    REFUSAL_DRAIN_MS = 1000,
    NS_PER_MS = 1000000
};

static const struct step arrival[] = {
    {PHASE_ACCEPT, step_queue}, {PHASE_ACCEPT, step_route}, {PHASE_IDLE, NULL}};

void pipeline_init(struct pipeline *pipeline)
{
    size_t body_bytes_max = (size_t)pipeline->config->body_bytes_max;
    size_t points_max = (size_t)pipeline->config->points_max;
    body_fingerprint_key_make(pipeline->config->pepper, pipeline->config->pepper_len,
                              &pipeline->fingerprint_key);
    luna_arena_init(&pipeline->arena, ARENA_BLOCK_BYTES,
                    ARENA_BASE_BYTES + points_max * ARENA_BYTES_PER_POINT);
    luna_buf_init(&pipeline->body, body_bytes_max);
    luna_buf_init(&pipeline->unpacked, body_bytes_max);
    luna_buf_init(&pipeline->head, HEAD_BYTES_MAX);
    luna_buf_init(&pipeline->response.headers, HEAD_BYTES_MAX / 2);
    luna_buf_init(&pipeline->response.body, ANSWER_BYTES_MAX);
}

void pipeline_done(struct pipeline *pipeline)
{
    luna_arena_done(&pipeline->arena);
    luna_buf_done(&pipeline->body);
    luna_buf_done(&pipeline->unpacked);
    luna_buf_done(&pipeline->head);
    luna_buf_done(&pipeline->response.headers);
    luna_buf_done(&pipeline->response.body);
}

static void recycle(struct luna_buf *buf)
{
    size_t bytes_max = buf->max;
    assert(buf->drain == NULL); /* clearing must not send */
    if (buf->cap > KEPT_BYTES_MAX) {
        luna_buf_done(buf);
        luna_buf_init(buf, bytes_max);
    }
    luna_buf_clear(buf);
}

static void take_request(const struct fcgi_io *io, struct http_request *request)
{
    request->method = fcgi_io_param(io, "REQUEST_METHOD");
    request->path = fcgi_io_param(io, "REQUEST_URI");
    assert(request->path != NULL); /* "" for a parameter that nginx did not send */
    request->path_len = strcspn(request->path, "?");
    request->query = fcgi_io_param(io, "QUERY_STRING");
    request->content_type = fcgi_io_param(io, "CONTENT_TYPE");
    request->content_length = strtoull(fcgi_io_param(io, "CONTENT_LENGTH"), NULL, 10);
    request->content_encoding = fcgi_io_param(io, "HTTP_CONTENT_ENCODING");
    request->accept = fcgi_io_param(io, "HTTP_ACCEPT");
    request->api_key = fcgi_io_param(io, "HTTP_X_API_KEY");
    request->authorization = fcgi_io_param(io, "HTTP_AUTHORIZATION");
    request->repeated_header = fcgi_io_param(io, "HEADER_REPEATED");
    request->idempotency_key = fcgi_io_param(io, "HTTP_IDEMPOTENCY_KEY");
    request->if_none_match = fcgi_io_param(io, "HTTP_IF_NONE_MATCH");
    request->traceparent = fcgi_io_param(io, "HTTP_TRACEPARENT");
    request->origin = fcgi_io_param(io, "HTTP_ORIGIN");
    request->remote_address = fcgi_io_param(io, "REMOTE_ADDR");
}

static int64_t waited_ms_of(struct pipeline *pipeline)
{
    const struct queue_wait_now now = {.wall_ms = luna_clock_wall_ms(),
                                       .mono_ns = luna_clock_mono_ns()};
    return queue_wait_ms(&pipeline->queue_wait, fcgi_io_param(pipeline->io, "REQUEST_START"), now);
}

/* The time in the queue counts: the client waits no longer than the timeout in all. */
static void set_limits(const struct worker_config *config, int64_t waited_ms,
                       struct exchange_timing *timing)
{
    int64_t left_ms = config->request_timeout_ms - waited_ms;
    timing->deadline = luna_deadline_in_ms(left_ms);
    if (left_ms < 0)
        left_ms = 0;
    timing->hard_limit_ns = luna_deadline_in_ms(left_ms + config->hard_limit_grace_ms).at_ns;
}

/* What the logs call the request; nothing that shows its key. */
static void name_request(struct exchange *exchange)
{
    const struct fcgi_io *io = exchange->pipeline->io;
    struct http_request *request = &exchange->request;
    const struct request_id_given given = {.from_client = fcgi_io_param(io, "HTTP_X_REQUEST_ID"),
                                           .from_server = fcgi_io_param(io, "REQUEST_ID"),
                                           .api_key = request->api_key,
                                           .authorization = request->authorization};
    request_id_choose(&given, exchange->request_id, sizeof exchange->request_id);
    request->request_id = exchange->request_id;
    if (credential_shown(request->traceparent, request->api_key, request->authorization))
        request->traceparent = "";
}

static void begin(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    const struct worker_config *config = pipeline->config;
    int64_t waited_ms = waited_ms_of(pipeline);
    take_request(pipeline->io, &exchange->request);
    name_request(exchange);
    exchange->timing.wait_ns = waited_ms * NS_PER_MS;
    luna_faults_init(&exchange->faults, &pipeline->arena);
    set_limits(config, waited_ms, &exchange->timing);
    scoreboard_worker_name(pipeline->slot, exchange->request_id, 0, -1, 0, NULL,
                           exchange->timing.hard_limit_ns);
    cors_headers_add(config->cors_origins, exchange->request.origin, &pipeline->response);
}

/* Before a charge, and before its commit: has the client left? One that received part of the
 * answer pays for what was done. */
static bool poll_abandoned(struct exchange *exchange, enum phase phase)
{
    return (phase == PHASE_ADMIT || phase == PHASE_COMMIT) && exchange->answer == ANSWER_UNSENT &&
           exchange_poll_client_left(exchange);
}

static enum step_outcome walk(struct exchange *exchange, const struct step *steps)
{
    for (const struct step *step = steps; step->run != NULL; step++) {
        exchange_enter(exchange, step->phase);
        if (poll_abandoned(exchange, step->phase) || step->run(exchange) == STEP_ANSWERED)
            return STEP_ANSWERED;
    }
    return STEP_ON;
}

/* A body that no step wanted is read all the same: closing on unread bytes would reset the
 * connection and could lose the answer. */
static void drain(struct exchange *exchange)
{
    struct luna_buf nothing;
    if (exchange->body_read)
        return;
    luna_buf_init(&nothing, 0); /* keeps none of it */
    enum fcgi_body ignored =
        fcgi_io_read_body(exchange->pipeline->io, &nothing, luna_deadline_in_ms(REFUSAL_DRAIN_MS));
    (void)ignored;
    luna_buf_done(&nothing);
}

static void answer(struct exchange *exchange)
{
    assert(exchange->answer != ANSWER_UNSENT || exchange->pipeline->response.status != 0);
    exchange_enter(exchange, PHASE_SEND);
    drain(exchange);
    send_answer(exchange);
}

static void record(const struct exchange *exchange)
{
    const struct pipeline *pipeline = exchange->pipeline;
    const struct exchange_timing *timing = &exchange->timing;
    const struct exchange_notes *notes = &exchange->notes;
    const struct luna_admission *admission = &exchange->admission;
    int64_t slow_ns = pipeline->config->slow_ms * NS_PER_MS;
    int64_t duration_ns = luna_clock_mono_ns() - timing->accepted_ns;
    struct scoreboard_sample sample = {
        .status = exchange->client_left ? 499 : pipeline->response.status,
        .route = exchange_route_number(exchange),
        .problem = (int)notes->problem,
        .wait_ns = timing->wait_ns,
        .duration_ns = duration_ns,
        .bytes_in = pipeline->body.len,
        .bytes_out = notes->bytes_out,
        .points = exchange->points,
        .units = admission->charge == LUNA_CHARGE_COMMITTED ? admission->cost : 0,
        .shed = notes->was_shed,
        .client_left = exchange->client_left,
        .cold = notes->was_cold,
        .quarantined = notes->was_quarantined,
        .slow = slow_ns > 0 && duration_ns > slow_ns,
    };
    memcpy(sample.phase_ns, timing->phase_ns, sizeof sample.phase_ns);
    access_log_write(exchange, &sample);
    scoreboard_worker_end(pipeline->slot, &sample);
}

/* What the next request begins with. */
static void clean_up(struct pipeline *pipeline)
{
    recycle(&pipeline->body);
    recycle(&pipeline->unpacked);
    recycle(&pipeline->head);
    recycle(&pipeline->response.headers);
    pipeline->response.cache_control = NULL;
    luna_buf_limit(&pipeline->response.body, ANSWER_BYTES_MAX);
    pipeline->response.body.drain = NULL;
    recycle(&pipeline->response.body);
    luna_arena_reset(&pipeline->arena);
}

/* What the request has of its account's units and places: before the answer goes out, after which
 * the client may send the next request. */
static void give_back(struct exchange *exchange)
{
    fair_share_end(exchange);
    if (exchange->admission.charge != LUNA_CHARGE_OUTSTANDING)
        return;
    exchange_enter(exchange, PHASE_COMMIT);
    luna_admission_refund(exchange->pipeline->admitter, &exchange->admission);
}

/* The client has its answer, or none: it does not wait for this round trip, which few requests
 * need. */
static void spend(struct exchange *exchange)
{
    int64_t cpu_ms =
        exchange->admission.compute_ms_per_s > 0 ? fair_share_measure_cpu_ms(exchange) : 0;
    if (cpu_ms > 0)
        luna_admission_spend(exchange->pipeline->admitter, &exchange->admission, cpu_ms);
}

static void finish(struct exchange *exchange)
{
    assert(exchange->admission.charge != LUNA_CHARGE_OUTSTANDING);
    spend(exchange);
    exchange_enter(exchange, PHASE_IDLE);
    record(exchange);
    clean_up(exchange->pipeline);
}

void pipeline_serve(struct pipeline *pipeline, int64_t accepted_ns)
{
    struct exchange exchange = {.pipeline = pipeline,
                                .timing = {.accepted_ns = accepted_ns,
                                           .phase_since_ns = accepted_ns,
                                           .phase = PHASE_ACCEPT}};
    assert(pipeline->routes != NULL && pipeline->response.headers.len == 0);
    begin(&exchange);
    /* ON to the end is a success, made by the last steps. */
    if (walk(&exchange, arrival) == STEP_ON)
        (void)walk(&exchange, exchange.route->steps);
    /* A part of an answer must not look like the whole. */
    if (pipeline->response.body.overflow && !exchange.client_left)
        (void)exchange_refuse(&exchange, PROBLEM_INTERNAL, NULL);
    give_back(&exchange);
    if (!exchange.client_left && exchange.answer != ANSWER_CUT)
        answer(&exchange);
    finish(&exchange);
}
