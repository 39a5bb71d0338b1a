#include "terminal/output.h"

#include "luna/base/buf.h"
#include "luna/base/escape.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RECORD_BYTES_MAX = 1024 * 1024, LIST_COLUMNS_MAX = 24 };

struct output_list {
    bool json;
    size_t record_count;
    size_t column_count;
    char *names[LIST_COLUMNS_MAX];
    size_t widths[LIST_COLUMNS_MAX];
    bool numeric[LIST_COLUMNS_MAX];
    /* record_count * column_count; text output only, JSON is printed record by record */
    char **texts;
    enum colour *colours;
    size_t texts_cap;
};

static void time_text(int64_t ms, char *out, size_t out_size)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, out_size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, out_size - len, ".%03dZ", (int)(ms % 1000));
}

/* Room for the text of a cell that is not a text. */
enum { SHOWN_BYTES = 40 };

static const char *shown_text(const struct cell *cell, char scratch[SHOWN_BYTES])
{
    switch (cell->type) {
    case CELL_TEXT:
    case CELL_JSON:
        return cell->text ? cell->text : "-";
    case CELL_INTEGER:
        snprintf(scratch, SHOWN_BYTES, "%" PRId64, cell->number);
        return scratch;
    case CELL_BOOL:
        return cell->number ? "yes" : "no";
    case CELL_TIME:
        if (cell->number == 0)
            return "-";
        time_text(cell->number, scratch, SHOWN_BYTES);
        return scratch;
    }
    return "-";
}

static void put_json_value(struct luna_buf *out, const struct cell *cell)
{
    char scratch[SHOWN_BYTES];
    switch (cell->type) {
    case CELL_INTEGER:
        luna_buf_printf(out, "%" PRId64, cell->number);
        return;
    case CELL_BOOL:
        luna_buf_puts(out, cell->number ? "true" : "false");
        return;
    case CELL_JSON:
        luna_buf_puts(out, cell->text);
        return;
    case CELL_TEXT:
    case CELL_TIME:
        break;
    }
    bool absent = cell->type == CELL_TEXT ? !cell->text : cell->number == 0;
    const char *text = absent ? NULL : shown_text(cell, scratch);
    if (text)
        luna_buf_put_json_string(out, text, strlen(text));
    else
        luna_buf_puts(out, "null");
}

static void print_json_object(const struct cell *cells, size_t count, const char *prefix)
{
    struct luna_buf out;
    luna_buf_init(&out, RECORD_BYTES_MAX);
    luna_buf_puts(&out, prefix);
    for (size_t i = 0; i < count; i++) {
        luna_buf_puts(&out, i == 0 ? "{" : ", ");
        luna_buf_put_json_string(&out, cells[i].name, strlen(cells[i].name));
        luna_buf_puts(&out, ": ");
        put_json_value(&out, &cells[i]);
    }
    luna_buf_puts(&out, "}");
    fwrite(out.data, 1, out.len, stdout);
    luna_buf_done(&out);
}

void output_clean(FILE *out, const char *text)
{
    while (*text != '\0') {
        size_t control = luna_escape_control_length(text, strlen(text));
        fputc(control != 0 ? '?' : *text, out);
        text += control != 0 ? control : 1;
    }
}

static void print_coloured(const char *text, enum colour colour)
{
    enum colour shown = colour_wanted() ? colour : COLOUR_NONE;
    fputs(colour_start(shown), stdout);
    output_clean(stdout, text);
    fputs(colour_end(shown), stdout);
}

void output_record(bool json, const struct cell *cells, size_t count)
{
    if (json) {
        print_json_object(cells, count, "");
        putchar('\n');
        return;
    }
    int width = 0;
    for (size_t i = 0; i < count; i++) {
        int len = (int)strlen(cells[i].name);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < count; i++) {
        char scratch[SHOWN_BYTES];
        print_coloured(cells[i].name, COLOUR_BOLD);
        printf("%*s  ", width - (int)strlen(cells[i].name), "");
        print_coloured(shown_text(&cells[i], scratch), cells[i].colour);
        putchar('\n');
    }
}

static void *must_have(void *memory)
{
    if (!memory) {
        fputs("luna: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

struct output_list *output_list_new(bool json)
{
    struct output_list *list = must_have(calloc(1, sizeof *list));
    list->json = json;
    return list;
}

static void take_columns(struct output_list *list, const struct cell *cells, size_t count)
{
    list->column_count = count < LIST_COLUMNS_MAX ? count : LIST_COLUMNS_MAX;
    for (size_t i = 0; i < list->column_count; i++) {
        list->names[i] = must_have(strdup(cells[i].name));
        list->widths[i] = strlen(cells[i].name);
        list->numeric[i] = cells[i].type == CELL_INTEGER;
    }
}

void output_list_add(struct output_list *list, const struct cell *cells, size_t count)
{
    if (list->json) {
        print_json_object(cells, count, list->record_count == 0 ? "[\n  " : ",\n  ");
        list->record_count++;
        return;
    }
    if (list->record_count == 0)
        take_columns(list, cells, count);
    size_t used = list->record_count * list->column_count;
    if (used + list->column_count > list->texts_cap) {
        list->texts_cap = (list->texts_cap + list->column_count) * 2;
        list->texts = must_have(reallocarray(list->texts, list->texts_cap, sizeof *list->texts));
        list->colours =
            must_have(reallocarray(list->colours, list->texts_cap, sizeof *list->colours));
    }
    for (size_t i = 0; i < list->column_count; i++) {
        char scratch[SHOWN_BYTES];
        char *text = must_have(strdup(shown_text(&cells[i], scratch)));
        list->texts[used + i] = text;
        list->colours[used + i] = cells[i].colour;
        if (strlen(text) > list->widths[i])
            list->widths[i] = strlen(text);
    }
    list->record_count++;
}

/* `colours` NULL: a heading. */
static void print_aligned(const struct output_list *list, const char *const texts[],
                          const enum colour colours[])
{
    for (size_t i = 0; i < list->column_count; i++) {
        int pad = (int)(list->widths[i] - strlen(texts[i]));
        if (list->numeric[i])
            printf("%*s", pad, "");
        print_coloured(texts[i], colours ? colours[i] : COLOUR_BOLD);
        if (i + 1 < list->column_count)
            printf("%*s  ", list->numeric[i] ? 0 : pad, "");
    }
    putchar('\n');
}

static void list_free(struct output_list *list)
{
    for (size_t i = 0; list->texts && i < list->record_count * list->column_count; i++)
        free(list->texts[i]);
    for (size_t i = 0; i < list->column_count; i++)
        free(list->names[i]);
    free(list->texts);
    free(list->colours);
    free(list);
}

void output_list_print(struct output_list *list, const char *empty)
{
    if (list->record_count == 0 && !empty) {
        /* what was to be listed could not be read */
    } else if (list->json) {
        puts(list->record_count == 0 ? "[]" : "\n]");
    } else if (list->record_count == 0) {
        puts(empty);
    } else {
        print_aligned(list, (const char *const *)list->names, NULL);
        for (size_t r = 0; r < list->record_count; r++)
            print_aligned(list, (const char *const *)&list->texts[r * list->column_count],
                          &list->colours[r * list->column_count]);
    }
    list_free(list);
}
