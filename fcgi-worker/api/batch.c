/* POST /kalman/batch: many series in one request, each with an answer of its own. */
#include "luna/modelling/batch.h"
#include "api/api.h"
#include "api/series.h"
#include "api/table.h"
#include "luna/modelling/encode_batch.h"
#include "request/fair_share.h"
#include "request/send.h"
#include "request/steps.h"

#include <assert.h>

enum { SERIES_ARENA_BLOCK_BYTES = 64 * 1024 };

struct batch {
    enum format format_out;
    const struct luna_table *table; /* NULL: the body is not a table */
    struct luna_batch input;
    size_t allowed; /* sound series that the charge covers */
    size_t tried;   /* sound series that were run; at most `allowed` */
    struct luna_batch_answer answer;
    bool ended; /* the answer is complete */
};

static const char too_late[] = "The time limit of the request was reached before this series was "
                               "finished; the series is not charged. Send fewer series in one "
                               "request, or give parameters instead of having them fitted.";

static const char not_covered[] = "The first request with this Idempotency-Key ended before this "
                                  "series, which was not charged. Send it in another request.";

static struct batch *batch_of(const struct exchange *exchange)
{
    assert(exchange->route_state != NULL);
    return exchange->route_state;
}

static bool read_format(struct exchange *exchange, enum format *ret_format)
{
    if (format_of_content(exchange->request.content_type, ret_format) &&
        *ret_format != FORMAT_OCTETS)
        return true;
    exchange_complain_of_type(
        exchange, FORMATS_OF_BATCHES,
        "Send a batch as Content-Type: application/json, application/x-ndjson or "
        "text/csv.");
    return false;
}

/* A table with a column of ids, CSV or records: its options are in the query, for all series. */
static enum luna_decode_status decode_table(struct exchange *exchange, struct batch *batch,
                                            const struct query *query, enum format format)
{
    struct luna_arena *arena = &exchange->pipeline->arena;
    struct luna_request shared;
    struct luna_faults in_query;
    luna_request_init(&shared);
    luna_faults_init(&in_query, arena);
    enum luna_decode_status of_query =
        query_options_apply(query, true, true, SERIES_NESTING_MAX, arena, &shared, &in_query);
    luna_faults_join(&exchange->faults, &in_query);
    struct luna_table *table = luna_arena_alloc(arena, sizeof *table);
    if (of_query != LUNA_DECODE_OK || table == NULL)
        return of_query != LUNA_DECODE_OK ? of_query : LUNA_DECODE_MEMORY;
    enum luna_decode_status status = table_read(exchange, query, format, true, table);
    if (status != LUNA_DECODE_OK)
        return status;
    batch->table = table;
    return luna_table_batch(table, &shared, arena, &batch->input) ? LUNA_DECODE_OK
                                                                  : LUNA_DECODE_MEMORY;
}

/* JSON or NDJSON: the options are in the body. */
static enum luna_decode_status decode_body(struct exchange *exchange, struct batch *batch,
                                           const struct query *query, enum format format)
{
    static const char *const known[] = {"precision", NULL};
    const struct luna_request_limits limits = series_limits(exchange);
    query_forbid_others(query, known, "; options are members of the body", &exchange->faults);
    if (exchange->faults.count > 0)
        return LUNA_DECODE_FAULTS;
    return (format == FORMAT_NDJSON ? luna_decode_batch_ndjson : luna_decode_batch_json)(
        exchange->request.body, exchange->request.body_len, &limits, &exchange->pipeline->arena,
        &batch->input, &exchange->faults);
}

/* Complains of faults in the query and in the body's frame; those of one series are its own. */
static void read_content(struct exchange *exchange, struct batch *batch, enum format format)
{
    struct query query;
    enum luna_decode_status status = LUNA_DECODE_FAULTS;
    bool valid = series_read_query(exchange, &query, &batch->answer.precision);
    bool is_table =
        format == FORMAT_CSV || (format == FORMAT_NDJSON && query_get(&query, "id_column") != NULL);
    if (valid)
        status = is_table ? decode_table(exchange, batch, &query, format)
                          : decode_body(exchange, batch, &query, format);
    if (status != LUNA_DECODE_OK)
        series_complain(exchange, status);
}

enum step_outcome api_batch_decode(struct exchange *exchange)
{
    enum format format_in = FORMAT_JSON;
    struct batch *batch = exchange_route_state_new(exchange, sizeof *batch);
    if (batch == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    if (exchange->complaint.id == PROBLEM_NONE && read_format(exchange, &format_in) &&
        exchange_unpack_body(exchange))
        read_content(exchange, batch, format_in);
    batch->format_out = (enum format)exchange->identity.format_out;
    if (batch->format_out != FORMAT_NDJSON)
        batch->format_out = FORMAT_JSON;
    exchange->points = batch->input.points;
    exchange->price = (struct exchange_price){
        .units = exchange->route->cost * (int64_t)batch->input.sound, .divisible = true};
    return STEP_ON;
}

/* `detail` is about this series: the row's own sentence is about a request. */
static void put_error(struct batch *batch, enum problem_id id, const char *detail)
{
    luna_batch_answer_error(&batch->answer, problem_row(id)->code, detail);
}

/* Of a series that was not run to its end. */
static void put_unrun(const struct exchange *exchange, struct batch *batch)
{
    if (exchange->computation.stop == STOP_OVER_SHARE)
        put_error(batch, PROBLEM_CONCURRENCY_LIMITED,
                  "The account uses its whole share of the service's workers; this series is not "
                  "charged. "
                  "Send fewer requests at once.");
    else
        put_error(batch, PROBLEM_DEADLINE, too_late);
}

/* One sound series. */
static void run_item(struct exchange *exchange, struct batch *batch,
                     const struct luna_batch_item *item, struct luna_arena *scratch)
{
    struct luna_faults faults;
    struct luna_result result;
    luna_faults_init(&faults, scratch);
    batch->tried++;
    bool in_place = item->request.input != NULL; /* else the answer repeats the numbers */
    switch (series_run(exchange, &item->request, in_place, scratch, &result, &faults)) {
    case LUNA_RUN_OK:
        luna_batch_answer_result(&batch->answer, &item->request, &result);
        break;
    case LUNA_RUN_FAULTS:
        luna_batch_answer_faults(&batch->answer, &faults);
        break;
    case LUNA_RUN_LONG:
        put_error(batch, PROBLEM_TOO_LONG, series_too_long(exchange));
        break;
    case LUNA_RUN_MEMORY:
        put_error(batch, PROBLEM_BODY_TOO_LARGE,
                  "The model needs more memory for this series than a series may use. Send fewer "
                  "points.");
        break;
    case LUNA_RUN_CANCELLED:
        if (exchange->computation.stop != STOP_CLIENT_LEFT)
            put_unrun(exchange, batch);
        break;
    }
    luna_arena_reset(scratch);
}

static void poll_deadline(struct exchange *exchange)
{
    enum stop_reason *stop = &exchange->computation.stop;
    if (*stop == STOP_NONE && luna_deadline_passed(exchange->timing.deadline))
        *stop = STOP_DEADLINE;
}

/* The first request with the Idempotency-Key was charged for no more series than these. */
static bool replay_is_over(const struct exchange *exchange, const struct batch *batch)
{
    int64_t units = exchange->admission.replay_units;
    return units > 0 && exchange->route->cost * (int64_t)batch->answer.succeeded >= units;
}

/* One series: its results, or why it has none. */
static void answer_item(struct exchange *exchange, struct batch *batch,
                        const struct luna_batch_item *item, struct luna_arena *scratch)
{
    poll_deadline(exchange);
    if (item->faults != NULL)
        luna_batch_answer_faults(&batch->answer, item->faults);
    else if (replay_is_over(exchange, batch))
        put_error(batch, PROBLEM_DEADLINE, not_covered);
    else if (batch->tried == batch->allowed)
        put_error(batch, PROBLEM_QUOTA_EXHAUSTED,
                  "The preceding series used up the account's quota.");
    else if (exchange->computation.stop != STOP_NONE || fair_share_poll(exchange))
        put_unrun(exchange, batch);
    else
        run_item(exchange, batch, item, scratch);
}

/* Is the rest worth the work? While nothing is sent yet, a refusal is better than an answer full
 * of holes. */
static bool goes_on(const struct exchange *exchange)
{
    if (exchange->computation.stop != STOP_NONE && exchange->answer == ANSWER_UNSENT)
        return false;
    return !exchange->client_left || exchange_owes_the_end(exchange);
}

/* A replay was charged before. */
static size_t series_allowed(const struct exchange *exchange, const struct batch *batch)
{
    const struct luna_admission *admission = &exchange->admission;
    return admission->outcome == LUNA_ADMIT_REPLAY
               ? batch->input.sound
               : (size_t)(admission->cost / exchange->route->cost);
}

/* Every series in order. */
static void answer_all(struct exchange *exchange, struct batch *batch)
{
    const struct luna_batch *input = &batch->input;
    struct luna_arena scratch;
    luna_arena_init(&scratch, SERIES_ARENA_BLOCK_BYTES, exchange->pipeline->arena.bytes_max);
    for (size_t i = 0; i < input->count && goes_on(exchange); i++)
        answer_item(exchange, batch, &input->items[i], &scratch);
    luna_arena_done(&scratch);
}

/* A short answer is complete before any of it is sent, and may still become a refusal. A long one
 * is sent in parts while the rest is computed, whatever its size: what then goes wrong with a
 * series is said in its place. */
enum step_outcome api_batch_run(struct exchange *exchange)
{
    struct batch *batch = batch_of(exchange);
    struct http_response *response = &exchange->pipeline->response;
    batch->allowed = series_allowed(exchange, batch);
    response->status = 200;
    response->content_type = format_content_type(batch->format_out);
    table_header_add(batch->table, batch->input.points, batch->input.count, response);
    send_in_parts(exchange);
    batch->answer.input = &batch->input;
    batch->answer.out = &response->body;
    batch->answer.lines = batch->format_out == FORMAT_NDJSON;
    luna_batch_answer_begin(&batch->answer);
    answer_all(exchange, batch);
    if (exchange->answer != ANSWER_UNSENT)
        return STEP_ON;
    if (exchange->computation.stop == STOP_OVER_SHARE)
        return fair_share_refuse(exchange);
    return exchange->client_left ? STEP_ANSWERED : step_in_time(exchange);
}

static void put_end(const struct exchange *exchange, const struct batch *batch)
{
    luna_batch_answer_totals(&batch->answer);
    luna_buf_printf(batch->answer.out, ",\"charged\":%lld}\n", (long long)exchange->admission.cost);
}

/* Series that were answered are charged, also to a client who took a part and left. A short answer
 * is complete before the commit, which keeps it for replays; the end of one in parts would be sent
 * too early. */
enum step_outcome api_batch_commit(struct exchange *exchange)
{
    struct batch *batch = batch_of(exchange);
    if (step_reduce(exchange, exchange->route->cost * (int64_t)batch->answer.succeeded) ==
        STEP_ANSWERED)
        return STEP_ANSWERED;
    exchange->admission.unfinished = exchange->computation.stop != STOP_NONE;
    if (exchange_may_keep(exchange) &&
        exchange->pipeline->response.body.len < LUNA_ANSWER_BYTES_MAX) {
        put_end(exchange, batch);
        batch->ended = true;
        exchange_keep_answer(exchange);
    }
    return step_commit(exchange);
}

enum step_outcome api_batch_end(struct exchange *exchange)
{
    const struct batch *batch = batch_of(exchange);
    if (!batch->ended)
        put_end(exchange, batch);
    return STEP_ON;
}
