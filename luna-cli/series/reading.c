#include "series/reading.h"

#include "luna/modelling/ndjson.h"
#include "luna/modelling/ndjson_table.h"
#include "luna/modelling/octets.h"

#include <stdint.h>

static const struct luna_request_limits limits = {.points_max = SIZE_MAX / 64,
                                                  .nesting_max = READING_NESTING_MAX};

/* CSV, or the CSV that records have become. */
static enum luna_decode_status decode_table(struct reading *reading, const char *text, size_t len,
                                            bool batch, struct luna_arena *arena,
                                            struct luna_faults *faults)
{
    reading->is_table = true;
    enum luna_decode_status status = luna_table_read(text, len, &reading->options, batch, &limits,
                                                     arena, &reading->table, faults);
    if (status == LUNA_DECODE_OK)
        luna_table_request(&reading->table, 0, &reading->request);
    return status;
}

static enum luna_decode_status decode_records(struct reading *reading, const struct luna_buf *body,
                                              bool batch, struct luna_arena *arena,
                                              struct luna_faults *faults)
{
    const char *csv = NULL;
    size_t len = 0;
    reading->options.is_records = true;
    enum luna_decode_status status =
        luna_ndjson_to_csv(body->data, body->len, READING_NESTING_MAX, arena, &csv, &len, faults);
    return status == LUNA_DECODE_OK ? decode_table(reading, csv, len, batch, arena, faults)
                                    : status;
}

enum luna_decode_status reading_decode(struct reading *reading, enum source_format format,
                                       const struct luna_buf *body, bool batch,
                                       struct luna_arena *arena, struct luna_faults *faults)
{
    const char *text = body->data;
    size_t len = body->len;
    switch (format) {
    case SOURCE_FORMAT_JSON:
        return luna_decode_json(text, len, &limits, arena, &reading->request, faults);
    case SOURCE_FORMAT_NDJSON:
        if (luna_ndjson_is_table(text, len))
            return decode_records(reading, body, batch, arena, faults);
        return luna_decode_ndjson(text, len, &limits, arena, &reading->request, faults);
    case SOURCE_FORMAT_OCTETS:
        return luna_decode_octets(text, len, &limits, arena, &reading->request, faults);
    case SOURCE_FORMAT_CSV:
    case SOURCE_FORMAT_GUESS:
        break;
    }
    return decode_table(reading, text, len, batch, arena, faults);
}

enum luna_decode_status reading_decode_batch(struct reading *reading, enum source_format format,
                                             const struct luna_buf *body, struct luna_arena *arena,
                                             struct luna_batch *ret_batch,
                                             struct luna_faults *faults)
{
    struct luna_request plain;
    if (format == SOURCE_FORMAT_JSON)
        return luna_decode_batch_json(body->data, body->len, &limits, arena, ret_batch, faults);
    if (format == SOURCE_FORMAT_NDJSON && reading->options.id_column == NULL)
        return luna_decode_batch_ndjson(body->data, body->len, &limits, arena, ret_batch, faults);
    if (format == SOURCE_FORMAT_OCTETS) {
        (void)luna_faults_add(faults, "value_error", "Value error, octets are one series",
                              "a batch is JSON, NDJSON or CSV");
        return LUNA_DECODE_FAULTS;
    }
    enum luna_decode_status status =
        format == SOURCE_FORMAT_NDJSON
            ? decode_records(reading, body, true, arena, faults)
            : decode_table(reading, body->data, body->len, true, arena, faults);
    luna_request_init(&plain);
    if (status == LUNA_DECODE_OK && !luna_table_batch(&reading->table, &plain, arena, ret_batch))
        return LUNA_DECODE_MEMORY;
    return status;
}
