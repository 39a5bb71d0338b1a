/* How the numbers of a column are written; what is wrong with one that is not, or that stands for a
 * missing observation. */
#include "luna/modelling/number.h"
#include "reading.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS = MARK_UNSURE_COMMA + 1 };

struct marks {
    bool has[MARKS]; /* a number with this mark */
    struct csv_field example[MARKS];
    struct csv_field blank; /* the first number with a blank inside; .at is NULL: there is none */
    bool may_number_rows;   /* what stands before the comma only grows: R's row names, perhaps */
};

static bool may_have_comma(enum mark mark)
{
    return mark != MARK_NONE && mark != MARK_POINT && mark != MARK_UNSURE_POINT;
}

/* What stands before a comma; -1 when no row names and whole numbers are written so: 3,05 */
static long row_number_of(struct csv_field field, enum mark mark)
{
    const char *comma = may_have_comma(mark) ? memchr(field.at, ',', field.len) : NULL;
    const char *after = comma != NULL && csv_is_digit(*field.at) ? comma + 1 : NULL;
    if (after == NULL || (field.at + field.len - after > 1 && *after == '0'))
        return -1;
    return strtol(field.at, NULL, 10);
}

/* Nothing that a number such as -1.5 has not; digits and letters are above its signs. */
static bool is_as_usual(struct csv_field field)
{
    size_t points = 0;
    for (size_t i = 0; i < field.len; i++) {
        if (field.at[i] > '.')
            continue;
        points += field.at[i] == '.';
        if (points > 1 || (field.at[i] != '.' && field.at[i] != '-'))
            return false;
    }
    return true;
}

static void marks_read(const struct reading *r, struct marks *marks)
{
    size_t first = reading_first_row(r), value = (size_t)r->value;
    enum { GROWING_ROWS = 3 };
    long start = 0, before = -1;
    bool counts = true, grows = true;
    *marks = (struct marks){.may_number_rows = false};
    for (size_t row = first; row < r->sample.rows; row++) {
        struct csv_field field = sample_field(&r->sample, row, value);
        if (marks->has[MARK_POINT] && is_as_usual(field)) {
            counts = grows = false;
            continue;
        }
        field = csv_trim(field);
        bool has_blank;
        enum mark mark = cell_mark_of_number(field, &has_blank);
        long number = -1;
        /* Most cells tell nothing new, be they numbers or not. */
        if ((!marks->has[mark] || has_blank || may_have_comma(mark)) &&
            sample_guess(&r->sample, row, value) == CELL_NUMBER) {
            if (!marks->has[mark])
                marks->example[mark] = field;
            if (has_blank && marks->blank.at == NULL)
                marks->blank = field;
            marks->has[mark] = true;
            number = row_number_of(field, mark);
        }
        start = row == first ? number : start;
        grows = grows && number > before;
        before = number;
        counts = counts && (start == 0 || start == 1) && number == start + (long)(row - first);
    }
    size_t rows = r->sample.rows - first;
    marks->may_number_rows = (counts && rows > 1) || (grows && rows >= GROWING_ROWS);
}

static bool fault_unsure(struct reading *r, struct csv_field example)
{
    reading_fault(r, r->value, "value_error",
                  luna_arena_printf(r->arena,
                                    "Value error, \"%s\" can be read in two ways: its mark may be "
                                    "decimal, or stand between thousands",
                                    reading_quote(r, example)),
                  "add decimal=, if the comma is decimal, or decimal=. if the point is");
    return false;
}

static bool fault_mixed(struct reading *r, const struct marks *marks)
{
    struct csv_field point =
        marks->example[marks->has[MARK_POINT] ? MARK_POINT : MARK_POINT_GROUPED];
    struct csv_field comma =
        marks->example[marks->has[MARK_COMMA] ? MARK_COMMA : MARK_COMMA_GROUPED];
    reading_fault(r, r->value, "value_error",
                  luna_arena_printf(r->arena,
                                    "Value error, the point is decimal in \"%s\" and the comma in "
                                    "\"%s\"",
                                    reading_quote(r, point), reading_quote(r, comma)),
                  "write all numbers of the column in one notation, such as 1234.5");
    return false;
}

static bool fault_row_names(struct reading *r, struct csv_field example)
{
    reading_fault(
        r, r->value, "value_error",
        luna_arena_printf(r->arena,
                          "Value error, \"%s\" can be read in two ways: as a number with a decimal "
                          "comma, or as row number and number",
                          reading_quote(r, example)),
        "add decimal=, if the comma is decimal; else write a name for every column (in R: "
        "write.csv with row.names=FALSE)");
    return false;
}

/* R writes row names and numbers so, and others write thousands so: 1 112. */
static bool fault_blank(struct reading *r, struct csv_field example)
{
    reading_fault(r, r->value, "value_error",
                  luna_arena_printf(r->arena,
                                    "Value error, \"%s\" can be read in two ways: one number, or "
                                    "two fields with a blank between them",
                                    reading_quote(r, example)),
                  "add delimiter=space; or, if the blank stands between thousands, decimal=. "
                  "(or decimal=, if the comma is decimal)");
    return false;
}

bool reading_find_style(struct reading *r)
{
    struct marks marks;
    if (r->options->decimal != 0) {
        r->style = (struct number_style){r->options->decimal, true};
        return true;
    }
    marks_read(r, &marks);
    bool comma = marks.has[MARK_COMMA] || marks.has[MARK_COMMA_GROUPED];
    bool point = marks.has[MARK_POINT] || marks.has[MARK_POINT_GROUPED];
    r->style = (struct number_style){'.', false};
    if (marks.blank.at != NULL && r->delimiter == CSV_NO_DELIMITER)
        return fault_blank(r, marks.blank);
    if (comma && point)
        return fault_mixed(r, &marks);
    if (comma && r->delimiter == CSV_NO_DELIMITER && marks.may_number_rows)
        return fault_row_names(
            r, marks.example[marks.has[MARK_COMMA] ? MARK_COMMA : MARK_COMMA_GROUPED]);
    if (comma)
        r->style = (struct number_style){',', marks.has[MARK_COMMA_GROUPED] ||
                                                  marks.has[MARK_UNSURE_POINT]};
    else if (point)
        r->style.groups = marks.has[MARK_POINT_GROUPED] || marks.has[MARK_UNSURE_COMMA];
    else if (marks.has[MARK_UNSURE_COMMA])
        return fault_unsure(r, marks.example[MARK_UNSURE_COMMA]);
    else if (marks.has[MARK_UNSURE_POINT] &&
             (r->delimiter == ';' || (r->delimiter == '\t' && marks.has[MARK_NONE])))
        return fault_unsure(r, marks.example[MARK_UNSURE_POINT]);
    else
        r->is_point_unsure =
            r->delimiter == ';' || (r->delimiter == '\t' && !marks.has[MARK_UNSURE_POINT]);
    return true;
}

void reading_check_point(struct reading *r, struct csv_field field)
{
    enum mark mark = cell_mark(field);
    assert(r->is_point_unsure);
    if (mark == MARK_NONE) /* no number, such as a single point */
        return;
    r->is_point_unsure = false;
    if (mark == MARK_UNSURE_POINT)
        (void)fault_unsure(r, csv_trim(field));
}

static bool contains(struct csv_field field, const char *text)
{
    return field.len > 0 && memmem(field.at, field.len, text, strlen(text)) != NULL;
}

static bool contains_one_of(struct csv_field field, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (contains(field, *texts))
            return true;
    }
    return false;
}

/* Two numbers with blanks between them. */
static bool has_blanks(struct csv_field field)
{
    const char *blank = field.len > 0 ? memchr(field.at, ' ', field.len) : NULL;
    blank = blank == NULL && field.len > 0 ? memchr(field.at, '\t', field.len) : blank;
    return blank != NULL && csv_is_digit(field.at[field.len - 1]);
}

/* Of digits and marks only: 007, 1.2.3. */
static bool is_bare(struct csv_field field)
{
    for (size_t i = 0; i < field.len; i++) {
        if (strchr("0123456789.,' ", field.at[i]) == NULL)
            return false;
    }
    return true;
}

static const char *hint_text(const struct reading *r, struct csv_field field)
{
    static const char *const currencies[] = {"$", "€", "£", "¥", "EUR", "USD", NULL};
    enum cell guess = cell_guess(field);
    if (field.len > 0 && field.at[0] == '#')
        return "it is an error of the spreadsheet; correct its formula, or leave the field empty "
               "for a missing observation";
    if (guess == CELL_NUMBER)
        return r->style.decimal == '.'
                   ? "add decimal=, if the comma is decimal, or decimal=. if it "
                     "stands between thousands"
                   : "add decimal=. if the point is decimal, or decimal=, if it "
                     "stands between thousands";
    if (guess == CELL_TIME)
        return "it is a time; add the column of the observations: column=NAME";
    if (contains(field, ";"))
        return "fields are separated by ';' here; add delimiter=; and, for numbers such as 1,5, "
               "decimal=,";
    if (contains(field, "%"))
        return "remove the percent sign";
    if (contains_one_of(field, currencies))
        return "remove the currency";
    if (field.len > 2 && field.at[0] == '(' && contains(field, " row"))
        return "psql writes it below the data: remove the line, or run psql --csv";
    if (field.len > 2 && field.at[0] == '(' && csv_is_digit(field.at[field.len - 2]))
        return "write a negative number with a minus sign: -123";
    if (r->has_header && cell_is(field, r->columns[r->value].name))
        return "the names of the columns are repeated here; remove this line";
    if (r->delimiter == CSV_NO_DELIMITER && has_blanks(field) && contains(field, ","))
        return "if fields are separated by blanks here, add delimiter=space and, if the comma is "
               "decimal, decimal=,; if it has more fields than the first line, remove the lines "
               "above the names of the columns, or start them with #";
    if (r->delimiter == CSV_NO_DELIMITER && contains(field, ","))
        return "this line has more fields than the first one; remove the lines above the names of "
               "the columns, or start them with #";
    if (r->delimiter == CSV_NO_DELIMITER && has_blanks(field))
        return "if fields are separated by blanks here, add delimiter=space";
    if (guess == CELL_TEXT && sample_is_marked_number(field) && !is_bare(field))
        return "write the number alone, without a sign or unit; or leave the field empty for a "
               "missing observation";
    return "leave the field empty for a missing observation; if it is a unit or a remark, remove "
           "the line";
}

void reading_fault_cell(struct reading *r, struct csv_field field, enum cell cell, size_t row,
                        size_t line)
{
    bool range = cell == CELL_RANGE;
    field = csv_trim(field);
    const char *text = reading_quote(r, field);
    const char *hint =
        range ? luna_arena_printf(r->arena,
                                  "line %zu: %s is too large for a double; rescale the "
                                  "series, or leave the field empty",
                                  line, text)
              : luna_arena_printf(r->arena, "line %zu: \"%s\" is not a number; %s", line, text,
                                  hint_text(r, field));
    struct luna_fault *fault = luna_faults_add(
        r->faults, range ? "finite_number" : "float_parsing",
        range ? "Input should be a finite number"
              : "Input should be a valid number, unable to parse string as a number",
        hint);
    luna_fault_at_index(luna_fault_at(fault, r->columns[r->value].name), row);
}

/* Above it nothing is measured: 9.96921e36 of netCDF, 1e20, 3.4e38. */
static const double fill_least = 1e19;

static bool is_fill(double value)
{
    static const double fills[] = {
        99,       999,       9999,       99999,      999999,     9999999,
        99999999, 999999999, 99.9,       99.99,      999.9,      999.99,
        999.999,  9999.9,    9999.99,    9999.999,   99999.9,    99999.99,
        888,      8888,      888.8,      777,        7777,       32767,
        32768,    65535,     2147483647, 2147483648, 4294967295, 9223372036854775808.0};
    double size = fabs(value);
    size_t at = 0;
    if (size < fills[0])
        return false;
    while (at < sizeof fills / sizeof fills[0] && fills[at] != size)
        at++;
    return at < sizeof fills / sizeof fills[0] || (size >= fill_least && isfinite(size));
}

enum { FILLS_MAX = MARKERS_MAX }; /* the fault names as many as missing= takes */

/* The numbers of one series that may stand for missing ones, and how far all others reach. */
struct fills {
    double list[FILLS_MAX];
    size_t times[FILLS_MAX], count;
    double low, high; /* of the others */
    size_t others;
};

static void fills_reach(struct fills *fills, double value, size_t times)
{
    fills->low = value < fills->low ? value : fills->low;
    fills->high = value > fills->high ? value : fills->high;
    fills->others += times;
}

static void fills_add(struct fills *fills, double value)
{
    size_t at = 0;
    while (at < fills->count && fills->list[at] != value)
        at++;
    if (at == FILLS_MAX) {
        fills_reach(fills, value, 1);
        return;
    }
    fills->list[at] = value;
    fills->times[at]++;
    fills->count += at == fills->count;
}

/* -9999 among numbers that are never negative, or far below them; 9999 far above them. */
static bool is_far(const struct fills *fills, size_t at)
{
    enum { TIMES_ABOVE = 5 };
    double value = fills->list[at], range = fills->high - fills->low;
    double size = fmax(fabs(fills->low), fabs(fills->high));
    if (fabs(value) >= fill_least)
        return fabs(value) / 1e6 > size;
    if (value < 0)
        return fills->low >= 0 || (fills->low - value > range && fills->low - value > size / 2);
    return value - fills->high > range && value - fills->high > TIMES_ABOVE * size &&
           (value >= 999 || fills->times[at] > 1);
}

/* A number that is not far is one of the others, which may then reach to the next one. */
static void fills_keep_far(struct fills *fills)
{
    size_t at = 0;
    while (fills->others > 1 && at < fills->count) {
        if (is_far(fills, at)) {
            at++;
            continue;
        }
        fills_reach(fills, fills->list[at], fills->times[at]);
        fills->count--;
        memmove(&fills->list[at], &fills->list[at + 1],
                (fills->count - at) * sizeof fills->list[0]);
        memmove(&fills->times[at], &fills->times[at + 1],
                (fills->count - at) * sizeof fills->times[0]);
        at = 0;
    }
    if (fills->others < 2)
        fills->count = 0;
}

/* Of a series whose least or greatest number may be one; the others are not looked at. */
static void fills_find(const struct luna_table_series *series, struct fills *fills)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    *fills = (struct fills){.low = low, .high = high};
    for (size_t i = 0; i < series->n; i++) {
        low = series->values[i] < low ? series->values[i] : low;
        high = series->values[i] > high ? series->values[i] : high;
    }
    if (!is_fill(low) && !is_fill(high))
        return;
    for (size_t i = 0; i < series->n; i++) {
        double value = series->values[i];
        if (is_fill(value))
            fills_add(fills, value);
        else if (!isnan(value))
            fills_reach(fills, value, 1);
    }
    fills_keep_far(fills);
}

/* Without the "+" of 1e+20, which is a blank in a query. */
static const char *number_text(const struct reading *r, double value)
{
    char text[LUNA_NUMBER_TEXT_BYTES];
    size_t len = luna_number_print(value, 0, text), kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '+')
            text[kept++] = text[i];
    }
    const char *copy = luna_arena_strndup(r->arena, text, kept);
    return copy != NULL ? copy : "?";
}

/* "line 3, 7, 9 and 2 more": where the column holds the number. */
static const char *lines_of(struct reading *r, double value)
{
    enum { LISTED = 3 };
    struct csv_scan scan;
    struct csv_field fields[CSV_COLUMNS_MAX];
    struct csv_record record = {.fields = fields};
    const char *list = "line ";
    size_t found = 0;
    csv_scan_init(&scan, r->text.at, r->text.len);
    csv_scan_set_delimiter(&scan, r->delimiter);
    while (list != NULL && csv_scan_record(&scan, &record)) {
        double number = 0;
        struct csv_field field = csv_record_field(&record, (size_t)r->value);
        if (cell_read(field, r->style, &number) == CELL_NUMBER && number == value &&
            found++ < LISTED)
            list = luna_arena_printf(r->arena, found > 1 ? "%s, %zu" : "%s%zu", list, record.line);
    }
    if (list != NULL && found > LISTED)
        list = luna_arena_printf(r->arena, "%s and %zu more", list, found - LISTED);
    return list != NULL ? list : "line ?";
}

static void fault_fills(struct reading *r, const struct fills *fills)
{
    const char *list = "", *first = number_text(r, fills->list[0]);
    for (size_t i = 0; i < fills->count && list != NULL; i++)
        list = luna_arena_printf(r->arena, i > 0 ? "%s,%s" : "%s%s", list,
                                 number_text(r, fills->list[i]));
    reading_fault(
        r, r->value, "value_error",
        luna_arena_printf(r->arena, "Value error, %s may stand for a missing observation", first),
        luna_arena_printf(r->arena,
                          "%s: all other values are from %s to %s; add missing=%s if it stands for "
                          "a missing observation, or missing= (empty) if it is a value",
                          lines_of(r, fills->list[0]), number_text(r, fills->low),
                          number_text(r, fills->high), list != NULL ? list : first));
}

void reading_check_fills(struct reading *r, const struct luna_table *table)
{
    bool is_known = r->options->missing != NULL || r->options->is_records;
    for (size_t i = 0; i < table->series_count && !is_known; i++) {
        struct fills fills;
        fills_find(&table->series[i], &fills);
        if (fills.count > 0) {
            fault_fills(r, &fills);
            return;
        }
    }
}
