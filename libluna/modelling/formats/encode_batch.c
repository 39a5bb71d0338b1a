#include "luna/modelling/encode_batch.h"

#include "luna/modelling/encode.h"

#include <assert.h>
#include <string.h>

/* Before every series' answer but the first. */
static void put_separator(const struct luna_batch_answer *answer)
{
    assert(answer->succeeded + answer->failed < answer->input->count);
    if (answer->succeeded + answer->failed > 0)
        luna_buf_putc(answer->out, answer->lines ? '\n' : ',');
}

static void begin_error(struct luna_batch_answer *answer, const char *code)
{
    const char *id = answer->input->items[answer->succeeded + answer->failed].request.id;
    put_separator(answer);
    luna_buf_putc(answer->out, '{');
    if (id != NULL)
        luna_buf_printf(answer->out, "\"id\":%s,", id);
    luna_buf_printf(answer->out, "\"error\":{\"code\":\"%s\",\"detail\":", code);
    answer->failed++;
}

void luna_batch_answer_begin(struct luna_batch_answer *answer)
{
    if (!answer->lines)
        luna_buf_puts(answer->out, "{\"series\":[");
}

void luna_batch_answer_result(struct luna_batch_answer *answer, const struct luna_request *request,
                              const struct luna_result *result)
{
    put_separator(answer);
    luna_encode_json(request, result, answer->precision, answer->out);
    answer->succeeded++;
}

void luna_batch_answer_error(struct luna_batch_answer *answer, const char *code, const char *detail)
{
    begin_error(answer, code);
    luna_buf_put_json_string(answer->out, detail, strlen(detail));
    luna_buf_puts(answer->out, "}}");
}

void luna_batch_answer_faults(struct luna_batch_answer *answer, struct luna_faults *faults)
{
    size_t room = LUNA_FAULTS_MAX - answer->faults_listed;
    begin_error(answer, "validation_error");
    if (faults->count > room)
        faults->count = room;
    answer->faults_listed += faults->count;
    luna_faults_put_json(faults, answer->out);
    luna_buf_puts(answer->out, "}}");
}

void luna_batch_answer_totals(const struct luna_batch_answer *answer)
{
    luna_buf_puts(answer->out, answer->lines ? "\n{" : "],");
    luna_buf_printf(answer->out, "\"succeeded\":%zu,\"failed\":%zu", answer->succeeded,
                    answer->failed);
}
