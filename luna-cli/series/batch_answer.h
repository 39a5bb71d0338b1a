/*
 * batch_answer.h: `luna kalman --batch`, many series of one file: the batch of the API, without the
 * service.
 */
#ifndef CLI_BATCH_ANSWER_H
#define CLI_BATCH_ANSWER_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/batch.h"
#include "luna/modelling/run.h"
#include "terminal/exit_status.h"

#include <stdbool.h>

struct batch_answer {
    struct luna_batch input;
    struct luna_buf options; /* of the command line, as JSON: laid over those of every series */
    bool lines;              /* NDJSON; else one JSON object */
    int precision;
};

/* Answers every series, in order, with its result or its error. CLI_FAILED: a series has none. */
enum cli_exit batch_answer_write(const struct batch_answer *batch,
                                 const struct luna_run_control *control, struct luna_buf *answer);

#endif
