#include "request/pipeline.h"

#include "http/cors.h"
#include "http/request_id.h"
#include "luna/base/clock.h"
#include "request/access_log.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BLOCK_BYTES = 64 * 1024,
    ARENA_BASE_BYTES = 64 * 1024 * 1024,
    ARENA_BYTES_PER_POINT = 512, /* of a structural model's state, covariances and results */
    HEAD_BYTES_MAX = 8192,
    STREAM_BYTES = 128 * 1024, /* of a series' answer in memory: what a socket takes at once */
    ANSWER_BYTES_MAX = 4 * 1024 * 1024, /* of the other answers: keys, usage, problems */
    KEPT_BYTES_MAX = 256 * 1024,        /* a buffer that grew past this is given back */
    REFUSAL_DRAIN_MS = 1000,
    WAIT_MS_MAX = 3600000,
    NS_PER_MS = 1000000,
    NO_CONTENT = 204,
    NOT_MODIFIED = 304
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
    if (buf->cap > KEPT_BYTES_MAX) {
        luna_buf_done(buf);
        luna_buf_init(buf, bytes_max);
    }
    luna_buf_clear(buf);
}

static void enter(struct exchange *exchange, enum phase phase)
{
    int64_t now_ns = luna_clock_mono_ns();
    exchange->sample.phase_ns[exchange->phase] += now_ns - exchange->phase_since_ns;
    exchange->phase = phase;
    exchange->phase_since_ns = now_ns;
    scoreboard_worker_phase(exchange->pipeline->slot, phase);
}

enum step_outcome exchange_answer(struct exchange *exchange, const struct problem_report *report)
{
    exchange->code = problem_row(report->id)->code;
    exchange->sample.problem = (int)report->id;
    if (exchange->streaming) {
        exchange->cut = true;
        exchange->pipeline->response.status = problem_row(report->id)->status; /* for the log */
        return STEP_ANSWERED;
    }
    problem_respond(&exchange->pipeline->response, report, &exchange->request);
    return STEP_ANSWERED;
}

enum step_outcome exchange_refuse(struct exchange *exchange, enum problem_id id, const char *detail)
{
    return exchange_answer(exchange, &(struct problem_report){.id = id, .detail = detail});
}

void exchange_complain(struct exchange *exchange, enum problem_id id, const char *detail)
{
    if (exchange->complaint.id == PROBLEM_NONE)
        exchange->complaint = (struct problem_report){.id = id, .detail = detail};
}

static void take_request(const struct fcgi_io *io, struct http_request *request)
{
    request->method = fcgi_io_param(io, "REQUEST_METHOD");
    request->uri = fcgi_io_param(io, "REQUEST_URI");
    request->path = request->uri;
    request->path_len = strcspn(request->uri, "?");
    request->query = fcgi_io_param(io, "QUERY_STRING");
    request->content_type = fcgi_io_param(io, "CONTENT_TYPE");
    request->content_encoding = fcgi_io_param(io, "HTTP_CONTENT_ENCODING");
    request->accept = fcgi_io_param(io, "HTTP_ACCEPT");
    request->api_key = fcgi_io_param(io, "HTTP_X_API_KEY");
    request->authorization = fcgi_io_param(io, "HTTP_AUTHORIZATION");
    request->idempotency_key = fcgi_io_param(io, "HTTP_IDEMPOTENCY_KEY");
    request->if_none_match = fcgi_io_param(io, "HTTP_IF_NONE_MATCH");
    request->origin = fcgi_io_param(io, "HTTP_ORIGIN");
    request->remote_address = fcgi_io_param(io, "REMOTE_ADDR");
}

/* nginx's $msec, "1732428366.123", in milliseconds; 0 when there is none. */
static int64_t stamp_ms(const char *text)
{
    char *end = NULL;
    long long seconds = strtoll(text, &end, 10);
    if (end == text || seconds <= 0)
        return 0;
    int64_t ms = 0;
    if (*end == '.')
        for (int i = 1; i <= 3; i++)
            ms = ms * 10 + (end[i] >= '0' && end[i] <= '9' ? end[i] - '0' : 0);
    return seconds * 1000 + ms;
}

/* How long the request stood in the queue; clocks that disagree count as no wait. */
static int64_t wait_ms(int64_t started_wall_ms)
{
    int64_t waited = started_wall_ms > 0 ? luna_clock_wall_ms() - started_wall_ms : 0;
    return waited < 0 || waited > WAIT_MS_MAX ? 0 : waited;
}

static void begin(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    struct http_request *request = &exchange->request;
    const struct worker_config *config = pipeline->config;
    take_request(pipeline->io, request);
    request_id_choose(fcgi_io_param(pipeline->io, "HTTP_X_REQUEST_ID"),
                      fcgi_io_param(pipeline->io, "REQUEST_ID"), exchange->request_id,
                      sizeof exchange->request_id);
    request->request_id = exchange->request_id;
    request->started_wall_ms = stamp_ms(fcgi_io_param(pipeline->io, "REQUEST_START"));
    int64_t waited = wait_ms(request->started_wall_ms);
    exchange->sample.wait_ns = waited * NS_PER_MS;
    exchange->deadline = luna_deadline_in_ms(config->request_timeout_ms - waited);
    int64_t left_ms = waited < config->request_timeout_ms ? config->request_timeout_ms - waited : 0;
    exchange->hard_limit_ns = luna_deadline_in_ms(left_ms + config->hard_limit_grace_ms).at_ns;
    scoreboard_worker_name(pipeline->slot, exchange->request_id, 0, -1, 0, NULL,
                           exchange->hard_limit_ns);
    cors_headers_add(config->cors_origins, request->origin, &pipeline->response);
}

/* Before money is taken, and before it is kept: is anybody still there to get something for it? Who
 * has got a part of the answer already pays for what was done. */
static bool client_left_before(const struct exchange *exchange, enum phase phase)
{
    return (phase == PHASE_ADMIT || phase == PHASE_COMMIT) && !exchange->streaming &&
           fcgi_io_client_left(exchange->pipeline->io);
}

static enum step_outcome walk(struct exchange *exchange, const struct step *way)
{
    for (; way->run != NULL; way++) {
        enter(exchange, way->phase);
        if (client_left_before(exchange, way->phase)) {
            exchange->client_left = true;
            return STEP_ANSWERED;
        }
        if (way->run(exchange) == STEP_ANSWERED)
            return STEP_ANSWERED;
    }
    return STEP_ON;
}

/* The bytes of a body nobody asked for are taken all the same: closing on them would reset the
 * connection and could lose the answer. */
static void drain(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    if (!exchange->body_read)
        exchange->body_outcome =
            fcgi_io_read_body(pipeline->io, &pipeline->body, luna_deadline_in_ms(REFUSAL_DRAIN_MS));
}

static void write_ms(struct luna_buf *head, int64_t us)
{
    const char rest[] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
                         (char)('0' + us % 10)};
    luna_buf_put_int(head, us / 1000);
    luna_buf_append(head, rest, sizeof rest);
}

/* Milliseconds of the steps that make an answer, for the client's own tools. */
static void write_timing(const struct exchange *exchange, struct luna_buf *head)
{
    static const enum phase shown[] = {PHASE_DECODE, PHASE_ADMIT, PHASE_MODEL, PHASE_ENCODE};
    luna_buf_puts(head, "Server-Timing: ");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        luna_buf_puts(head, i > 0 ? ", " : "");
        luna_buf_puts(head, phase_name(shown[i]));
        luna_buf_puts(head, ";dur=");
        write_ms(head, exchange->sample.phase_ns[shown[i]] / 1000);
    }
    luna_buf_puts(head, "\r\n");
}

static void write_header(struct luna_buf *head, const char *name, const char *value)
{
    luna_buf_puts(head, name);
    luna_buf_puts(head, ": ");
    luna_buf_puts(head, value);
    luna_buf_puts(head, "\r\n");
}

/* An answer in parts has no length: nobody knows it yet. */
static void write_head(const struct exchange *exchange, bool whole)
{
    struct pipeline *pipeline = exchange->pipeline;
    const struct http_response *response = &pipeline->response;
    struct luna_buf *head = &pipeline->head;
    luna_buf_puts(head, "Status: ");
    luna_buf_put_int(head, response->status);
    luna_buf_puts(head, " ");
    luna_buf_puts(head, http_reason(response->status));
    luna_buf_puts(head, "\r\n");
    bool empty = response->status == NO_CONTENT || response->status == NOT_MODIFIED;
    if (!empty)
        write_header(head, "Content-Type", response->content_type);
    if (!empty && whole) {
        luna_buf_puts(head, "Content-Length: ");
        luna_buf_put_int(head, (int64_t)response->body.len);
        luna_buf_puts(head, "\r\n");
    }
    write_timing(exchange, head);
    write_header(head, "X-Request-Id", exchange->request_id);
    write_header(head, "Cache-Control",
                 response->cache_control != NULL ? response->cache_control : "no-store");
    luna_buf_append(head, response->headers.data, response->headers.len);
    luna_buf_puts(head, "\r\n");
}

static struct luna_deadline last_moment(const struct exchange *exchange)
{
    int64_t grace_ns = exchange->pipeline->config->hard_limit_grace_ms * NS_PER_MS;
    return (struct luna_deadline){exchange->hard_limit_ns - grace_ns / 2};
}

/* The response's body, when it is full: a part of the answer leaves, the first one with the head
 * before it. */
static bool send_part(void *ctx, const char *bytes, size_t len)
{
    struct exchange *exchange = ctx;
    struct pipeline *pipeline = exchange->pipeline;
    if (!exchange->streaming) {
        enter(exchange, exchange->phase); /* the time that it took so far */
        write_head(exchange, false);
    }
    enum fcgi_send sent = fcgi_io_send_part(pipeline->io, pipeline->head.data, pipeline->head.len,
                                            bytes, len, last_moment(exchange));
    luna_buf_clear(&pipeline->head);
    if (sent != FCGI_SEND_OK) {
        exchange->client_left = true;
        return false;
    }
    exchange->streaming = true;
    exchange->sample.bytes_out += len;
    return true;
}

void exchange_stream_begin(struct exchange *exchange)
{
    struct luna_buf *body = &exchange->pipeline->response.body;
    body->max = STREAM_BYTES;
    body->drain = send_part;
    body->drain_ctx = exchange;
}

static void send_answer(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    const struct luna_buf *body = &pipeline->response.body;
    enter(exchange, PHASE_SEND);
    drain(exchange);
    if (!exchange->streaming)
        write_head(exchange, true);
    exchange->sample.bytes_out += body->len;
    if (fcgi_io_send(pipeline->io, pipeline->head.data, pipeline->head.len, body->data, body->len,
                     last_moment(exchange)) != FCGI_SEND_OK)
        exchange->client_left = true;
}

static void finish(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    if (exchange->admitted)
        luna_admission_refund(pipeline->admitter, &exchange->admission);
    enter(exchange, PHASE_IDLE);
    exchange->sample.status = exchange->client_left ? 499 : pipeline->response.status;
    exchange->sample.client_left = exchange->client_left;
    exchange->sample.route = route_number(exchange->route);
    exchange->sample.duration_ns = luna_clock_mono_ns() - exchange->accepted_ns;
    int64_t slow_ms = pipeline->config->slow_ms;
    exchange->sample.slow = slow_ms > 0 && exchange->sample.duration_ns > slow_ms * NS_PER_MS;
    access_log(exchange);
    scoreboard_worker_end(pipeline->slot, &exchange->sample);
    recycle(&pipeline->body);
    recycle(&pipeline->unpacked);
    recycle(&pipeline->head);
    recycle(&pipeline->response.headers);
    pipeline->response.cache_control = NULL;
    pipeline->response.body.max = ANSWER_BYTES_MAX;
    pipeline->response.body.drain = NULL;
    recycle(&pipeline->response.body);
    luna_arena_reset(&pipeline->arena);
}

void pipeline_serve(struct pipeline *pipeline, int64_t accepted_ns)
{
    struct exchange exchange = {.pipeline = pipeline,
                                .accepted_ns = accepted_ns,
                                .phase_since_ns = accepted_ns,
                                .phase = PHASE_ACCEPT};
    begin(&exchange);
    /* ON to the end is a success, made by the last steps */
    if (walk(&exchange, arrival) == STEP_ON)
        (void)walk(&exchange, exchange.route->way);
    /* a part would look like the whole */
    if (pipeline->response.body.overflow && !exchange.client_left)
        (void)exchange_refuse(&exchange, PROBLEM_INTERNAL, NULL);
    if (!exchange.client_left && !exchange.cut)
        send_answer(&exchange);
    finish(&exchange);
}
