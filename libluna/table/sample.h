/*
 * sample.h: the first rows of a table, which decide its form. Private to this library.
 */
#ifndef LUNA_TABLE_SAMPLE_H
#define LUNA_TABLE_SAMPLE_H

#include "cell.h"
#include "luna/base/arena.h"
#include "luna/table/table.h"
#include "text.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

enum { SAMPLE_ROWS = 101 };

struct sample {
    struct csv_record *records; /* [rows] */
    unsigned char *guesses;     /* [rows][columns] 1 + sample_guess(), 0: not yet known */
    unsigned char *kinds;       /* [columns] the same of what is below the first row */
    size_t rows, columns;
    /* The first line has one field fewer than all others, as R writes it: the first column has no
     * name. */
    bool lacks_name;
    const struct markers *markers; /* NULL: none were named */
};

/* The delimiter of the text that `scan` is at the beginning of: the first of tab, ";", "|" and ","
 * that its first two lines contain outside quotes; CSV_NO_DELIMITER: one column. */
char sample_delimiter(const struct csv_scan *scan);

/* The next rows of `scan`, which a syntax error ends. False: out of memory. */
bool sample_read(struct csv_scan *scan, struct luna_arena *arena, struct sample *ret_sample)
    __attribute__((warn_unused_result));

/* What a short row lacks is empty. */
static inline struct csv_field sample_field(const struct sample *sample, size_t row, size_t column)
{
    assert(row < sample->rows && column < sample->columns);
    const struct csv_record *record = &sample->records[row];
    if (row == 0 && sample->lacks_name && column-- == 0)
        return (struct csv_field){.at = "", .len = 0};
    return csv_record_field(record, column);
}

/* cell_guess() of the field; a marker is CELL_MISSING. */
enum cell sample_guess(const struct sample *sample, size_t row, size_t column);

/* Whether the first row holds names. LUNA_TABLE_HEADER_FIND: both are possible. */
enum luna_table_header sample_header(const struct sample *sample);
/* Is the row after the names one of units: no number and no time in it, above columns of numbers or
 * times? Or a line of dashes in Markdown? */
bool sample_has_units(const struct sample *sample, char delimiter);
/* A number with a sign before it or a short unit behind it. */
bool sample_is_marked_number(struct csv_field field);
/* Is each cell from row `first` on a number, at least one of them with a sign or unit: "$12"? */
bool sample_is_marked(const struct sample *sample, size_t first, size_t column);
/* "date 1,5": is the comma decimal, and the delimiter a blank? */
bool sample_is_blank_delimited(const struct sample *sample, const struct text *text);
/* What the rows from `first` on hold in a column. */
enum luna_table_kind sample_kind(const struct sample *sample, size_t first, size_t column);

#endif
