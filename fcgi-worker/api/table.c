#include "api/table.h"

#include "api/series.h"
#include "luna/modelling/ndjson_table.h"

#include <string.h>
#include <strings.h>

enum { HEADER_BYTES_MAX = 500, ORIGIN_BYTES_MAX = 4096 };

/* The parameter `name` of a media type, up to the next ";" or blank; NULL without it. */
static const char *media_parameter(const char *type, const char *name, struct luna_arena *arena)
{
    size_t name_len = strlen(name);
    while ((type = strchr(type, ';')) != NULL) {
        type += 1 + strspn(type + 1, " \t");
        if (strncasecmp(type, name, name_len) != 0 || type[name_len] != '=')
            continue;
        const char *value = type + name_len + 1;
        value += *value == '"';
        return luna_arena_strndup(arena, value, strcspn(value, "\"; \t"));
    }
    return NULL;
}

static void options_read(const struct exchange *exchange, const struct query *query,
                         struct luna_table_options *ret_options, struct luna_faults *faults)
{
    const char *type = exchange->request.content_type;
    const char *header = media_parameter(type, "header", faults->arena);
    const char *asked = query_get(query, "header");
    *ret_options = (struct luna_table_options){.column = NULL};
    if (http_media_named(type, "text/tab-separated-values"))
        ret_options->delimiter = '\t';
    if (header != NULL && asked != NULL && strcmp(header, asked) != 0)
        (void)luna_faults_add(faults, "value_error",
                              "Value error, Content-Type and the query disagree about header",
                              "send header=present or header=absent in one of them");
    else if (header != NULL)
        luna_table_option_set("header", header, ret_options, faults);
    for (size_t i = 0; luna_table_option_names[i] != NULL; i++) {
        const char *value = query_get(query, luna_table_option_names[i]);
        if (value != NULL)
            luna_table_option_set(luna_table_option_names[i], value, ret_options, faults);
    }
}

enum luna_decode_status table_read(struct exchange *exchange, const struct query *query,
                                   enum format format, bool batch, struct luna_table *ret_table)
{
    const struct luna_request_limits limits = series_limits(exchange);
    struct luna_arena *arena = &exchange->pipeline->arena;
    struct luna_table_options options;
    const char *text = exchange->request.body;
    size_t len = exchange->request.body_len;
    options_read(exchange, query, &options, &exchange->faults);
    if (exchange->faults.count > 0)
        return LUNA_DECODE_FAULTS;
    enum luna_decode_status status = LUNA_DECODE_OK;
    options.is_records = format == FORMAT_NDJSON;
    if (options.is_records)
        status = luna_ndjson_to_csv(text, len, limits.nesting_max, arena, &text, &len,
                                    &exchange->faults);
    return status == LUNA_DECODE_OK ? luna_table_read(text, len, &options, batch, &limits, arena,
                                                      ret_table, &exchange->faults)
                                    : status;
}

/* Most answers have it; http_header_add() takes 1,800 instructions. */
static void put_rows(size_t rows, size_t series, struct luna_buf *headers)
{
    luna_buf_puts(headers, "Luna-Input: rows=");
    luna_buf_put_int(headers, (int64_t)rows);
    if (series > 0) {
        luna_buf_puts(headers, ", series=");
        luna_buf_put_int(headers, (int64_t)series);
    }
    luna_buf_puts(headers, "\r\n");
}

void table_header_add(const struct luna_table *table, size_t rows, size_t series,
                      struct http_response *response)
{
    struct luna_buf text;
    if (table == NULL) {
        put_rows(rows, series, &response->headers);
        return;
    }
    luna_buf_init(&text, HEADER_BYTES_MAX);
    luna_table_put_field(table, &text);
    /* Long names of columns have no room in a header. */
    if (text.overflow)
        put_rows(table->rows, 0, &response->headers);
    else
        http_header_add(response, "Luna-Input", "%.*s", (int)text.len, text.data);
    luna_buf_done(&text);
}

bool table_origin_set(const struct luna_table *table, struct luna_arena *arena,
                      struct luna_request *request)
{
    struct luna_buf text;
    if ((request->include & LUNA_INCLUDE_INPUT) == 0)
        return true;
    luna_buf_init(&text, ORIGIN_BYTES_MAX);
    luna_table_put_json(table, &text);
    request->origin = text.overflow ? NULL : luna_arena_strndup(arena, text.data, text.len);
    luna_buf_done(&text);
    return request->origin != NULL;
}
