#include "api.h"

#include "luna/modelling/batch.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/run.h"

#include <string.h>

enum { SERIES_ARENA_BLOCK_BYTES = 64 * 1024 };

/* How a batch went. */
struct tally {
    size_t succeeded, failed;
    size_t charged_for; /* sound series that the quota allows */
    size_t written;
};

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
    query_forbid_others(&exchange->query, known, &exchange->faults);
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
    if (exchange->complaint.id == PROBLEM_NONE && content_taken(exchange) && exchange_body_unpacked(exchange))
        complain_about_content(exchange);
    exchange->format_out = format_accepted(exchange->request.accept, exchange->format_in);
    if (exchange->format_out != FORMAT_NDJSON)
        exchange->format_out = FORMAT_JSON;
    exchange->sample.points = exchange->batch.points;
    exchange->cost = exchange->route->cost * (int64_t)exchange->batch.sound;
    exchange->divisible = true;
    return STEP_ON;
}

static void put_separator(const struct exchange *exchange, struct tally *tally, struct luna_buf *out)
{
    if (tally->written++ > 0)
        luna_buf_putc(out, exchange->format_out == FORMAT_NDJSON ? '\n' : ',');
}

static void put_error(const struct exchange *exchange, struct tally *tally, enum problem_id id,
                      const struct luna_faults *faults)
{
    struct luna_buf *out = &exchange->pipeline->response.body;
    const struct problem *row = problem_row(id);
    put_separator(exchange, tally, out);
    luna_buf_printf(out, "{\"error\":{\"code\":\"%s\",\"detail\":", row->code);
    if (faults != NULL)
        luna_faults_put_json(faults, out);
    else
        luna_buf_put_json_string(out, row->message, strlen(row->message));
    luna_buf_puts(out, "}}");
    tally->failed++;
}

static int client_left(void *ctx)
{
    struct exchange *exchange = ctx;
    exchange->client_left = fcgi_io_client_left(exchange->pipeline->io);
    return exchange->client_left;
}

/* One sound series. False when the whole batch has to end: out of time, or nobody waits for it. */
static bool run_item(struct exchange *exchange, const struct luna_batch_item *item,
                     struct luna_arena *scratch, struct tally *tally)
{
    const struct luna_run_control control = {
        .deadline = exchange->deadline, .cancelled = client_left, .ctx = exchange};
    struct luna_buf *out = &exchange->pipeline->response.body;
    struct luna_faults faults;
    struct luna_result result;
    luna_faults_init(&faults, scratch);
    switch (luna_run(&item->request, &control, scratch, &result, &faults)) {
    case LUNA_RUN_OK:
        put_separator(exchange, tally, out);
        luna_encode_json(&item->request, &result, exchange->precision, out);
        tally->succeeded++;
        break;
    case LUNA_RUN_FAULTS:
        put_error(exchange, tally, PROBLEM_VALIDATION, &faults);
        break;
    case LUNA_RUN_MEMORY:
        put_error(exchange, tally, PROBLEM_BODY_TOO_LARGE, NULL);
        break;
    case LUNA_RUN_CANCELLED:
        return false;
    }
    luna_arena_reset(scratch);
    return true;
}

/* Every series in order: its results, or why it has none. */
static bool run_all(struct exchange *exchange, struct tally *tally)
{
    const struct luna_batch *batch = &exchange->batch;
    bool replay = exchange->admission.outcome == LUNA_ADMIT_REPLAY;
    size_t allowed = replay ? batch->sound : (size_t)exchange->cost;
    struct luna_arena scratch;
    bool going = true;
    luna_arena_init(&scratch, SERIES_ARENA_BLOCK_BYTES, exchange->pipeline->arena.bytes_max);
    for (size_t i = 0; going && i < batch->count; i++) {
        const struct luna_batch_item *item = &batch->items[i];
        if (item->faults != NULL) {
            put_error(exchange, tally, PROBLEM_VALIDATION, item->faults);
        } else if (tally->charged_for == allowed) {
            put_error(exchange, tally, PROBLEM_QUOTA_EXHAUSTED, NULL);
        } else {
            tally->charged_for++;
            going = run_item(exchange, item, &scratch, tally);
        }
    }
    luna_arena_done(&scratch);
    return going;
}

static void put_tally(const struct exchange *exchange, const struct tally *tally)
{
    struct luna_buf *out = &exchange->pipeline->response.body;
    bool lines = exchange->format_out == FORMAT_NDJSON;
    luna_buf_puts(out, lines ? "\n{" : "],");
    luna_buf_printf(out, "\"succeeded\":%zu,\"failed\":%zu,\"charged\":%lld}", tally->succeeded,
                    tally->failed, (long long)exchange->admission.cost);
    if (lines)
        luna_buf_putc(out, '\n');
}

enum step_outcome api_batch_run(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    struct tally tally = {0};
    response->status = 200;
    response->content_type = format_content_type(exchange->format_out);
    if (exchange->format_out == FORMAT_JSON)
        luna_buf_puts(&response->body, "{\"series\":[");
    if (!run_all(exchange, &tally)) {
        http_header_add(response, "Retry-After", "1");
        return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
    }
    /* Charged by series that were answered: what failed in the model is given back by asking for the others alone. */
    if (tally.succeeded < tally.charged_for && exchange->admission.outcome == LUNA_ADMIT_ALLOWED) {
        exchange->cost = (int64_t)tally.succeeded;
        exchange->divisible = false;
        if (exchange_admit_again(exchange) == STEP_ANSWERED)
            return STEP_ANSWERED;
    }
    put_tally(exchange, &tally);
    return exchange_check_encoded(exchange);
}
