/*
 * cell.h: what one field of a table holds, as people and spreadsheets write it. Private to this
 * library.
 *
 * Nothing is allocated; nothing depends on a locale.
 */
#ifndef LUNA_TABLE_CELL_H
#define LUNA_TABLE_CELL_H

#include "csv_scan.h"

#include <stdint.h>

enum cell { CELL_NUMBER, CELL_MISSING, CELL_TIME, CELL_TEXT, CELL_RANGE };

/* How the numbers of a column are written. */
struct number_style {
    char decimal; /* '.' or ',' */
    bool groups;  /* the other mark may stand between thousands */
};

/* Ignores case and surrounding blanks. */
bool cell_is(struct csv_field field, const char *word);
/* The same for a list of words that NULL ends. */
bool cell_is_one_of(struct csv_field field, const char *const *words);

/* Words by their first letters, ['a' - 'a'] and so on, each list ended by NULL: text is compared
 * with few of them. */
struct words {
    const char *of[26][10];
};

/* Those with the first letter of a field without surrounding blanks. */
static inline const char *const *cell_words(struct csv_field field, const struct words *words)
{
    enum { LETTERS = sizeof words->of / sizeof words->of[0] };
    static const char *const none[] = {NULL};
    size_t letter = field.len > 0 ? (size_t)(field.at[0] | 0x20) - 'a' : LETTERS;
    return letter < LETTERS ? words->of[letter] : none;
}

static inline bool cell_is_word(struct csv_field field, const struct words *words)
{
    const char *const *near = cell_words(field, words);
    return *near != NULL && cell_is_one_of(field, near);
}

/* A number (also "+1", ".5", "5.", and with blanks or apostrophes between thousands), missing
 * (empty, NA, N/A, #N/A, NaN, null, None, ".", "-" …), infinite or too large (CELL_RANGE), else
 * CELL_TEXT. *ret_value is set for the first two (NaN when missing). */
enum cell cell_read(struct csv_field field, struct number_style style, double *ret_value);

/* The usual number with a decimal point, and nothing beside it, as cell_read() reads it. False: let
 * cell_read() judge. The field's text goes on up to `end`: where more bytes follow, eight are read
 * at once. */
bool cell_read_plain(struct csv_field field, const char *end, double *ret_value);

/* Digits that a double holds exactly, as cell_read() reads them: a year, seconds or milliseconds
 * since 1970, the number of a row. */
static inline bool cell_read_whole(struct csv_field field, double *ret_value)
{
    enum { DIGITS_MAX = 15 };
    uint64_t number = 0;
    if (field.len == 0 || field.len > DIGITS_MAX || (field.at[0] == '0' && field.len > 1))
        return false;
    for (const char *at = field.at; at < field.at + field.len; at++) {
        unsigned digit = (unsigned)*at - '0';
        if (digit > 9)
            return false;
        number = number * 10 + digit;
    }
    *ret_value = (double)number;
    return true;
}

/* cell_read() of a field whose column's style is not known yet; a time is CELL_TIME. */
enum cell cell_guess(struct csv_field field);

/* What else stands for a missing observation in one table. */
enum { MARKERS_MAX = 16 };

struct markers {
    struct csv_field texts[MARKERS_MAX];
    double numbers[MARKERS_MAX]; /* NaN: only its text counts */
    size_t count;
};

/* From a list of at most MARKERS_MAX with commas between, which the markers borrow. */
void markers_read(const char *list, struct markers *ret_markers);
/* By its text, in any case, or as a number. */
bool markers_have(const struct markers *markers, struct csv_field field);
bool markers_have_number(const struct markers *markers, double value);

/* What one field tells of the decimal mark of its column. */
enum mark {
    MARK_NONE,          /* no mark; of cell_mark(): or no number */
    MARK_POINT,         /* the point is decimal: 1.5 */
    MARK_COMMA,         /* the comma is decimal: 1,5 */
    MARK_POINT_GROUPED, /* and the comma stands between thousands: 1,234.5 */
    MARK_COMMA_GROUPED, /* and the point does: 1.234,5 */
    MARK_UNSURE_POINT,  /* 1.234 */
    MARK_UNSURE_COMMA   /* 1,234 */
};

enum mark cell_mark(struct csv_field field);
/* The same of a field without surrounding blanks that is taken for a number. Is a blank in it? */
enum mark cell_mark_of_number(struct csv_field field, bool *ret_has_blank);

#endif
