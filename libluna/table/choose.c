/* Which columns hold the values, the times and the ids; faults that name a column or a line. */
#include "reading.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 12 };

struct csv_field reading_unquote(const struct reading *r, struct csv_field field)
{
    if (field.len == 0 || memchr(field.at, '"', field.len) == NULL)
        return field;
    char *text = luna_arena_alloc(r->arena, field.len);
    size_t len = 0;
    for (size_t i = 0; text != NULL && i < field.len; i++) {
        text[len++] = field.at[i];
        i += field.at[i] == '"'; /* and its double */
    }
    return (struct csv_field){text, len};
}

const char *reading_quote(const struct reading *r, struct csv_field field)
{
    struct csv_field text = reading_unquote(r, field);
    return text.at != NULL ? luna_faults_quote(r->faults, text.at, text.len) : "?";
}

void reading_fault(struct reading *reading, int column, const char *type, const char *msg,
                   const char *hint)
{
    struct luna_fault *fault = luna_faults_add(reading->faults, type, msg, hint);
    if (column != LUNA_TABLE_NONE)
        luna_fault_at(fault, reading->columns[column].name);
}

void reading_fault_syntax(struct reading *r, const char *at, size_t line, const char *problem)
{
    const char *hint = luna_arena_printf(r->arena, "line %zu: %s", line, problem);
    luna_fault_at_index(luna_faults_add(r->faults, "csv_invalid", "CSV decode error", hint),
                        text_offset(&r->text, at));
}

void reading_fault_width(struct reading *r, const struct csv_record *record)
{
    const struct csv_field *first = &record->fields[0];
    const char *hint =
        r->delimiter == ',' && first->len > 0 && memchr(first->at, ';', first->len) != NULL
            ? "; fields are separated by ';' here; add delimiter=; and, for numbers such as 1,5, "
              "decimal=,"
        : record->count == 1
            ? "; if it is a remark, remove the line; if it is a title, start the line with #"
        : r->delimiter == ','
            ? "; quote a field that contains a comma, or add delimiter=; and decimal=,"
            : "";
    const char *problem = luna_arena_printf(r->arena, "%zu field(s) where the first line has %zu%s",
                                            record->count, r->sample.columns, hint);
    reading_fault_syntax(r, record->at, record->line,
                         problem != NULL ? problem : "a wrong number of fields");
}

const char *luna_table_kind_name(enum luna_table_kind kind)
{
    static const char *const names[] = {[LUNA_TABLE_EMPTY] = "empty",
                                        [LUNA_TABLE_NUMBERS] = "numbers",
                                        [LUNA_TABLE_TIMES] = "times",
                                        [LUNA_TABLE_ROW_NUMBERS] = "row numbers",
                                        [LUNA_TABLE_TEXT] = "text"};
    assert((size_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}

/* 1 "date" (times), 2 "nile" (numbers) … */
static const char *list_columns(const struct reading *r)
{
    const char *list = "";
    size_t count = r->sample.columns;
    for (size_t i = 0; i < count && i < LISTED_MAX && list != NULL; i++) {
        const struct luna_table_column *column = &r->columns[i];
        const char *before = i > 0 ? ", " : "";
        const char *kind = luna_table_kind_name(column->kind);
        list = r->has_header
                   ? luna_arena_printf(r->arena, "%s%s%zu \"%s\" (%s)", list, before, i + 1,
                                       column->name, kind)
                   : luna_arena_printf(r->arena, "%s%s%zu (%s)", list, before, i + 1, kind);
    }
    if (list != NULL && count > LISTED_MAX)
        list = luna_arena_printf(r->arena, "%s … %zu columns", list, count);
    return list != NULL ? list : "";
}

static bool number_is(const char *text, size_t number)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 6 && text[digits] == '\0' && strtoul(text, NULL, 10) == number;
}

/* As in the header; empty without one. */
static struct csv_field name_of(const struct reading *r, size_t column)
{
    return r->has_header ? reading_unquote(r, csv_trim(sample_field(&r->sample, 0, column)))
                         : (struct csv_field){.at = "", .len = 0};
}

static bool name_is(const struct reading *r, size_t column, const char *name, bool exactly)
{
    struct csv_field field = name_of(r, column);
    if (field.len == 0) /* numbers are not names: another column may be called "2" */
        return r->sample.columns == 1 && strcmp(r->columns[column].name, name) == 0;
    if (exactly)
        return field.len == strlen(name) && memcmp(field.at, name, field.len) == 0;
    return cell_is(field, name);
}

/* How many columns have this name; *ret_column is the first. */
static size_t find_name(const struct reading *r, const char *name, bool exactly, int *ret_column)
{
    size_t found = 0;
    for (size_t i = r->sample.columns; i > 0; i--) {
        if (!name_is(r, i - 1, name, exactly))
            continue;
        *ret_column = (int)i - 1;
        found++;
    }
    return found;
}

static void fault_option(struct reading *r, const char *option, const char *value, bool twice)
{
    const char *quoted = luna_faults_quote(r->faults, value, strlen(value));
    const char *msg = luna_arena_printf(r->arena,
                                        twice ? "Value error, the table has several columns \"%s\""
                                              : "Value error, the table has no column \"%s\"",
                                        quoted);
    const char *hint = luna_arena_printf(
        r->arena, "%s its columns are: %s",
        twice ? "use its number;" : "use a name, or a number from 1;", list_columns(r));
    struct luna_fault *fault = luna_faults_add(r->faults, "value_error", msg, hint);
    if (fault != NULL)
        fault->loc[0].name = "query";
    luna_fault_at(fault, option);
}

/* The column that an option names: by name, then by name in any case, then by number. */
static bool find_option(struct reading *r, const char *option, const char *value, int *ret_column)
{
    *ret_column = LUNA_TABLE_NONE;
    if (value == NULL || *value == '\0')
        return true;
    size_t found = find_name(r, value, true, ret_column);
    if (found == 0)
        found = find_name(r, value, false, ret_column);
    for (size_t i = 0; i < r->sample.columns && found == 0; i++) {
        if (number_is(value, i + 1)) {
            *ret_column = (int)i;
            found = 1;
        }
    }
    if (found != 1)
        fault_option(r, option, value, found > 1);
    return found == 1;
}

static bool has_one_of(const struct reading *r, size_t column, const char *const *names)
{
    struct csv_field name = name_of(r, column);
    return name.len > 0 && cell_is_one_of(name, names);
}

static void find_id(struct reading *r)
{
    static const char *const names[] = {"unique_id", "series_id", "item_id", NULL};
    for (size_t i = 0; i < r->sample.columns && r->options->id_column == NULL; i++) {
        if (r->id == LUNA_TABLE_NONE && reading_is_free(r, (int)i) && has_one_of(r, i, names))
            r->id = (int)i;
    }
}

static bool is_named_as_time(const struct reading *r, size_t column)
{
    static const char *const names[] = {"ds",       "ts",   "time",      "date",
                                        "datetime", "year", "timestamp", NULL};
    return has_one_of(r, column, names);
}

/* Times that look like times, else numbers or text under a name for times: text that is no time
 * is a fault, since nothing shows its order. */
static void find_time(struct reading *r)
{
    if (r->options->time_column != NULL)
        return;
    for (size_t i = 0; i < r->sample.columns && r->time == LUNA_TABLE_NONE; i++) {
        if (r->columns[i].kind == LUNA_TABLE_TIMES && reading_is_free(r, (int)i))
            r->time = (int)i;
    }
    for (size_t i = 0; i < r->sample.columns && r->time == LUNA_TABLE_NONE; i++) {
        enum luna_table_kind kind = r->columns[i].kind;
        if ((kind == LUNA_TABLE_NUMBERS || kind == LUNA_TABLE_TEXT) && reading_is_free(r, (int)i) &&
            is_named_as_time(r, i))
            r->time = (int)i;
    }
}

/* Columns of numbers that nobody has given another use. */
static size_t count_candidates(const struct reading *r, int *ret_last)
{
    size_t count = 0;
    for (size_t i = 0; i < r->sample.columns; i++) {
        if (r->columns[i].kind == LUNA_TABLE_NUMBERS && reading_is_free(r, (int)i)) {
            *ret_last = (int)i;
            count++;
        }
    }
    return count;
}

static bool is_free_and_empty(const struct reading *r, size_t column)
{
    return r->columns[column].kind == LUNA_TABLE_EMPTY && reading_is_free(r, (int)column);
}

/* Columns that are empty in the sample may hold numbers below it. */
static void look_below_sample(struct reading *r)
{
    struct csv_field fields[CSV_COLUMNS_MAX];
    struct csv_record record = {.fields = fields};
    struct csv_scan scan = r->scan;
    size_t left = 0;
    for (size_t i = 0; i < r->sample.columns; i++)
        left += is_free_and_empty(r, i);
    while (left > 0 && csv_scan_record(&scan, &record)) {
        for (size_t i = 0; i < r->sample.columns && i < record.count; i++) {
            if (fields[i].len == 0 || !is_free_and_empty(r, i) ||
                cell_guess(fields[i]) != CELL_NUMBER)
                continue;
            r->columns[i].kind = LUNA_TABLE_NUMBERS;
            left--;
        }
    }
}

static void fault_several(struct reading *r, int last)
{
    const char *name = r->columns[last].name;
    const char *number = luna_arena_printf(r->arena, "%d", last + 1);
    int named = LUNA_TABLE_NONE;
    bool one_row = r->sample.rows == 1 && !r->has_header;
    const char *msg = luna_arena_printf(
        r->arena, "Value error, the table has several columns of numbers: %s", list_columns(r));
    const char *hint =
        one_row ? "write one observation on each line; or, if one of these is the observation, add "
                  "its number: column=1"
                : luna_arena_printf(r->arena, "add the column of the observations: column=%s%s",
                                    find_name(r, name, false, &named) == 1 ? name : number,
                                    r->delimiter == ',' && !r->has_header
                                        ? "; if the comma is decimal, add delimiter=; and decimal=,"
                                        : "");
    (void)luna_faults_add(r->faults, "value_error", msg, hint);
}

static const char *hint_no_numbers(struct reading *r)
{
    if (r->has_header && r->sample.rows > 1)
        return luna_arena_printf(r->arena,
                                 "its columns are: %s; add the column of the observations: "
                                 "column=NAME, and the words in it that stand for a missing one: "
                                 "missing=WORD",
                                 list_columns(r));
    return "put the names of the columns on the first line and one observation on each further one";
}

static bool is_named_as_id(const struct reading *r, size_t column)
{
    static const char *const names[] = {
        "id",      "station", "store",   "shop",   "sensor",   "device",   "site",     "location",
        "item",    "product", "sku",     "series", "symbol",   "ticker",   "customer", "region",
        "county",  "country", "city",    "metric", "variable", "branch",   "host",     "hostname",
        "machine", "meter",   "account", "brand",  "geo",      "instance", "asset",    NULL};
    struct csv_field name = name_of(r, column);
    return has_one_of(r, column, names) ||
           (name.len > 3 && cell_is((struct csv_field){name.at + name.len - 3, 3}, "_id"));
}

/* The last column whose numbers have signs or units; how many there are. */
static size_t count_marked(const struct reading *r, int *ret_last)
{
    size_t count = 0, first = reading_first_row(r);
    for (size_t i = 0; i < r->sample.columns; i++) {
        if (r->columns[i].kind == LUNA_TABLE_TEXT && reading_is_free(r, (int)i) &&
            !is_named_as_id(r, i) && sample_is_marked(&r->sample, first, i)) {
            *ret_last = (int)i;
            count++;
        }
    }
    return count;
}

/* Of names such as 2019-01, 2019-02: the series stands in a row. */
static bool are_names_times(const struct reading *r)
{
    size_t count = 0;
    for (size_t i = 0; r->has_header && i < r->sample.columns; i++)
        count += sample_guess(&r->sample, 0, i) == CELL_TIME;
    return count > 1;
}

static void fault_only_times(struct reading *r, int only, const char *other)
{
    (void)luna_faults_add(
        r->faults, "value_error",
        luna_arena_printf(r->arena,
                          "Value error, the only column of numbers, \"%s\", may hold times",
                          r->columns[only].name),
        luna_arena_printf(r->arena,
                          "its columns are: %s; add the column of the observations, without signs "
                          "and units: column=%s",
                          list_columns(r), other));
}

static void fault_marked(struct reading *r, int only, int marked)
{
    (void)luna_faults_add(
        r->faults, "value_error",
        luna_arena_printf(r->arena,
                          "Value error, beside the numbers of \"%s\", column \"%s\" holds numbers "
                          "with signs or units",
                          r->columns[only].name, r->columns[marked].name),
        luna_arena_printf(r->arena,
                          "add the column of the observations: column=%s, or column=%s and its "
                          "numbers without signs and units",
                          r->columns[only].name, r->columns[marked].name));
}

/* The only column of numbers is not the series if its name is one for times, or if another one may
 * be it, but for signs and units. */
static bool check_only(struct reading *r, int only)
{
    int marked = LUNA_TABLE_NONE;
    if (r->sample.columns == 1)
        return true;
    if (are_names_times(r)) {
        (void)luna_faults_add(
            r->faults, "value_error",
            "Value error, the names of the columns are times: the series stands in a row",
            luna_arena_printf(r->arena,
                              "write one observation on each line; or, if one of these is the "
                              "observation, add its number: column=%d",
                              only + 1));
        return false;
    }
    size_t count = count_marked(r, &marked);
    if (is_named_as_time(r, (size_t)only))
        fault_only_times(r, only, count == 1 ? r->columns[marked].name : "NAME");
    else if (count > 0)
        fault_marked(r, only, marked);
    else
        return true;
    return false;
}

/* A column named value or y, else the only one of numbers. */
static bool find_value(struct reading *r)
{
    int named = LUNA_TABLE_NONE, last = LUNA_TABLE_NONE;
    size_t count = find_name(r, "value", false, &named) + find_name(r, "y", false, &last);
    named = named == LUNA_TABLE_NONE ? last : named;
    if (count == 1 && reading_is_free(r, named)) {
        r->value = named;
        return true;
    }
    look_below_sample(r);
    count = count_candidates(r, &last);
    if (count == 1 || r->sample.columns == 1) {
        r->value = count == 1 ? last : 0;
        return check_only(r, r->value);
    }
    if (count == 0 && count_marked(r, &last) == 1) {
        r->value = last; /* its cells are faults, which say how to write numbers */
        return true;
    }
    if (count > 1) {
        fault_several(r, last);
        return false;
    }
    (void)luna_faults_add(r->faults, "value_error",
                          "Value error, the table has no column of numbers", hint_no_numbers(r));
    return false;
}

/* Columns that may hold ids: one with a name for ids, or text that stays the same from row to row.
 * Times in order show that the latter is one series. */
static void find_watched(struct reading *r)
{
    size_t first = reading_first_row(r);
    if (r->options->id_column != NULL || r->id != LUNA_TABLE_NONE)
        return;
    for (size_t i = 0; i < r->sample.columns && r->watched == LUNA_TABLE_NONE; i++) {
        if (reading_is_free(r, (int)i) && is_named_as_id(r, i))
            r->watched = (int)i;
    }
    r->is_watched_by_name = r->watched != LUNA_TABLE_NONE;
    if (r->time != LUNA_TABLE_NONE)
        return;
    for (size_t i = 0; i < r->sample.columns && r->watched == LUNA_TABLE_NONE; i++) {
        if (r->columns[i].kind != LUNA_TABLE_TEXT || !reading_is_free(r, (int)i) ||
            r->sample.rows < first + 2)
            continue;
        if (csv_same(sample_field(&r->sample, first, i), sample_field(&r->sample, first + 1, i)))
            r->watched = (int)i;
    }
}

bool reading_choose(struct reading *r)
{
    const struct luna_table_options *options = r->options;
    bool known = find_option(r, "column", options->column, &r->value);
    known = find_option(r, "time_column", options->time_column, &r->time) && known;
    known = find_option(r, "id_column", options->id_column, &r->id) && known;
    if (!known)
        return false;
    find_id(r);
    if (r->batch && r->id == LUNA_TABLE_NONE) {
        (void)luna_faults_add(r->faults, "value_error",
                              "Value error, a batch of CSV needs a column of ids",
                              luna_arena_printf(r->arena, "add id_column=NAME; its columns are: %s",
                                                list_columns(r)));
        return false;
    }
    if (r->value == LUNA_TABLE_NONE && !find_value(r))
        return false;
    find_time(r);
    find_watched(r);
    return true;
}
