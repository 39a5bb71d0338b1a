#include "series/convert.h"

#include "series/reading.h"
#include "terminal/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CELLS_MAX = 20, NAME_BYTES_MAX = 32 };

struct job {
    const char *path;
    struct luna_buf body;
    struct luna_arena arena;
    struct luna_faults faults;
    struct reading reading;
};

struct record {
    struct cell cells[CELLS_MAX];
    size_t count;
};

static void put(struct record *record, struct cell cell)
{
    if (record->count < CELLS_MAX)
        record->cells[record->count++] = cell;
}

static void put_column(struct record *record, const char *name, const struct luna_table *table,
                       int column)
{
    if (column != LUNA_TABLE_NONE)
        put(record, CELL_T(name, table->columns[column].name));
}

static void put_line(struct record *record, const char *name, size_t line)
{
    if (line != 0)
        put(record, CELL_I(name, (int64_t)line));
}

/* "date (times), y (numbers)"; NULL: no memory. */
static const char *columns_text(const struct luna_table *table, struct luna_arena *arena)
{
    struct luna_buf text;
    luna_buf_init(&text, SOURCE_BYTES_MAX);
    for (size_t i = 0; i < table->column_count; i++)
        luna_buf_printf(&text, "%s%s (%s)", i > 0 ? ", " : "", table->columns[i].name,
                        luna_table_kind_name(table->columns[i].kind));
    const char *copy = text.overflow ? NULL : luna_arena_strndup(arena, text.data, text.len);
    luna_buf_done(&text);
    return copy;
}

static void put_form(struct record *record, const struct luna_table *table,
                     struct luna_arena *arena)
{
    put(record, CELL_T("header", table->has_header ? "present" : "absent"));
    if (table->delimiter != 0)
        put(record, CELL_T("delimiter", table->delimiter == '\t'
                                            ? "tab"
                                            : luna_arena_strndup(arena, &table->delimiter, 1)));
    put(record, CELL_T("decimal", luna_arena_strndup(arena, &table->decimal, 1)));
    put(record, CELL_T("encoding", table->encoding));
    put_line(record, "first_line", table->first_line);
    put_line(record, "last_line", table->last_line);
    put_line(record, "units_line", table->units_line);
    put_line(record, "totals_line", table->totals_line);
}

static void put_table(struct record *record, const struct luna_table *table,
                      struct luna_arena *arena)
{
    put_column(record, "column", table, table->value);
    put_column(record, "time_column", table, table->time);
    put_column(record, "id_column", table, table->id);
    put(record, CELL_I("rows", (int64_t)table->rows));
    put(record, CELL_I("missing", (int64_t)table->missing));
    put(record, CELL_I("series", (int64_t)table->series_count));
    if (table->first_time != NULL && table->last_time != NULL) {
        put(record, CELL_T("first", table->first_time));
        put(record, CELL_T("last", table->last_time));
    }
    put(record, CELL_T("columns", columns_text(table, arena)));
    put_form(record, table, arena);
}

static void put_series(struct record *record, const struct luna_request *request)
{
    size_t missing = 0;
    for (size_t i = 0; i < request->n; i++)
        missing += isnan(request->values[i]) != 0;
    put(record, CELL_I("rows", (int64_t)request->n));
    put(record, CELL_I("missing", (int64_t)missing));
}

/* As one series; a table of several is read again as a batch. What is wrong is said of the first
 * reading, which names the options that help. */
static enum luna_decode_status decode(struct job *job, enum source_format format)
{
    struct reading several = {.options = job->reading.options};
    struct luna_faults faults;
    enum luna_decode_status status =
        reading_decode(&job->reading, format, &job->body, false, &job->arena, &job->faults);
    if (status != LUNA_DECODE_FAULTS || !job->reading.is_table)
        return status;
    luna_faults_init(&faults, &job->arena);
    if (reading_decode(&several, format, &job->body, true, &job->arena, &faults) != LUNA_DECODE_OK)
        return status;
    job->reading = several;
    return LUNA_DECODE_OK;
}

static enum cli_exit show(struct job *job, bool json)
{
    struct record record = {.count = 0};
    enum source_format format = source_format_guess(job->path, job->body.data, job->body.len);
    enum luna_decode_status status = decode(job, format);
    if (status == LUNA_DECODE_FAULTS || status == LUNA_DECODE_LONG)
        return source_print_faults(&job->faults, job->path, CLI_FAILED);
    if (status == LUNA_DECODE_MEMORY)
        return source_failed(job->path, "out of memory");
    put(&record, CELL_T("format", source_format_name(format)));
    if (job->reading.is_table)
        put_table(&record, &job->reading.table, &job->arena);
    else
        put_series(&record, &job->reading.request);
    output_record(json, record.cells, record.count);
    return CLI_OK;
}

/* An option of the command line has dashes where the query has underscores. */
static enum cli_exit read_options(const struct invocation *invocation, struct job *job)
{
    for (size_t i = 0; luna_table_option_names[i] != NULL; i++) {
        char name[NAME_BYTES_MAX];
        snprintf(name, sizeof name, "%s", luna_table_option_names[i]);
        for (char *dash = name; (dash = strchr(dash, '_')) != NULL;)
            *dash = '-';
        const char *value = invocation_option(invocation, name);
        if (value != NULL)
            luna_table_option_set(luna_table_option_names[i], value, &job->reading.options,
                                  &job->faults);
    }
    return job->faults.count == 0
               ? CLI_OK
               : source_print_faults(&job->faults, "the command line", CLI_USAGE);
}

enum cli_exit cmd_convert(const struct invocation *invocation)
{
    struct job job = {.path = invocation->operands[0]};
    luna_buf_init(&job.body, SOURCE_BYTES_MAX);
    luna_arena_init(&job.arena, 65536, SIZE_MAX / 2);
    luna_faults_init(&job.faults, &job.arena);
    enum cli_exit status = read_options(invocation, &job);
    if (status == CLI_OK)
        status = source_read(job.path, &job.body);
    if (status == CLI_OK)
        status = show(&job, invocation->json);
    luna_buf_done(&job.body);
    luna_arena_done(&job.arena);
    return status;
}
