/*
 * csv_scan.h: the records of one CSV text (RFC 4180) in memory, and what a field holds. Private to
 * this library.
 *
 * Separator ","; line ends CRLF, LF or CR; quotes as in the RFC; lines at the beginning that start
 * with "#" are comments. Nothing is allocated.
 */
#ifndef LUNA_MODELLING_CSV_SCAN_H
#define LUNA_MODELLING_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum { CSV_COLUMNS_MAX = 256 };

struct csv_scan {
    const char *text;
    const char *at;
    const char *end;
    size_t line;         /* of `at`, from 1 */
    const char *problem; /* NULL: none; else one static sentence, about `at` */
};

struct csv_field {
    const char *at; /* without the quotes; doubled quotes inside stay doubled */
    size_t len;
};

struct csv_record {
    struct csv_field fields[CSV_COLUMNS_MAX];
    size_t count;
    size_t line; /* where it begins */
    const char *at;
    bool is_blank; /* an empty line */
};

enum csv_cell { CSV_NUMBER, CSV_MISSING, CSV_TEXT, CSV_RANGE };

void csv_scan_init(struct csv_scan *scan, const char *text, size_t len);
/* The next record; false at the end or at a problem. */
bool csv_scan_record(struct csv_scan *scan, struct csv_record *ret_record);
/* What a field holds: a number (also "+1", ".5", "5.", as spreadsheets write), nothing (empty, NA,
 * NaN, null), a number that is infinite or too large, or text. *ret_value is set for the first two
 * (NaN for nothing). */
enum csv_cell csv_read_cell(struct csv_field field, double *ret_value);
/* ignores case and surrounding blanks */
bool csv_field_is(struct csv_field field, const char *word);

#endif
