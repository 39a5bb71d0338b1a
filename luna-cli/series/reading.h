/*
 * reading.h: the series of a file in any format, and how it was found.
 */
#ifndef CLI_READING_H
#define CLI_READING_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/batch.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"
#include "luna/table/table.h"
#include "series/source.h"

#include <stdbool.h>

enum { READING_NESTING_MAX = 16 };

struct reading {
    struct luna_table_options options;
    bool is_table; /* CSV, or NDJSON of records: `table` describes it */
    struct luna_table table;
    struct luna_request request; /* the series; of a table with ids the first one */
};

/* Decodes `body`, which has to outlive the reading; its options are set before. With `batch`, a
 * table may have several series. */
enum luna_decode_status reading_decode(struct reading *reading, enum source_format format,
                                       const struct luna_buf *body, bool batch,
                                       struct luna_arena *arena, struct luna_faults *faults)
    __attribute__((warn_unused_result));

/* All series of a batch, as the API takes it: JSON, NDJSON of requests, or a table with a column of
 * ids, which NDJSON is if the options name that column. */
enum luna_decode_status reading_decode_batch(struct reading *reading, enum source_format format,
                                             const struct luna_buf *body, struct luna_arena *arena,
                                             struct luna_batch *ret_batch,
                                             struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
