/* POST /kalman: one series through one model. */
#include "api/api.h"
#include "api/series.h"
#include "api/table.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/ndjson.h"
#include "luna/modelling/ndjson_table.h"
#include "luna/modelling/octets.h"
#include "request/fair_share.h"
#include "request/send.h"
#include "request/steps.h"

#include <assert.h>

struct kalman {
    enum format format_in, format_out;
    int precision;                  /* of the numbers in the answer; 0: shortest */
    const struct luna_table *table; /* NULL: the body is not a table */
    struct luna_request request;
    struct luna_result result;
    bool encoded; /* the answer is complete */
};

static struct kalman *kalman_of(const struct exchange *exchange)
{
    assert(exchange->route_state != NULL);
    return exchange->route_state;
}

static enum luna_decode_status (*const decoders[FORMAT_COUNT])(
    const char *body, size_t len, const struct luna_request_limits *limits,
    struct luna_arena *arena, struct luna_request *ret_request, struct luna_faults *faults) = {
    [FORMAT_JSON] = luna_decode_json,
    [FORMAT_NDJSON] = luna_decode_ndjson,
    [FORMAT_OCTETS] = luna_decode_octets,
};

/* Is the body a table: CSV, or NDJSON of records? */
static bool is_table(const struct exchange *exchange, const struct kalman *kalman)
{
    const struct http_request *request = &exchange->request;
    return kalman->format_in == FORMAT_CSV ||
           (kalman->format_in == FORMAT_NDJSON &&
            luna_ndjson_is_table(request->body, request->body_len));
}

static enum luna_decode_status decode_table(struct exchange *exchange, struct kalman *kalman,
                                            const struct query *query)
{
    struct luna_table *table = luna_arena_alloc(&exchange->pipeline->arena, sizeof *table);
    if (table == NULL)
        return LUNA_DECODE_MEMORY;
    enum luna_decode_status status = table_read(exchange, query, kalman->format_in, false, table);
    if (status != LUNA_DECODE_OK)
        return status;
    kalman->table = table;
    luna_table_request(table, 0, &kalman->request);
    return LUNA_DECODE_OK;
}

static enum luna_decode_status decode_body(struct exchange *exchange, struct kalman *kalman,
                                           const struct query *query)
{
    const struct luna_request_limits limits = series_limits(exchange);
    if (is_table(exchange, kalman))
        return decode_table(exchange, kalman, query);
    return decoders[kalman->format_in](exchange->request.body, exchange->request.body_len, &limits,
                                       &exchange->pipeline->arena, &kalman->request,
                                       &exchange->faults);
}

/* The body, then the options in the query; the faults of both are collected. */
static enum luna_decode_status decode(struct exchange *exchange, struct kalman *kalman,
                                      const struct query *query)
{
    struct luna_arena *arena = &exchange->pipeline->arena;
    struct luna_faults in_query;
    enum luna_decode_status of_body = decode_body(exchange, kalman, query);
    luna_faults_init(&in_query, arena);
    if (of_body != LUNA_DECODE_OK)
        luna_request_init(&kalman->request); /* for the options to be checked against */
    enum luna_decode_status of_query =
        query_options_apply(query, kalman->format_in != FORMAT_JSON, is_table(exchange, kalman),
                            SERIES_NESTING_MAX, arena, &kalman->request, &in_query);
    luna_faults_join(&exchange->faults, &in_query);
    if (of_body != LUNA_DECODE_OK || of_query != LUNA_DECODE_OK)
        return of_body != LUNA_DECODE_OK ? of_body : of_query;
    bool kept = kalman->table == NULL || table_origin_set(kalman->table, arena, &kalman->request);
    return kept ? LUNA_DECODE_OK : LUNA_DECODE_MEMORY;
}

/* Complains of faults in the query, in the body, or in the model that they ask for. */
static void read_content(struct exchange *exchange, struct kalman *kalman)
{
    struct query query;
    enum luna_decode_status status = LUNA_DECODE_FAULTS;
    if (series_read_query(exchange, &query, &kalman->precision))
        status = decode(exchange, kalman, &query);
    if (status == LUNA_DECODE_OK &&
        luna_run_check(&kalman->request, &exchange->faults) != LUNA_RUN_OK)
        status = LUNA_DECODE_FAULTS;
    if (status == LUNA_DECODE_OK)
        exchange->points = kalman->request.n;
    else
        series_complain(exchange, status);
}

enum step_outcome api_kalman_decode(struct exchange *exchange)
{
    struct kalman *kalman = exchange_route_state_new(exchange, sizeof *kalman);
    if (kalman == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    if (exchange->complaint.id == PROBLEM_NONE &&
        series_read_format(exchange, &kalman->format_in) && exchange_unpack_body(exchange))
        read_content(exchange, kalman);
    kalman->format_out = (enum format)exchange->identity.format_out;
    return STEP_ON;
}

/* Does the answer repeat the observations from their numbers? JSON repeats the body's own bytes
 * where it can, octets nothing. */
static bool answer_needs_values(const struct kalman *kalman)
{
    if (kalman->format_out == FORMAT_JSON)
        return kalman->request.input == NULL;
    return kalman->format_out != FORMAT_OCTETS;
}

enum step_outcome api_kalman_run(struct exchange *exchange)
{
    struct kalman *kalman = kalman_of(exchange);
    switch (series_run(exchange, &kalman->request, !answer_needs_values(kalman),
                       &exchange->pipeline->arena, &kalman->result, &exchange->faults)) {
    case LUNA_RUN_OK:
        return step_in_time(exchange);
    case LUNA_RUN_FAULTS:
        return exchange_answer(exchange, &(struct problem_report){.id = PROBLEM_VALIDATION,
                                                                  .faults = &exchange->faults});
    case LUNA_RUN_CANCELLED:
        return exchange->computation.stop == STOP_OVER_SHARE ? fair_share_refuse(exchange)
                                                             : step_overrun(exchange);
    case LUNA_RUN_LONG:
        return exchange_refuse(exchange, PROBLEM_TOO_LONG, series_too_long(exchange));
    case LUNA_RUN_MEMORY:
        return exchange_refuse(exchange, PROBLEM_BODY_TOO_LARGE,
                               "The model needs more memory for this series than one request may "
                               "use. Send fewer points.");
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
}

static void encode_octets(const struct luna_request *request, const struct luna_result *result,
                          int precision, struct luna_buf *out)
{
    (void)request;
    (void)precision; /* binary numbers are sent whole */
    luna_encode_octets(result, out);
}

static void (*const encoders[FORMAT_COUNT])(const struct luna_request *request,
                                            const struct luna_result *result, int precision,
                                            struct luna_buf *out) = {
    [FORMAT_JSON] = luna_encode_json,
    [FORMAT_CSV] = luna_encode_csv,
    [FORMAT_NDJSON] = luna_encode_ndjson,
    [FORMAT_OCTETS] = encode_octets,
};

static void encode(struct exchange *exchange)
{
    const struct kalman *kalman = kalman_of(exchange);
    struct http_response *response = &exchange->pipeline->response;
    response->status = 200;
    response->content_type = format_content_type(kalman->format_out);
    /* JSON says it in its own words. */
    if (kalman->format_out != FORMAT_JSON && kalman->request.has_options)
        http_header_add(response, "Luna-Fit", "%s", kalman->result.fit_status);
    table_header_add(kalman->table, kalman->request.n, 0, response);
    encoders[kalman->format_out](&kalman->request, &kalman->result, kalman->precision,
                                 &response->body);
    if (kalman->format_out == FORMAT_JSON)
        luna_buf_putc(&response->body, '\n'); /* the other texts end in one anyway */
}

/* The answer is too long to be kept: it will be written again, and sent in parts. */
static void undo_encode(struct exchange *exchange, size_t headers_before)
{
    luna_buf_clear(&exchange->pipeline->response.body);
    luna_buf_cut(&exchange->pipeline->response.headers, headers_before);
}

/* An answer has at least so many bytes for each point: two numbers, or one in eight bytes. */
static bool may_be_short(const struct kalman *kalman)
{
    enum { BYTES_PER_POINT = 4 };
    return kalman->request.n <= LUNA_ANSWER_BYTES_MAX / BYTES_PER_POINT;
}

enum step_outcome api_kalman_keep(struct exchange *exchange)
{
    struct kalman *kalman = kalman_of(exchange);
    struct luna_buf *body = &exchange->pipeline->response.body;
    size_t bytes_max = body->max;
    if (!exchange_may_keep(exchange) || !may_be_short(kalman))
        return STEP_ON;
    luna_buf_limit(body, LUNA_ANSWER_BYTES_MAX);
    size_t headers_before = exchange->pipeline->response.headers.len;
    encode(exchange);
    luna_buf_limit(body, bytes_max);
    kalman->encoded = !body->overflow;
    if (kalman->encoded)
        exchange_keep_answer(exchange);
    else
        undo_encode(exchange, headers_before);
    return STEP_ON;
}

/* After the commit: the first parts of a long answer are sent while the rest is still written. */
enum step_outcome api_kalman_encode(struct exchange *exchange)
{
    if (kalman_of(exchange)->encoded)
        return STEP_ON;
    send_in_parts(exchange);
    encode(exchange);
    return exchange->pipeline->response.body.overflow ? STEP_ANSWERED : STEP_ON;
}
