#include "series/batch_answer.h"

#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/fault.h"
#include "series/reading.h"

#include <stdint.h>

struct answering {
    const struct batch_answer *batch;
    const struct luna_run_control *control;
    struct luna_buf *out;
    struct luna_arena scratch; /* of one series */
    size_t succeeded, failed, faults_listed;
};

static void put_separator(struct answering *a)
{
    if (a->succeeded + a->failed > 0)
        luna_buf_putc(a->out, a->batch->lines ? '\n' : ',');
}

static void begin_error(struct answering *a, const char *id, const char *code)
{
    put_separator(a);
    luna_buf_putc(a->out, '{');
    if (id != NULL)
        luna_buf_printf(a->out, "\"id\":%s,", id);
    luna_buf_printf(a->out, "\"error\":{\"code\":\"%s\",\"detail\":", code);
    a->failed++;
}

/* At most LUNA_FAULTS_MAX of the whole batch, as in the service. */
static void put_faults(struct answering *a, const char *id, struct luna_faults *faults)
{
    size_t room = LUNA_FAULTS_MAX - a->faults_listed;
    begin_error(a, id, "validation_error");
    faults->count = faults->count < room ? faults->count : room;
    a->faults_listed += faults->count;
    luna_faults_put_json(faults, a->out);
    luna_buf_puts(a->out, "}}");
}

static void put_no_memory(struct answering *a, const char *id)
{
    begin_error(a, id, "body_too_large");
    luna_buf_puts(a->out, "\"out of memory\"}}");
}

/* A sound series, with the options of the command line over its own. */
static void run_item(struct answering *a, struct luna_request *request)
{
    const struct luna_buf *options = &a->batch->options;
    struct luna_faults faults;
    struct luna_result result;
    luna_faults_init(&faults, &a->scratch);
    enum luna_decode_status decoded = luna_decode_options(
        options->data, options->len, READING_NESTING_MAX, &a->scratch, request, &faults);
    enum luna_run_status status = decoded == LUNA_DECODE_OK       ? LUNA_RUN_OK
                                  : decoded == LUNA_DECODE_MEMORY ? LUNA_RUN_MEMORY
                                                                  : LUNA_RUN_FAULTS;
    if (status == LUNA_RUN_OK)
        status = luna_run(request, a->control, &a->scratch, &result, &faults);
    if (status == LUNA_RUN_FAULTS) {
        put_faults(a, request->id, &faults);
    } else if (status != LUNA_RUN_OK) {
        put_no_memory(a, request->id);
    } else {
        put_separator(a);
        luna_encode_json(request, &result, a->batch->precision, a->out);
        a->succeeded++;
    }
    luna_arena_reset(&a->scratch);
}

enum cli_exit batch_answer_write(const struct batch_answer *batch,
                                 const struct luna_run_control *control, struct luna_buf *answer)
{
    enum { BLOCK_BYTES = 65536 };
    struct answering a = {.batch = batch, .control = control, .out = answer};
    luna_arena_init(&a.scratch, BLOCK_BYTES, SIZE_MAX / 2);
    luna_buf_puts(answer, batch->lines ? "" : "{\"series\":[");
    for (size_t i = 0; i < batch->input.count && !answer->overflow; i++) {
        struct luna_batch_item *item = &batch->input.items[i];
        if (item->faults != NULL)
            put_faults(&a, item->request.id, item->faults);
        else
            run_item(&a, &item->request);
    }
    luna_arena_done(&a.scratch);
    luna_buf_puts(answer, batch->lines ? "\n{" : "],");
    luna_buf_printf(answer, "\"succeeded\":%zu,\"failed\":%zu}\n", a.succeeded, a.failed);
    return a.failed == 0 ? CLI_OK : CLI_FAILED;
}
