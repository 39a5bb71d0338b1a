#include "csv_scan.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

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
    /* "\r\r\n" is one end: Python writes it on Windows when a file is opened without newline="". */
    scan->line++;
    if (c == '\n')
        return;
    if (scan->end - scan->at >= 2 && memcmp(scan->at, "\r\n", 2) == 0)
        scan->at += 2;
    else if (scan->at < scan->end && *scan->at == '\n')
        scan->at++;
}

static void skip_line(struct csv_scan *scan)
{
    while (!at_line_end(scan))
        scan->at++;
    take_line_end(scan);
}

char csv_scan_declared(const char *text, size_t len)
{
    static const char word[] = "sep=";
    bool declares = len >= 5 && strncasecmp(text, word, 4) == 0 && (text[4] & 0x80) == 0 &&
                    strchr("\r\n\"", text[4]) == NULL &&
                    (len == 5 || text[5] == '\r' || text[5] == '\n');
    return declares ? text[4] : 0;
}

/* "#N/A", "#DIV/0!" and the like: an observation, not a remark. */
static bool is_spreadsheet_error(const char *at, const char *end)
{
    const char *first = ++at;
    while (at < end && ((*at >= 'A' && *at <= 'Z') || *at == '/' || *at == '0'))
        at++;
    size_t len = (size_t)(at - first);
    bool marked = len > 0 && at < end && (*at == '!' || *at == '?');
    at += marked;
    return (at == end || strchr("\r\n,;\t|", *at) != NULL) &&
           (marked || (len == 3 && memcmp(first, "N/A", 3) == 0) ||
            (len == 2 && memcmp(first, "NV", 2) == 0));
}

void csv_scan_init(struct csv_scan *scan, const char *text, size_t len)
{
    const char *last = len > 0 ? memrchr(text, '\n', len) : NULL;
    *scan = (struct csv_scan){.text = text,
                              .at = text,
                              .end = text + len,
                              .plain_end = last != NULL ? last + 1 : text,
                              .line = 1,
                              .delimiter = CSV_NO_DELIMITER};
    scan->ends_field['\n'] = scan->ends_field['\r'] = scan->ends_field['"'] = true;
    if (csv_scan_declared(text, len) != 0)
        skip_line(scan);
    while (scan->at < scan->end && *scan->at == '#' && !is_spreadsheet_error(scan->at, scan->end))
        skip_line(scan);
}

void csv_scan_set_delimiter(struct csv_scan *scan, char delimiter)
{
    assert(delimiter != 0 && scan->delimiter == CSV_NO_DELIMITER);
    scan->delimiter = delimiter;
    scan->ends_field[(unsigned char)delimiter] = true;
    if (delimiter == ' ') {
        scan->ends_field['\t'] = true;
        scan->plain_end = scan->text;
    }
}

static void take_blanks(struct csv_scan *scan)
{
    while (scan->at < scan->end && csv_is_blank(*scan->at))
        scan->at++;
}

static bool at_delimiter(const struct csv_scan *scan)
{
    return *scan->at == scan->delimiter || (scan->delimiter == ' ' && *scan->at == '\t');
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
    if (!at_line_end(scan) && !at_delimiter(scan))
        return fail(scan, scan->at,
                    "expected a delimiter or the end of the line after the closing quote");
    return true;
}

static bool take_field(struct csv_scan *scan, struct csv_field *ret_field)
{
    const char *first = scan->at, *at = first, *end = scan->end;
    if (at < end && *at == '"')
        return take_quoted(scan, ret_field);
    while (at < end && !scan->ends_field[(unsigned char)*at])
        at++;
    scan->at = at;
    if (at < end && *at == '"')
        return fail(scan, at,
                    "a quote inside a field that is not quoted; quote the whole field, and "
                    "double the quote");
    ret_field->at = first;
    ret_field->len = (size_t)(at - first);
    return true;
}

/* The next byte that ends a field; there is one. Four to a round save a quarter of the time. */
static inline const char *find_end(const struct csv_scan *scan, const char *at)
{
    const bool *ends = scan->ends_field;
    for (;; at += 4) {
        if (ends[(unsigned char)at[0]])
            return at;
        if (ends[(unsigned char)at[1]])
            return at + 1;
        if (ends[(unsigned char)at[2]])
            return at + 2;
        if (ends[(unsigned char)at[3]])
            return at + 3;
    }
}

/* A field in quotes with neither quotes nor "\n" inside; returns what follows it, which the
 * caller judges. Any other is left as it is. */
static const char *take_plain_quoted(const struct csv_scan *scan, struct csv_field *field)
{
    const char *first = field->at + 1, *at = find_end(scan, first);
    while (*at != '"' && *at != '\n')
        at = find_end(scan, at + 1);
    if (*at == '\n')
        return field->at;
    *field = (struct csv_field){first, (size_t)(at - first)};
    return at + 1;
}

/* The usual record, above the last "\n", which saves a look at the end of the text for every byte.
 * False: only the fields before an unusual one are taken. */
static bool take_plain_record(struct csv_scan *scan, struct csv_record *record)
{
    const char *at = scan->at, *first;
    struct csv_field *field = record->fields;
    assert(at < scan->plain_end && scan->plain_end[-1] == '\n');
    for (;; at++, field++) {
        first = at;
        at = find_end(scan, first);
        *field = (struct csv_field){first, (size_t)(at - first)};
        if (*at == '"' && at == first)
            at = take_plain_quoted(scan, field);
        if (*at == '\n' || *at != scan->delimiter || field == &record->fields[CSV_COLUMNS_MAX - 1])
            break;
    }
    if (*at != '\n' && (*at != '\r' || at[1] != '\n')) {
        scan->at = first;
        record->count = (size_t)(field - record->fields);
        return false;
    }
    record->count = (size_t)(field - record->fields) + 1;
    scan->line++;
    scan->at = at + (*at == '\n' ? 1 : 2);
    return true;
}

/* How many there were; a line of blanks is empty only if they are the delimiter. */
static inline size_t skip_empty_lines(struct csv_scan *scan)
{
    /* The usual line starts with none of them, nor with a blank. */
    const char *start = scan->at;
    if (start != scan->end && *start > ' ')
        return 0;
    for (size_t count = 0;; count++) {
        const char *first = scan->at;
        if (scan->delimiter == ' ')
            take_blanks(scan);
        if (scan->at == scan->end)
            return count;
        if (!at_line_end(scan)) {
            scan->at = first;
            return count;
        }
        take_line_end(scan);
    }
}

bool csv_scan_record(struct csv_scan *scan, struct csv_record *ret_record)
{
    struct csv_record *record = ret_record;
    if (scan->problem != NULL)
        return false;
    record->blanks = skip_empty_lines(scan);
    if (scan->at == scan->end)
        return false;
    record->line = scan->line;
    record->at = scan->at;
    size_t count = 0;
    if (scan->at < scan->plain_end) {
        if (take_plain_record(scan, record))
            return true;
        count = record->count;
    }
    if (scan->delimiter == ' ')
        take_blanks(scan); /* before the first field */
    for (bool more = true; more;) {
        if (count == CSV_COLUMNS_MAX)
            return fail(scan, scan->at, "more than 256 columns");
        if (!take_field(scan, &record->fields[count]))
            return false;
        count++;
        more = !at_line_end(scan);
        if (more && scan->delimiter != ' ') {
            scan->at++;
        } else if (more) {
            take_blanks(scan);
            more = !at_line_end(scan);
        }
    }
    record->count = count;
    take_line_end(scan);
    return true;
}
