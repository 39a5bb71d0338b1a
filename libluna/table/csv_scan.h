/*
 * csv_scan.h: the records of one CSV text (RFC 4180) in memory. Private to this library.
 *
 * The delimiter is the caller's; line ends are CRLF, LF or CR; quotes as in the RFC; lines at the
 * beginning that start with "#" are comments, and so is the line "sep=;" of spreadsheets. Nothing
 * is allocated.
 */
#ifndef LUNA_TABLE_CSV_SCAN_H
#define LUNA_TABLE_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { CSV_COLUMNS_MAX = 256 };

struct csv_scan {
    const char *text;
    const char *at;
    const char *end;
    const char *plain_end; /* behind the last "\n"; `text`: none, or blanks are the delimiter */
    size_t line;           /* of `at`, from 1 */
    char delimiter;        /* ' ': a run of blanks; CSV_NO_DELIMITER: one column */
    const char *problem;   /* NULL: none; else one static sentence, about `at` */
    bool ends_field[256];  /* a byte that ends an unquoted field, or may not stand in one */
};

enum { CSV_NO_DELIMITER = '\n' }; /* no field contains it */

struct csv_field {
    const char *at; /* without the quotes; doubled quotes inside stay doubled */
    size_t len;
};

struct csv_record {
    struct csv_field *fields; /* the caller's room for CSV_COLUMNS_MAX */
    size_t count;
    size_t line; /* where it begins */
    const char *at;
    size_t blanks; /* empty lines before it */
};

/* `text` is UTF-8 without a byte order mark. Comments are skipped; there is no delimiter yet. */
void csv_scan_init(struct csv_scan *scan, const char *text, size_t len);
/* Before the first record. */
void csv_scan_set_delimiter(struct csv_scan *scan, char delimiter);
/* The delimiter that a first line such as "sep=;" names; 0 without one. */
char csv_scan_declared(const char *text, size_t len);
/* The next record that is no empty line; false at the end or at a problem. */
bool csv_scan_record(struct csv_scan *scan, struct csv_record *ret_record);
/* What a short record lacks is empty. */
static inline struct csv_field csv_record_field(const struct csv_record *record, size_t column)
{
    return column < record->count ? record->fields[column] : (struct csv_field){.at = "", .len = 0};
}

/* Of ASCII. */
static inline bool csv_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool csv_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Byte by byte. */
static inline bool csv_same(struct csv_field a, struct csv_field b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* Without surrounding blanks. */
static inline struct csv_field csv_trim(struct csv_field field)
{
    if (field.len > 0 && field.at[0] > ' ' && field.at[field.len - 1] > ' ')
        return field; /* as most are */
    for (; field.len > 0 && csv_is_blank(field.at[0]); field.len--)
        field.at++;
    while (field.len > 0 && csv_is_blank(field.at[field.len - 1]))
        field.len--;
    return field;
}

#endif
