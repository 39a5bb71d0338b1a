#include "sample.h"

#include <assert.h>
#include <string.h>

enum { LINES_LOOKED_AT = 20 };

/* How often each candidate stands in a line, outside quotes. */
static const char candidates[] = "\t;|,";
enum { CANDIDATES = sizeof candidates - 1 };

struct line_counts {
    size_t of[CANDIDATES];
    bool starts_quoted, is_indented;
};

static const char *line_count(const char *at, const char *end, struct line_counts *counts)
{
    enum { QUOTE = CANDIDATES + 1, LINE_END };
    static const unsigned char meanings[256] = {
        ['\t'] = 1,    [';'] = 2,         ['|'] = 3,        [','] = 4,
        ['"'] = QUOTE, ['\n'] = LINE_END, ['\r'] = LINE_END};
    bool quoted = false;
    *counts = (struct line_counts){.starts_quoted = at < end && *at == '"',
                                   .is_indented = at < end && *at == '\t'};
    for (; at < end; at++) {
        unsigned meaning = meanings[(unsigned char)*at];
        if (meaning == 0)
            continue;
        if (meaning == QUOTE)
            quoted = !quoted;
        else if (meaning == LINE_END && !quoted)
            return at + 1;
        else if (!quoted)
            counts->of[meaning - 1]++;
    }
    return end;
}

/* The first lines that count, at most `max`; returns how many. */
static size_t lines_count(const struct csv_scan *scan, struct line_counts *lines, size_t max)
{
    size_t count = 0;
    for (const char *at = scan->at; at < scan->end && count < max;) {
        bool blank = *at == '\n' || *at == '\r';
        at = line_count(at, scan->end, &lines[count]);
        count += !blank;
    }
    return count;
}

/* In all lines but the first; a tab that indents a line is no delimiter there. */
static bool stands_below(const struct line_counts *lines, size_t count, size_t candidate)
{
    bool stands = count > 1;
    for (size_t i = 1; i < count; i++)
        stands = stands && lines[i].of[candidate] > (candidate == 0 && lines[i].is_indented);
    return stands;
}

static bool has_candidate(const struct line_counts *line)
{
    return line->of[0] + line->of[1] + line->of[2] + line->of[3] > 0;
}

char sample_delimiter(const struct csv_scan *scan)
{
    struct line_counts lines[LINES_LOOKED_AT];
    char declared = csv_scan_declared(scan->text, (size_t)(scan->end - scan->text));
    if (declared != 0)
        return declared;
    lines[0] = (struct line_counts){.starts_quoted = false};
    size_t count = lines_count(scan, lines, 2);
    for (size_t c = 0; c < CANDIDATES; c++) {
        if (lines[0].of[c] > 0 && (count < 2 || lines[1].of[c] > 0))
            return candidates[c];
    }
    if (count == 2 && has_candidate(&lines[1]))
        count = lines_count(scan, lines, LINES_LOOKED_AT);
    /* A comma that the line of names lacks may be decimal, except behind quotes. */
    for (size_t c = 0; c < CANDIDATES; c++) {
        if (stands_below(lines, count, c) && (candidates[c] != ',' || lines[1].starts_quoted))
            return candidates[c];
    }
    return lines[0].of[CANDIDATES - 1] > 0 ? ',' : CSV_NO_DELIMITER;
}

enum cell sample_guess(const struct sample *sample, size_t row, size_t column)
{
    unsigned char *guess = &sample->guesses[row * sample->columns + column];
    if (*guess == 0) {
        struct csv_field field = sample_field(sample, row, column);
        bool is_marker = sample->markers != NULL && markers_have(sample->markers, field);
        *guess = (unsigned char)(1 + (is_marker ? CELL_MISSING : cell_guess(field)));
    }
    return (enum cell)(*guess - 1);
}

/* All rows below have one field more, and it is no part of a number with a decimal comma. */
static bool lacks_name(const struct sample *sample, char delimiter)
{
    size_t filled = 0;
    for (size_t row = 1; row < sample->rows; row++) {
        const struct csv_record *record = &sample->records[row];
        bool is_quoted = record->fields[0].at != record->at;
        if (record->count != sample->columns + 1 || (row == 1 && delimiter == ',' && !is_quoted))
            return false;
        filled += record->fields[sample->columns].len > 0;
    }
    return filled > 0;
}

bool sample_read(struct csv_scan *scan, struct luna_arena *arena, struct sample *ret_sample)
{
    enum { FIELDS_AT_ONCE = 2 * CSV_COLUMNS_MAX };
    struct sample sample = {.records =
                                luna_arena_alloc(arena, SAMPLE_ROWS * sizeof *sample.records)};
    struct csv_field *room = NULL;
    size_t left = 0;
    for (; sample.records != NULL && sample.rows < SAMPLE_ROWS; sample.rows++) {
        struct csv_record *record = &sample.records[sample.rows];
        if (left < CSV_COLUMNS_MAX) {
            left = FIELDS_AT_ONCE;
            room = luna_arena_alloc(arena, left * sizeof *room);
        }
        record->fields = room;
        if (room == NULL || !csv_scan_record(scan, record))
            break;
        room += record->count;
        left -= record->count;
    }
    if (sample.rows > 0) {
        sample.records[0].blanks = 0; /* above the first row they mean nothing */
        sample.columns = sample.records[0].count;
        sample.lacks_name = lacks_name(&sample, scan->delimiter);
        sample.columns += sample.lacks_name;
    }
    sample.kinds = luna_arena_calloc(arena, (sample.rows + 1) * sample.columns + 1, 1);
    if (sample.records == NULL || room == NULL || sample.kinds == NULL)
        return false;
    sample.guesses = sample.kinds + sample.columns;
    *ret_sample = sample;
    return true;
}

/* 0, 1, 2 … or 1, 2, 3 … in the rows from `first` on. */
static bool counts_rows(const struct sample *sample, size_t first, size_t column)
{
    static const struct number_style plain = {'.', false};
    double start = 0, value = 0;
    for (size_t row = first; row < sample->rows; row++) {
        struct csv_field field = sample_field(sample, row, column);
        if (!cell_read_whole(field, &value) && cell_read(field, plain, &value) != CELL_NUMBER)
            return false;
        start = row == first ? value : start;
        if (value != start + (double)(row - first) || (start != 0 && start != 1))
            return false;
    }
    return first < sample->rows;
}

static bool is_name_of_rows(struct csv_field name)
{
    static const char *const names[] = {"", "Unnamed: 0", "index", "rownames", NULL};
    return cell_is_one_of(name, names);
}

/* Of a column that starts with text: what most of its cells are. */
static enum luna_table_kind kind_of_most(const struct sample *sample, size_t first, size_t column)
{
    size_t numbers = 0, times = 0, texts = 0;
    for (size_t row = first; row < sample->rows; row++) {
        enum cell cell = sample_guess(sample, row, column);
        numbers += cell == CELL_NUMBER || cell == CELL_RANGE;
        times += cell == CELL_TIME;
        texts += cell == CELL_TEXT;
    }
    return numbers > texts ? LUNA_TABLE_NUMBERS
           : times > texts ? LUNA_TABLE_TIMES
                           : LUNA_TABLE_TEXT;
}

/* A bad cell becomes a fault, and does not turn the choice to another column. */
static enum luna_table_kind kind_of(const struct sample *sample, size_t first, size_t column)
{
    for (size_t row = first; row < sample->rows; row++) {
        switch (sample_guess(sample, row, column)) {
        case CELL_MISSING:
            break;
        case CELL_NUMBER:
        case CELL_RANGE:
            return LUNA_TABLE_NUMBERS;
        case CELL_TIME:
            return LUNA_TABLE_TIMES;
        case CELL_TEXT:
            return kind_of_most(sample, row, column);
        }
    }
    return LUNA_TABLE_EMPTY;
}

/* kind_of() below the first row. */
static enum luna_table_kind kind_below(const struct sample *sample, size_t column)
{
    unsigned char *kind = &sample->kinds[column];
    if (*kind == 0)
        *kind = (unsigned char)(1 + kind_of(sample, 1, column));
    return (enum luna_table_kind)(*kind - 1);
}

enum luna_table_kind sample_kind(const struct sample *sample, size_t first, size_t column)
{
    enum luna_table_kind kind =
        first == 1 ? kind_below(sample, column) : kind_of(sample, first, column);
    bool may_number_rows = kind == LUNA_TABLE_NUMBERS && sample->columns > 1 && column == 0 &&
                           first > 0 && is_name_of_rows(sample_field(sample, 0, column));
    return may_number_rows && counts_rows(sample, first, column) ? LUNA_TABLE_ROW_NUMBERS : kind;
}

/* The text of the first row, again further down: it is a value, not a name. */
static bool recurs(const struct sample *sample, size_t column)
{
    struct csv_field first = sample_field(sample, 0, column);
    for (size_t row = 1; row < sample->rows; row++) {
        struct csv_field field = sample_field(sample, row, column);
        if (csv_same(field, first))
            return true;
    }
    return false;
}

/* "0" above other numbers: pandas writes a series without a name so, but it may be the first
 * observation too. */
static bool may_be_nameless(const struct sample *sample)
{
    return sample->columns == 1 && sample->rows > 1 && cell_is(sample_field(sample, 0, 0), "0") &&
           !recurs(sample, 0);
}

/* Bytes of a sign that may stand before a number: a mark of the byte order, a currency, a blank of
 * any width, punctuation; 0: none. */
static size_t sign_len(const char *at, size_t len)
{
    unsigned char first = (unsigned char)*at;
    bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    if (first < 0x80)
        return letter || csv_is_digit(*at) ? 0 : 1;
    if (first == 0xc2 && len >= 2)
        return 2;
    bool is_three = first == 0xe2 || (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0);
    return is_three && len >= 3 ? 3 : 0;
}

/* Where the signs before a number end; the field's length: nothing else is in it. */
static size_t skip_signs(struct csv_field field)
{
    size_t skipped = 0, at = 0;
    do {
        skipped = at < field.len ? sign_len(field.at + at, field.len - at) : 0;
        at += skipped;
    } while (skipped > 0);
    return at;
}

/* "<5", "1120 m3", "$7": an observation with something at it, or a name such as "10Y". What starts
 * with # here is an error of a spreadsheet. */
static bool is_almost_number(struct csv_field field)
{
    field = csv_trim(field);
    if (field.len > 0 && field.at[0] == '#')
        return true;
    size_t at = skip_signs(field);
    return at < field.len && csv_is_digit(field.at[at]);
}

/* A number with a sign before it or a short unit behind it: "$12", "21.5 °C", "0x1F", "(12)". What
 * has more digits further on is a date or a label. */
bool sample_is_marked_number(struct csv_field field)
{
    enum { UNIT_BYTES_MAX = 8 };
    static const char marks[] = "0123456789.,' ";
    field = csv_trim(field);
    size_t at = skip_signs(field);
    if (at == field.len || !csv_is_digit(field.at[at]))
        return false;
    bool is_hexadecimal = field.len > at + 2 && memcmp(field.at + at, "0x", 2) == 0;
    while (at < field.len && strchr(marks, field.at[at]) != NULL) {
        if (field.at[at] == ' ' && field.at[at - 1] == ',') /* an interval */
            return false;
        at++;
    }
    for (size_t unit = at; unit < field.len && !is_hexadecimal; unit++) {
        if (csv_is_digit(field.at[unit]))
            return false;
    }
    return is_hexadecimal || field.len - at <= UNIT_BYTES_MAX;
}

bool sample_is_marked(const struct sample *sample, size_t first, size_t column)
{
    size_t marked = 0;
    for (size_t row = first; row < sample->rows; row++) {
        enum cell cell = sample_guess(sample, row, column);
        bool is_text = cell == CELL_TEXT;
        if (cell == CELL_TIME ||
            (is_text && !sample_is_marked_number(sample_field(sample, row, column))))
            return false;
        marked += is_text;
    }
    return marked > 0;
}

/* What the cells of the first row tell, each against its column below. */
struct first_row {
    bool has_names;   /* text above numbers or times, or a time above numbers */
    bool has_index;   /* nothing above times or row numbers, as pandas writes them */
    bool has_numbers; /* a number above numbers */
    bool has_times;   /* a time above times, which no name is */
    bool has_almost;  /* text that is a number but for a sign or a unit, above numbers */
    bool has_text;
};

static struct first_row first_row_read(const struct sample *sample)
{
    struct first_row row = {.has_text = false};
    for (size_t c = 0; c < sample->columns; c++) {
        enum cell cell = sample_guess(sample, 0, c);
        enum luna_table_kind below = kind_below(sample, c);
        bool values = below == LUNA_TABLE_NUMBERS || below == LUNA_TABLE_TIMES;
        bool almost = cell == CELL_TEXT && below == LUNA_TABLE_NUMBERS &&
                      is_almost_number(sample_field(sample, 0, c));
        row.has_almost = row.has_almost || almost;
        row.has_times = row.has_times || (cell == CELL_TIME && below == LUNA_TABLE_TIMES);
        row.has_names = row.has_names || (cell == CELL_TEXT && values && !almost) ||
                        (cell == CELL_TIME && below == LUNA_TABLE_NUMBERS);
        bool may_be_index = sample_field(sample, 0, c).len == 0 && sample->columns > 1 && c == 0;
        if (may_be_index && values && counts_rows(sample, 1, c))
            sample->kinds[c] = 1 + (unsigned char)LUNA_TABLE_ROW_NUMBERS;
        row.has_index =
            row.has_index || (may_be_index && (below == LUNA_TABLE_TIMES ||
                                               kind_below(sample, c) == LUNA_TABLE_ROW_NUMBERS));
        row.has_numbers = row.has_numbers || (cell == CELL_NUMBER && below == LUNA_TABLE_NUMBERS);
        row.has_text = row.has_text || cell == CELL_TEXT;
    }
    return row;
}

/* All text of the first row stands further down too. */
static bool text_recurs(const struct sample *sample)
{
    for (size_t c = 0; c < sample->columns; c++) {
        if (sample_guess(sample, 0, c) == CELL_TEXT && !recurs(sample, c))
            return false;
    }
    return true;
}

/* Nothing above text in every other row: names, or data whose first label is missing. */
static bool lacks_label(const struct sample *sample)
{
    for (size_t row = 1; row < sample->rows; row++) {
        if (sample_guess(sample, row, 0) != CELL_TEXT)
            return false;
    }
    return sample->columns > 1 && sample->rows > 1 && sample_field(sample, 0, 0).len == 0;
}

enum luna_table_header sample_header(const struct sample *sample)
{
    struct first_row row = first_row_read(sample);
    if (row.has_times && !sample->lacks_name)
        return LUNA_TABLE_HEADER_ABSENT;
    if (row.has_names || row.has_index || sample->lacks_name)
        return LUNA_TABLE_HEADER_PRESENT;
    if (row.has_almost)
        return text_recurs(sample) ? LUNA_TABLE_HEADER_ABSENT : LUNA_TABLE_HEADER_FIND;
    if (!row.has_text)
        return may_be_nameless(sample) || lacks_label(sample) ? LUNA_TABLE_HEADER_FIND
                                                              : LUNA_TABLE_HEADER_ABSENT;
    if (!row.has_numbers)
        return LUNA_TABLE_HEADER_PRESENT;
    return text_recurs(sample) ? LUNA_TABLE_HEADER_ABSENT : LUNA_TABLE_HEADER_FIND;
}

static size_t digits_at_end(struct csv_field field)
{
    size_t at = field.len;
    while (at > 0 && csv_is_digit(field.at[at - 1]))
        at--;
    return field.len - at;
}

/* "date 1", "date -1": digits behind a blank, not in quotes, and not the year of "Jan 2020". */
static bool may_be_two_fields(const struct sample *sample, const struct text *text, size_t row)
{
    struct csv_field field = sample_field(sample, row, 0), before = field;
    size_t digits = digits_at_end(field);
    if (digits == 0 || memchr(field.at, ' ', field.len) == NULL ||
        (field.at > text->at && field.at[-1] == '"'))
        return false;
    before.len -= digits;
    before.len -= before.len > 0 && before.at[before.len - 1] == '-';
    return before.len > 0 && before.at[before.len - 1] == ' ' &&
           (sample_guess(sample, row, 0) != CELL_TIME || cell_guess(csv_trim(before)) == CELL_TIME);
}

bool sample_is_blank_delimited(const struct sample *sample, const struct text *text)
{
    for (size_t row = 0; row < sample->rows && sample->columns == 2; row++) {
        struct csv_field after = sample_field(sample, row, 1);
        if (after.len == 0 || digits_at_end(after) < after.len ||
            !may_be_two_fields(sample, text, row))
            return false;
    }
    return sample->columns == 2 && sample->rows > 1;
}

/* "| --- | ---: |", below the names of Markdown. */
static bool is_line_of_markdown(const struct sample *sample, size_t row)
{
    size_t dashes = 0;
    for (size_t c = 0; c < sample->columns; c++) {
        struct csv_field field = csv_trim(sample_field(sample, row, c));
        for (size_t i = 0; i < field.len; i++) {
            if (field.at[i] != '-' && field.at[i] != ':')
                return false;
            dashes += field.at[i] == '-';
        }
    }
    return dashes >= 3;
}

bool sample_has_units(const struct sample *sample, char delimiter)
{
    bool has_text = false, has_values = false;
    if (delimiter == '|' && sample->rows > 2 && is_line_of_markdown(sample, 1))
        return true;
    if (sample->columns < 2 || sample->rows < 4)
        return false;
    for (size_t c = 0; c < sample->columns; c++) {
        enum cell cell = sample_guess(sample, 1, c);
        if (cell != CELL_TEXT && cell != CELL_MISSING)
            return false;
    }
    for (size_t c = 0; c < sample->columns; c++) {
        enum cell cell = sample_guess(sample, 1, c);
        enum luna_table_kind below = kind_of(sample, 2, c);
        if (below == LUNA_TABLE_TEXT)
            return false;
        has_text = has_text || (cell == CELL_TEXT && below != LUNA_TABLE_EMPTY);
        has_values = has_values || below == LUNA_TABLE_NUMBERS;
    }
    return has_text && has_values;
}
