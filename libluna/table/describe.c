/* What was read, in words for programs. */
#include "luna/table/table.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* One description, as JSON or as a dictionary of structured fields. */
struct description {
    struct luna_buf *out;
    bool is_json;
    bool has_members;
};

static void put_name(struct description *d, const char *name)
{
    const char *separator = d->is_json ? "," : ", ";
    luna_buf_puts(d->out, d->has_members ? separator : "");
    luna_buf_printf(d->out, d->is_json ? "\"%s\":" : "%s=", name);
    d->has_members = true;
}

/* A string of ASCII, or a display string (RFC 9651 §4.1.11). */
static void put_field_string(struct luna_buf *out, const char *text)
{
    bool plain = true;
    for (const char *c = text; *c != '\0'; c++)
        plain = plain && *c >= ' ' && *c <= '~';
    luna_buf_puts(out, plain ? "\"" : "%\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (plain && (*c == '"' || *c == '\\'))
            luna_buf_putc(out, '\\');
        if (!plain && (*c < ' ' || *c > '~' || *c == '"' || *c == '%'))
            luna_buf_printf(out, "%%%02x", (unsigned)(unsigned char)*c);
        else
            luna_buf_putc(out, *c);
    }
    luna_buf_putc(out, '"');
}

static void put_text(struct description *d, const char *name, const char *text)
{
    put_name(d, name);
    if (d->is_json)
        luna_buf_put_json_string(d->out, text, strlen(text));
    else
        put_field_string(d->out, text);
}

static void put_count(struct description *d, const char *name, size_t count)
{
    put_name(d, name);
    luna_buf_printf(d->out, "%zu", count);
}

static void put_column(struct description *d, const char *name, const struct luna_table *table,
                       int column)
{
    if (column != LUNA_TABLE_NONE)
        put_text(d, name, table->columns[column].name);
}

static void put_form(struct description *d, const struct luna_table *table)
{
    const char delimiter[] = {table->delimiter, '\0'};
    const char decimal[] = {table->decimal, '\0'};
    put_text(d, "header", table->has_header ? "present" : "absent");
    if (table->delimiter != 0)
        put_text(d, "delimiter", table->delimiter == '\t' ? "tab" : delimiter);
    put_text(d, "decimal", decimal);
    if (strcmp(table->encoding, "utf-8") != 0)
        put_text(d, "encoding", table->encoding);
    if (table->units_line != 0)
        put_count(d, "units_line", table->units_line);
    if (table->totals_line != 0)
        put_count(d, "totals_line", table->totals_line);
}

static void put_all(struct description *d, const struct luna_table *table)
{
    put_column(d, "column", table, table->value);
    put_column(d, "time_column", table, table->time);
    put_column(d, "id_column", table, table->id);
    put_count(d, "rows", table->rows);
    put_count(d, "missing", table->missing);
    if (table->id != LUNA_TABLE_NONE)
        put_count(d, "series", table->series_count);
    if (table->first_time != NULL && table->last_time != NULL) {
        put_text(d, "first", table->first_time);
        put_text(d, "last", table->last_time);
    }
    put_count(d, "first_line", table->first_line);
    put_count(d, "last_line", table->last_line);
    put_form(d, table);
}

void luna_table_put_json(const struct luna_table *table, struct luna_buf *out)
{
    struct description d = {.out = out, .is_json = true};
    luna_buf_putc(out, '{');
    put_all(&d, table);
    luna_buf_putc(out, '}');
}

void luna_table_put_field(const struct luna_table *table, struct luna_buf *out)
{
    struct description d = {.out = out};
    put_all(&d, table);
}
