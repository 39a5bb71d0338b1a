#include "request/exchange.h"

#include "http/content_coding.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

void *exchange_route_state_new(struct exchange *exchange, size_t bytes)
{
    assert(exchange->route_state == NULL && bytes > 0);
    exchange->route_state = luna_arena_calloc(&exchange->pipeline->arena, 1, bytes);
    return exchange->route_state;
}

int exchange_route_number(const struct exchange *exchange)
{
    return route_number(exchange->pipeline->routes, exchange->route);
}

static const char scheme[] = "Bearer ";

bool exchange_has_bearer(const struct exchange *exchange)
{
    return strncasecmp(exchange->request.authorization, scheme, sizeof scheme - 1) == 0;
}

const char *exchange_api_key(const struct exchange *exchange)
{
    if (*exchange->request.api_key != '\0')
        return exchange->request.api_key;
    if (!exchange_has_bearer(exchange))
        return "";
    const char *authorization = exchange->request.authorization + sizeof scheme - 1;
    return authorization + strspn(authorization, " ");
}

void exchange_enter(struct exchange *exchange, enum phase phase)
{
    struct exchange_timing *timing = &exchange->timing;
    assert((size_t)phase < sizeof timing->phase_ns / sizeof timing->phase_ns[0]);
    int64_t now_ns = luna_clock_mono_ns();
    timing->phase_ns[timing->phase] += now_ns - timing->phase_since_ns;
    timing->phase = phase;
    timing->phase_since_ns = now_ns;
    scoreboard_worker_phase(exchange->pipeline->slot, phase);
}

bool exchange_poll_client_left(struct exchange *exchange)
{
    exchange->client_left =
        exchange->client_left || fcgi_io_poll_client_left(exchange->pipeline->io);
    return exchange->client_left;
}

bool exchange_owes_the_end(const struct exchange *exchange)
{
    return exchange->answer != ANSWER_UNSENT && *exchange->request.idempotency_key != '\0';
}

enum step_outcome exchange_answer(struct exchange *exchange, const struct problem_report *report)
{
    assert(report->id != PROBLEM_NONE);
    exchange->notes.problem = report->id;
    if (exchange->answer != ANSWER_UNSENT) {
        exchange->answer = ANSWER_CUT;
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

void exchange_complain_of_type(struct exchange *exchange, const char *accepted, const char *detail)
{
    exchange_complain(exchange, PROBLEM_MEDIA_TYPE, detail);
    if (exchange->complaint.id == PROBLEM_MEDIA_TYPE)
        exchange->complaint.accepted = accepted;
}

void exchange_complain_of_faults(struct exchange *exchange)
{
    assert(exchange->faults.count > 0);
    exchange_complain(exchange, PROBLEM_VALIDATION, NULL);
    if (exchange->complaint.id == PROBLEM_VALIDATION)
        exchange->complaint.faults = &exchange->faults;
}

bool exchange_may_keep(const struct exchange *exchange)
{
    return *exchange->request.idempotency_key != '\0' && exchange->answer == ANSWER_UNSENT &&
           exchange->admission.outcome == LUNA_ADMIT_ALLOWED && exchange->admission.cost > 0;
}

/* "content type\theader lines\nbody"; without header lines "content type\nbody". A header line ends
 * with CR LF, so the first LF that follows no CR ends the headers. */
void exchange_keep_answer(struct exchange *exchange)
{
    const struct http_response *response = &exchange->pipeline->response;
    struct luna_buf record;
    if (!exchange_may_keep(exchange))
        return;
    assert(exchange->limits_end > 0 && exchange->limits_end <= response->headers.len);
    const char *headers = response->headers.data + exchange->limits_end;
    size_t headers_len = response->headers.len - exchange->limits_end;
    luna_buf_init(&record, LUNA_ANSWER_BYTES_MAX);
    luna_buf_puts(&record, response->content_type);
    luna_buf_puts(&record, headers_len > 0 ? "\t" : "");
    luna_buf_append(&record, headers, headers_len);
    luna_buf_putc(&record, '\n');
    luna_buf_append(&record, response->body.data, response->body.len);
    const char *kept =
        record.overflow ? NULL
                        : luna_arena_strndup(&exchange->pipeline->arena, record.data, record.len);
    if (kept != NULL)
        exchange->admission.to_keep = (struct luna_answer){kept, record.len};
    luna_buf_done(&record);
}

/* The LF that ends the headers of a record, from `at` on; NULL: none. */
static const char *headers_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    while (newline != NULL && newline > at && newline[-1] == '\r')
        newline = memchr(newline + 1, '\n', (size_t)(end - newline - 1));
    return newline;
}

bool exchange_restore_answer(struct exchange *exchange, const struct luna_answer *kept)
{
    struct http_response *response = &exchange->pipeline->response;
    const char *end = kept->bytes + kept->len;
    const char *head_end = headers_end(kept->bytes, end);
    if (head_end == NULL)
        return false;
    size_t head_len = (size_t)(head_end - kept->bytes);
    const char *tab = memchr(kept->bytes, '\t', head_len);
    size_t type_len = tab != NULL ? (size_t)(tab - kept->bytes) : head_len;
    response->status = 200;
    response->content_type =
        luna_arena_printf(&exchange->pipeline->arena, "%.*s", (int)type_len, kept->bytes);
    if (tab != NULL)
        luna_buf_append(&response->headers, tab + 1, (size_t)(head_end - tab - 1));
    luna_buf_append(&response->body, head_end + 1, (size_t)(end - head_end - 1));
    return response->content_type != NULL;
}

bool exchange_body_is_costly(const struct exchange *exchange)
{
    /* Decoding so many takes 0.1 to 0.2 ms, about as long as asking Redis one more time. */
    enum { CHEAP_BYTES = 128 * 1024 };
    const struct http_request *request = &exchange->request;
    return request->content_length > CHEAP_BYTES ||
           !content_coding_is_none(request->content_encoding);
}

bool exchange_unpack_body(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    struct http_request *request = &exchange->request;
    assert(request->body_len == 0 || request->body != pipeline->unpacked.data);
    switch (content_decode(request->content_encoding, request->body, request->body_len,
                           &pipeline->arena, &pipeline->unpacked)) {
    case CODING_NONE:
        return true;
    case CODING_DECODED:
        request->body = pipeline->unpacked.data;
        request->body_len = pipeline->unpacked.len;
        return true;
    case CODING_UNKNOWN:
        exchange_complain(exchange, PROBLEM_ENCODING, NULL);
        return false;
    case CODING_CORRUPT:
        exchange_complain(exchange, PROBLEM_BODY_CORRUPT, NULL);
        return false;
    case CODING_EXPANDS:
        exchange_complain(exchange, PROBLEM_BODY_TOO_LARGE,
                          "The uncompressed body is more than 1 MiB and more than 100 times as "
                          "large as the compressed one. Send it uncompressed, or send fewer "
                          "points in one request.");
        return false;
    case CODING_TOO_LARGE:
    case CODING_MEMORY:
        break;
    }
    exchange_complain(exchange, PROBLEM_BODY_TOO_LARGE,
                      "The uncompressed body is larger than this service accepts. Send fewer "
                      "points in one request.");
    return false;
}
