#include "api/api.h"

#include "luna/modelling/batch.h"
#include "luna/modelling/encode.h"
#include "request/send.h"
#include "request/steps.h"

#include <string.h>

enum { SERIES_ARENA_BLOCK_BYTES = 64 * 1024 };

static const char too_late[] = "The request's time was up before this series was done; it is not "
                               "charged. Send fewer series in one "
                               "request, or give parameters instead of having them fitted.";

static bool content_taken(struct exchange *exchange)
{
    if (!exchange_content_known(exchange))
        return false;
    if (exchange->format_in == FORMAT_JSON || exchange->format_in == FORMAT_NDJSON)
        return true;
    exchange_complain(exchange, PROBLEM_MEDIA_TYPE,
                      "Send a batch as Content-Type: application/json or application/x-ndjson.");
    return false;
}

static void complain_about_content(struct exchange *exchange)
{
    static const char *const known[] = {"precision", NULL};
    struct luna_arena *arena = &exchange->pipeline->arena;
    const struct luna_request_limits limits = exchange_limits(exchange);
    luna_faults_init(&exchange->faults, arena);
    (void)exchange_query_read(exchange);
    query_forbid_others(&exchange->query, known, "; options are members of the body",
                        &exchange->faults);
    if (exchange->faults.count > 0) {
        exchange_complain_of_faults(exchange, LUNA_DECODE_FAULTS);
        return;
    }
    enum luna_decode_status status =
        (exchange->format_in == FORMAT_NDJSON ? luna_decode_batch_ndjson : luna_decode_batch_json)(
            exchange->request.body, exchange->request.body_len, &limits, arena, &exchange->batch,
            &exchange->faults);
    if (status != LUNA_DECODE_OK)
        exchange_complain_of_faults(exchange, status);
}

enum step_outcome api_batch_decode(struct exchange *exchange)
{
    if (exchange->complaint.id == PROBLEM_NONE && content_taken(exchange) &&
        exchange_body_unpacked(exchange))
        complain_about_content(exchange);
    exchange->format_out = format_accepted(exchange->request.accept, exchange->format_in);
    if (exchange->format_out != FORMAT_NDJSON)
        exchange->format_out = FORMAT_JSON;
    exchange->sample.points = exchange->batch.points;
    exchange->cost = exchange->route->cost * (int64_t)exchange->batch.sound;
    exchange->divisible = true;
    return STEP_ON;
}

static void put_separator(struct exchange *exchange)
{
    if (exchange->tally.written++ > 0)
        luna_buf_putc(&exchange->pipeline->response.body,
                      exchange->format_out == FORMAT_NDJSON ? '\n' : ',');
}

static struct luna_buf *begin_error(struct exchange *exchange, enum problem_id id)
{
    struct luna_buf *out = &exchange->pipeline->response.body;
    put_separator(exchange);
    luna_buf_printf(out, "{\"error\":{\"code\":\"%s\",\"detail\":", problem_row(id)->code);
    exchange->tally.failed++;
    return out;
}

/* `detail` is about this series: the row's own sentence is about a request. */
static void put_error(struct exchange *exchange, enum problem_id id, const char *detail)
{
    struct luna_buf *out = begin_error(exchange, id);
    luna_buf_put_json_string(out, detail, strlen(detail));
    luna_buf_puts(out, "}}");
}

static void put_faults(struct exchange *exchange, const struct luna_faults *faults)
{
    struct luna_buf *out = begin_error(exchange, PROBLEM_VALIDATION);
    luna_faults_put_json(faults, out);
    luna_buf_puts(out, "}}");
}

/* The answer has begun to leave under an Idempotency-Key: it is worked out to its end even for
 * nobody, as a retry gets the whole of it and is charged nothing. */
static bool owes_the_end(const struct exchange *exchange)
{
    return exchange->streaming && *exchange->request.idempotency_key != '\0';
}

static int nobody_waits(void *ctx)
{
    struct exchange *exchange = ctx;
    return exchange_client_left(exchange) && !owes_the_end(exchange);
}

/* One sound series. */
static void run_item(struct exchange *exchange, const struct luna_batch_item *item,
                     struct luna_arena *scratch)
{
    struct luna_faults faults;
    struct luna_result result;
    luna_faults_init(&faults, scratch);
    exchange->tally.tried++;
    bool in_place = item->request.input != NULL; /* else the answer repeats the numbers */
    switch (
        exchange_run(exchange, &item->request, in_place, nobody_waits, scratch, &result, &faults)) {
    case LUNA_RUN_OK:
        put_separator(exchange);
        luna_encode_json(&item->request, &result, exchange->precision,
                         &exchange->pipeline->response.body);
        exchange->tally.succeeded++;
        break;
    case LUNA_RUN_FAULTS:
        put_faults(exchange, &faults);
        break;
    case LUNA_RUN_MEMORY:
        put_error(
            exchange, PROBLEM_BODY_TOO_LARGE,
            "The model needs more memory for this series than one may use. Send fewer points.");
        break;
    case LUNA_RUN_CANCELLED:
        exchange->tally.out_of_time = !exchange->client_left || owes_the_end(exchange);
        put_error(exchange, PROBLEM_DEADLINE, too_late);
        break;
    }
    luna_arena_reset(scratch);
}

/* One series: its results, or why it has none. */
static void answer_item(struct exchange *exchange, const struct luna_batch_item *item,
                        size_t allowed, struct luna_arena *scratch)
{
    struct batch_tally *tally = &exchange->tally;
    tally->out_of_time = tally->out_of_time || luna_deadline_passed(exchange->deadline);
    if (item->faults != NULL)
        put_faults(exchange, item->faults);
    else if (tally->tried == allowed)
        put_error(exchange, PROBLEM_QUOTA_EXHAUSTED,
                  "The account's quota was used up by the series before.");
    else if (tally->out_of_time)
        put_error(exchange, PROBLEM_DEADLINE, too_late);
    else
        run_item(exchange, item, scratch);
}

/* Is the rest worth the work? An answer of which nothing has left is better refused than full of
 * holes. */
static bool goes_on(struct exchange *exchange)
{
    if (exchange->tally.out_of_time && !exchange->streaming)
        return false;
    return !exchange->client_left || owes_the_end(exchange);
}

/* Every series in order. */
static void answer_all(struct exchange *exchange)
{
    const struct luna_batch *batch = &exchange->batch;
    bool replay = exchange->admission.outcome == LUNA_ADMIT_REPLAY;
    size_t allowed = replay ? batch->sound : (size_t)exchange->cost;
    struct luna_arena scratch;
    luna_arena_init(&scratch, SERIES_ARENA_BLOCK_BYTES, exchange->pipeline->arena.bytes_max);
    for (size_t i = 0; i < batch->count && goes_on(exchange); i++)
        answer_item(exchange, &batch->items[i], allowed, &scratch);
    luna_arena_done(&scratch);
}

/* A short answer is whole before anything of it leaves, and may still become a refusal. A long one
 * leaves in parts while the rest is worked out, whatever its size: what then goes wrong with a
 * series is said in its place. */
enum step_outcome api_batch_run(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    response->status = 200;
    response->content_type = format_content_type(exchange->format_out);
    send_in_parts(exchange);
    if (exchange->format_out == FORMAT_JSON)
        luna_buf_puts(&response->body, "{\"series\":[");
    answer_all(exchange);
    if (exchange->streaming)
        return STEP_ON;
    return exchange->client_left ? STEP_ANSWERED : step_in_time(exchange);
}

/* Series that were answered are charged, also to a client who took a part and left; the others
 * are given back. */
enum step_outcome api_batch_settle(struct exchange *exchange)
{
    enum step_outcome outcome = exchange_charge_less(exchange, (int64_t)exchange->tally.succeeded);
    return outcome == STEP_ON ? step_commit(exchange) : outcome;
}

enum step_outcome api_batch_end(struct exchange *exchange)
{
    struct luna_buf *out = &exchange->pipeline->response.body;
    bool lines = exchange->format_out == FORMAT_NDJSON;
    luna_buf_puts(out, lines ? "\n{" : "],");
    luna_buf_printf(out, "\"succeeded\":%zu,\"failed\":%zu,\"charged\":%lld}",
                    exchange->tally.succeeded, exchange->tally.failed,
                    (long long)exchange->admission.cost);
    if (lines)
        luna_buf_putc(out, '\n');
    return STEP_ON;
}
