/*
 * table.h: the series in a table, as people have tables: bytes in → columns and values, or the
 * faults.
 *
 * A table is CSV with any usual delimiter, or NDJSON of records that ndjson_table.h made CSV. What
 * is unambiguous is found in the table; what could be read in two ways is a fault that lists what
 * was found and names the option that decides it. Nothing is guessed. All memory comes from the
 * arena; the values belong to the caller, who may write over them.
 */
#ifndef LUNA_TABLE_TABLE_H
#define LUNA_TABLE_TABLE_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/batch.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

#include <stdbool.h>
#include <stddef.h>

enum luna_table_header {
    LUNA_TABLE_HEADER_FIND,
    LUNA_TABLE_HEADER_PRESENT, /* the first line holds the names of the columns */
    LUNA_TABLE_HEADER_ABSENT
};

struct luna_table_options {
    /* A column's name, or its number from 1. NULL: found in the table. "", for times and ids: the
     * table has no such column. */
    const char *column, *time_column, *id_column;
    enum luna_table_header header;
    char delimiter; /* 0: found */
    char decimal;   /* '.' or ','; 0: found */
    /* What else stands for a missing observation, with commas between: "-9999,ND". "": nothing
     * does. NULL: a number that programs write for one, far from all others, is a fault. */
    const char *missing;
    /* luna_ndjson_to_csv() wrote it: the header and the delimiter are known, whatever the options
     * say, blank lines mean nothing, and lines are counted from the first record. */
    bool is_records;
};

/* The names of the options, NULL-terminated. */
extern const char *const luna_table_option_names[];

/* May the option be given several times, each with a part of a list? */
bool luna_table_option_is_list(const char *name);
/* Sets the option `name` as a query or a command line has it ("delimiter", "tab"). A value that is
 * invalid is a fault at ["query", name]. `value` is borrowed. */
void luna_table_option_set(const char *name, const char *value, struct luna_table_options *options,
                           struct luna_faults *faults);

enum luna_table_kind {
    LUNA_TABLE_EMPTY, /* nothing but missing values */
    LUNA_TABLE_NUMBERS,
    LUNA_TABLE_TIMES,
    LUNA_TABLE_ROW_NUMBERS, /* without a name, 0, 1, 2 … or 1, 2, 3 … */
    LUNA_TABLE_TEXT
};

const char *luna_table_kind_name(enum luna_table_kind kind);

struct luna_table_column {
    const char *name; /* as in the header; without one its number, or "value" for the only one */
    enum luna_table_kind kind;
};

struct luna_table_series {
    const char *id; /* NULL without a column of ids */
    double *values; /* [n], NaN: missing */
    size_t n;
};

enum { LUNA_TABLE_NONE = -1 };

struct luna_table {
    const char *encoding; /* "utf-8", "utf-16le", "utf-16be" */
    char delimiter;       /* 0: one column */
    char decimal;
    bool has_header;
    struct luna_table_column *columns;
    size_t column_count;
    /* indices of columns, or LUNA_TABLE_NONE */
    int value, time, id;
    size_t first_line, last_line;   /* of the data, from 1 */
    size_t units_line, totals_line; /* lines that were left out; 0: none */
    size_t rows, missing;
    const char *first_time, *last_time; /* as in the table; NULL without a column of times */
    struct luna_table_series *series;
    size_t series_count;
};

/* The table of a CSV body. With `batch` every id of the column of ids is a series of its own, in
 * the order of their first rows; without it, more than one id is a fault. */
enum luna_decode_status
luna_table_read(const char *body, size_t len, const struct luna_table_options *options, bool batch,
                const struct luna_request_limits *limits, struct luna_arena *arena,
                struct luna_table *ret_table, struct luna_faults *faults)
    __attribute__((warn_unused_result));

/* One series as a request whose options keep their defaults. */
void luna_table_request(const struct luna_table *table, size_t series,
                        struct luna_request *ret_request);

/* Every series of a table as an item of a batch, with the options of `shared` and its id. False:
 * out of memory. */
bool luna_table_batch(const struct luna_table *table, const struct luna_request *shared,
                      struct luna_arena *arena, struct luna_batch *ret_batch)
    __attribute__((warn_unused_result));

/* What was read, as a JSON object: {"column":"y","rows":100,…}. */
void luna_table_put_json(const struct luna_table *table, struct luna_buf *out);
/* The same as a dictionary of structured fields (RFC 9651): column="y", rows=100 … */
void luna_table_put_field(const struct luna_table *table, struct luna_buf *out);

#endif
