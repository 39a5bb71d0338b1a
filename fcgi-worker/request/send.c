#include "request/send.h"

#include "fastcgi/fcgi_io.h"
#include "http/cors.h"

#include <assert.h>

enum {
    STREAM_BYTES = 128 * 1024, /* of an answer in parts: what a socket accepts at once */
    NS_PER_MS = 1000000,
    NO_CONTENT = 204,
    NOT_MODIFIED = 304
};

static void write_ms(struct luna_buf *head, int64_t us)
{
    const char rest[] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
                         (char)('0' + us % 10)};
    luna_buf_put_int(head, us / 1000);
    luna_buf_append(head, rest, sizeof rest);
}

/* Milliseconds of the phases that made the answer, for the client's own tools. */
static void write_timing(const struct exchange *exchange, struct luna_buf *head)
{
    static const enum phase shown[] = {PHASE_DECODE, PHASE_ADMIT, PHASE_MODEL, PHASE_STORE,
                                       PHASE_ENCODE};
    const char *before = "Server-Timing: ";
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        int64_t ns = exchange->timing.phase_ns[shown[i]];
        if (ns == 0)
            continue; /* the route has no such phase, or did not reach it */
        luna_buf_puts(head, before);
        luna_buf_puts(head, phase_name(shown[i]));
        luna_buf_puts(head, ";dur=");
        write_ms(head, ns / 1000);
        before = ", ";
    }
    if (*before == ',')
        luna_buf_puts(head, "\r\n");
}

static void write_header(struct luna_buf *head, const char *name, const char *value)
{
    luna_buf_puts(head, name);
    luna_buf_puts(head, ": ");
    luna_buf_puts(head, value);
    luna_buf_puts(head, "\r\n");
}

static void write_status(struct luna_buf *head, int status)
{
    luna_buf_puts(head, "Status: ");
    luna_buf_put_int(head, status);
    luna_buf_puts(head, " ");
    luna_buf_puts(head, http_reason(status));
    luna_buf_puts(head, "\r\n");
}

/* An answer in parts (not `whole`) has no Content-Length: it is not known yet. */
static void write_content(const struct http_response *response, bool whole, struct luna_buf *head)
{
    if (response->status == NO_CONTENT || response->status == NOT_MODIFIED)
        return;
    write_header(head, "Content-Type", response->content_type);
    if (!whole)
        return;
    luna_buf_puts(head, "Content-Length: ");
    luna_buf_put_int(head, (int64_t)response->body.len);
    luna_buf_puts(head, "\r\n");
}

/* In one line: nginx, which compresses, adds none. What may be cached depends on the credential and
 * on the format too. */
static void write_vary(const struct exchange *exchange, struct luna_buf *head)
{
    luna_buf_puts(head, "Vary: Accept-Encoding");
    if (cors_is_on(exchange->pipeline->config->cors_origins))
        luna_buf_puts(head, ", Origin");
    if (exchange->pipeline->response.cache_control != NULL)
        luna_buf_puts(head, ", Accept, X-API-Key, Authorization");
    luna_buf_puts(head, "\r\n");
}

static void write_head(const struct exchange *exchange, bool whole)
{
    const struct http_response *response = &exchange->pipeline->response;
    struct luna_buf *head = &exchange->pipeline->head;
    assert(head->len == 0 && exchange->answer == ANSWER_UNSENT); /* one head for each answer */
    write_status(head, response->status);
    write_content(response, whole, head);
    write_timing(exchange, head);
    write_header(head, "X-Request-Id", exchange->request_id);
    write_header(head, "Cache-Control",
                 response->cache_control != NULL ? response->cache_control : "no-store");
    write_vary(exchange, head);
    luna_buf_append(head, response->headers.data, response->headers.len);
    luna_buf_puts(head, "\r\n");
}

static struct luna_deadline last_moment(const struct exchange *exchange)
{
    assert(exchange->timing.hard_limit_ns > 0);
    int64_t grace_ns = exchange->pipeline->config->hard_limit_grace_ms * NS_PER_MS;
    return (struct luna_deadline){exchange->timing.hard_limit_ns - grace_ns / 2};
}

/* The response's body is full: sends a part of the answer, the first one after the head. */
static bool send_part(void *ctx, const char *bytes, size_t len)
{
    struct exchange *exchange = ctx;
    struct pipeline *pipeline = exchange->pipeline;
    if (exchange->answer == ANSWER_UNSENT) {
        exchange_enter(exchange, exchange->timing.phase); /* for write_timing() */
        write_head(exchange, false);
    }
    enum fcgi_send sent = fcgi_io_send_part(pipeline->io, pipeline->head.data, pipeline->head.len,
                                            bytes, len, last_moment(exchange));
    luna_buf_clear(&pipeline->head);
    if (sent != FCGI_SEND_OK) {
        exchange->client_left = true;
        return false;
    }
    exchange->answer = ANSWER_STREAMING;
    exchange->notes.bytes_out += len;
    return true;
}

void send_in_parts(struct exchange *exchange)
{
    struct luna_buf *body = &exchange->pipeline->response.body;
    assert(body->len == 0 && exchange->answer == ANSWER_UNSENT);
    luna_buf_limit(body, STREAM_BYTES);
    body->drain = send_part;
    body->drain_ctx = exchange;
}

void send_answer(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    const struct luna_buf *body = &pipeline->response.body;
    assert(exchange->answer != ANSWER_CUT && !exchange->client_left);
    if (exchange->answer == ANSWER_UNSENT)
        write_head(exchange, true);
    exchange->notes.bytes_out += body->len;
    if (fcgi_io_send(pipeline->io, pipeline->head.data, pipeline->head.len, body->data, body->len,
                     last_moment(exchange)) != FCGI_SEND_OK)
        exchange->client_left = true;
}
