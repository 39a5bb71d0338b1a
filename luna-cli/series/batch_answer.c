#include "series/batch_answer.h"

#include "luna/modelling/decode.h"
#include "luna/modelling/encode_batch.h"
#include "luna/modelling/fault.h"
#include "series/reading.h"

#include <stdint.h>

struct answering {
    const struct luna_buf *options;
    const struct luna_run_control *control;
    struct luna_arena scratch; /* of one series */
    struct luna_batch_answer answer;
};

/* A sound series, with the options of the command line over its own. */
static void run_item(struct answering *a, struct luna_request *request)
{
    struct luna_faults faults;
    struct luna_result result;
    luna_faults_init(&faults, &a->scratch);
    enum luna_decode_status decoded = luna_decode_options(
        a->options->data, a->options->len, READING_NESTING_MAX, &a->scratch, request, &faults);
    enum luna_run_status status = decoded == LUNA_DECODE_OK       ? LUNA_RUN_OK
                                  : decoded == LUNA_DECODE_MEMORY ? LUNA_RUN_MEMORY
                                                                  : LUNA_RUN_FAULTS;
    if (status == LUNA_RUN_OK)
        status = luna_run(request, a->control, &a->scratch, &result, &faults);
    if (status == LUNA_RUN_FAULTS) {
        luna_batch_answer_faults(&a->answer, &faults);
    } else if (status != LUNA_RUN_OK) {
        luna_batch_answer_error(&a->answer, "body_too_large", "out of memory");
    } else {
        luna_batch_answer_result(&a->answer, request, &result);
    }
    luna_arena_reset(&a->scratch);
}

enum cli_exit batch_answer_write(const struct batch_answer *batch,
                                 const struct luna_run_control *control, struct luna_buf *answer)
{
    enum { BLOCK_BYTES = 65536 };
    struct answering a = {.options = &batch->options,
                          .control = control,
                          .answer = {.input = &batch->input,
                                     .out = answer,
                                     .lines = batch->lines,
                                     .precision = batch->precision}};
    luna_arena_init(&a.scratch, BLOCK_BYTES, SIZE_MAX / 2);
    luna_batch_answer_begin(&a.answer);
    for (size_t i = 0; i < batch->input.count && !answer->overflow; i++) {
        struct luna_batch_item *item = &batch->input.items[i];
        if (item->faults != NULL)
            luna_batch_answer_faults(&a.answer, item->faults);
        else
            run_item(&a, &item->request);
    }
    luna_arena_done(&a.scratch);
    luna_batch_answer_totals(&a.answer);
    luna_buf_puts(answer, "}\n");
    return a.answer.failed == 0 ? CLI_OK : CLI_FAILED;
}
