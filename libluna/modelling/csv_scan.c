#include "csv_scan.h"

#include "luna/modelling/number.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* Longer fields are not numbers of a spreadsheet's notation. */
enum { LOOSE_NUMBER_BYTES_MAX = 64 };

static bool fail(struct csv_scan *scan, const char *at, const char *problem)
{
    assert(scan->problem == NULL && at >= scan->text && at <= scan->end);
    scan->at = at;
    scan->problem = problem;
    return false;
}

static bool at_line_end(const struct csv_scan *scan)
{
    return scan->at == scan->end || *scan->at == '\n' || *scan->at == '\r';
}

static void take_line_end(struct csv_scan *scan)
{
    if (scan->at == scan->end)
        return;
    char c = *scan->at++;
    if (c == '\r' && scan->at < scan->end && *scan->at == '\n')
        scan->at++;
    scan->line++;
}

void csv_scan_init(struct csv_scan *scan, const char *text, size_t len)
{
    static const char bom[] = "\xef\xbb\xbf";
    *scan = (struct csv_scan){.text = text, .at = text, .end = text + len, .line = 1};
    /* spreadsheets begin their exports with it */
    if (len >= 3 && memcmp(text, bom, 3) == 0)
        scan->at += 3;
    while (scan->at < scan->end && *scan->at == '#') {
        while (!at_line_end(scan))
            scan->at++;
        take_line_end(scan);
    }
}

static bool take_quoted(struct csv_scan *scan, struct csv_field *ret_field)
{
    assert(scan->at < scan->end && *scan->at == '"');
    const char *open = scan->at++;
    const char *first = scan->at;
    for (;; scan->at++) {
        if (scan->at == scan->end)
            return fail(scan, open, "the quote that opens here is not closed");
        if (*scan->at == '\n')
            scan->line++;
        if (*scan->at != '"')
            continue;
        if (scan->end - scan->at < 2 || scan->at[1] != '"')
            break;
        scan->at++;
    }
    assert(scan->at >= first && scan->at < scan->end);
    *ret_field = (struct csv_field){first, (size_t)(scan->at - first)};
    scan->at++;
    if (!at_line_end(scan) && *scan->at != ',')
        return fail(scan, scan->at,
                    "expected \",\" or the end of the line after the closing quote");
    return true;
}

static bool take_field(struct csv_scan *scan, struct csv_field *ret_field)
{
    if (scan->at < scan->end && *scan->at == '"')
        return take_quoted(scan, ret_field);
    const char *first = scan->at;
    for (; !at_line_end(scan) && *scan->at != ','; scan->at++) {
        if (*scan->at == '"')
            return fail(scan, scan->at,
                        "a quote inside a field that is not quoted; quote the whole field, and "
                        "double the quote");
    }
    *ret_field = (struct csv_field){first, (size_t)(scan->at - first)};
    return true;
}

bool csv_scan_record(struct csv_scan *scan, struct csv_record *ret_record)
{
    struct csv_record *record = ret_record;
    if (scan->at == scan->end || scan->problem != NULL)
        return false;
    record->count = 0;
    record->line = scan->line;
    record->at = scan->at;
    record->is_blank = at_line_end(scan);
    for (;;) {
        if (record->count == CSV_COLUMNS_MAX)
            return fail(scan, scan->at, "more than 256 columns");
        if (!take_field(scan, &record->fields[record->count]))
            return false;
        record->count++;
        if (at_line_end(scan))
            break;
        assert(*scan->at == ',');
        scan->at++;
    }
    take_line_end(scan);
    return true;
}

static struct csv_field trim(struct csv_field field)
{
    while (field.len > 0 && (field.at[0] == ' ' || field.at[0] == '\t')) {
        field.at++;
        field.len--;
    }
    while (field.len > 0 && (field.at[field.len - 1] == ' ' || field.at[field.len - 1] == '\t'))
        field.len--;
    return field;
}

bool csv_field_is(struct csv_field field, const char *word)
{
    field = trim(field);
    return field.len == strlen(word) && strncasecmp(field.at, word, field.len) == 0;
}

static bool parse_whole(const char *text, size_t len, double *ret_value,
                        enum luna_number_status *ret_status)
{
    size_t used = 0;
    *ret_status = luna_number_parse(text, len, ret_value, &used);
    return *ret_status != LUNA_NUMBER_SYNTAX && used == len;
}

/* "+1", ".5", "5." and "-.5e3" rewritten as JSON has them: one byte longer at most, for a number
 * has one point. */
static bool parse_loose(struct csv_field field, double *ret_value,
                        enum luna_number_status *ret_status)
{
    char text[LOOSE_NUMBER_BYTES_MAX + 1];
    size_t len = 0;
    bool pointed = false;
    if (field.len > LOOSE_NUMBER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < field.len; i++) {
        char c = field.at[i];
        bool digit_before = i > 0 && field.at[i - 1] >= '0' && field.at[i - 1] <= '9';
        bool digit_after = i + 1 < field.len && field.at[i + 1] >= '0' && field.at[i + 1] <= '9';
        if (c == '+' && i == 0)
            continue;
        if (c == '.' && (pointed || (!digit_before && !digit_after)))
            return false;
        pointed = pointed || c == '.';
        if (c == '.' && !digit_before)
            text[len++] = '0';
        if (c != '.' || digit_after)
            text[len++] = c;
    }
    assert(len <= sizeof text);
    return parse_whole(text, len, ret_value, ret_status);
}

static bool is_infinite(struct csv_field field)
{
    static const char *const words[] = {"inf",      "-inf",      "+inf",
                                        "infinity", "-infinity", "+infinity"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (csv_field_is(field, words[i]))
            return true;
    }
    return false;
}

enum csv_cell csv_read_cell(struct csv_field field, double *ret_value)
{
    field = trim(field);
    double value = 0;
    enum luna_number_status status = LUNA_NUMBER_SYNTAX;
    if (parse_whole(field.at, field.len, &value, &status) || parse_loose(field, &value, &status)) {
        if (status == LUNA_NUMBER_RANGE)
            return CSV_RANGE;
        *ret_value = value;
        return CSV_NUMBER;
    }
    if (field.len == 0 || csv_field_is(field, "NA") || csv_field_is(field, "NaN") ||
        csv_field_is(field, "null")) {
        *ret_value = NAN;
        return CSV_MISSING;
    }
    return is_infinite(field) ? CSV_RANGE : CSV_TEXT;
}
