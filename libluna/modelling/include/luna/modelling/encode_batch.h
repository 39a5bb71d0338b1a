/*
 * encode_batch.h: the answers to the series of a batch, in their order → bytes out.
 *
 * JSON: {"series":[…],"succeeded":2,"failed":1}; NDJSON: a line each, and one of the totals. A
 * series has the answer of encode.h, or {"error":{"code","detail"}}, beside its id if it has one.
 */
#ifndef LUNA_MODELLING_ENCODE_BATCH_H
#define LUNA_MODELLING_ENCODE_BATCH_H

#include "luna/base/buf.h"
#include "luna/modelling/batch.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

#include <stdbool.h>
#include <stddef.h>

/* Starts with the members above `succeeded`, the rest zero. */
struct luna_batch_answer {
    const struct luna_batch *input;
    struct luna_buf *out;
    bool lines; /* NDJSON; else JSON */
    int precision;
    size_t succeeded, failed; /* together: the index of the next series */
    size_t faults_listed;
};

void luna_batch_answer_begin(struct luna_batch_answer *answer);
/* One of these three for each series. */
void luna_batch_answer_result(struct luna_batch_answer *answer, const struct luna_request *request,
                              const struct luna_result *result);
void luna_batch_answer_error(struct luna_batch_answer *answer, const char *code,
                             const char *detail);
/* At most LUNA_FAULTS_MAX of the whole batch: a short body could ask for an answer of megabytes. */
void luna_batch_answer_faults(struct luna_batch_answer *answer, struct luna_faults *faults);
/* The totals, without the brace that closes them: further members may follow. */
void luna_batch_answer_totals(const struct luna_batch_answer *answer);

#endif
