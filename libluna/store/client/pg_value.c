#include "client/pg_value.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* struct luna_pg_result is libpq's PGresult under an opaque name for the rest of the store. */
static const PGresult *raw(const struct luna_pg_result *result)
{
    return (const PGresult *)result;
}

void luna_pg_param_text(struct luna_pg_params *params, const char *text)
{
    assert(params->count < LUNA_PG_PARAMS_MAX);
    params->values[params->count++] = text;
}

void luna_pg_param_int(struct luna_pg_params *params, int64_t number)
{
    assert(params->count < LUNA_PG_PARAMS_MAX);
    char *text = params->numbers[params->count];
    snprintf(text, sizeof params->numbers[0], "%lld", (long long)number);
    luna_pg_param_text(params, text);
}

void luna_pg_array_begin(struct luna_buf *buf)
{
    luna_buf_clear(buf);
    luna_buf_putc(buf, '{');
}

void luna_pg_array_add(struct luna_buf *buf, int64_t number)
{
    luna_buf_printf(buf, buf->len > 1 ? ",%lld" : "%lld", (long long)number);
}

const char *luna_pg_array_end(struct luna_buf *buf)
{
    luna_buf_putc(buf, '}');
    luna_buf_putc(buf, '\0');
    return buf->overflow ? NULL : buf->data;
}

void luna_pg_result_free(struct luna_pg_result *result)
{
    PQclear((PGresult *)result);
}

int luna_pg_rows(const struct luna_pg_result *result)
{
    return PQntuples(raw(result));
}

bool luna_pg_is_null(const struct luna_pg_result *result, int row, int column)
{
    return PQgetisnull(raw(result), row, column) != 0;
}

const char *luna_pg_text(const struct luna_pg_result *result, int row, int column)
{
    return PQgetvalue(raw(result), row, column);
}

int64_t luna_pg_int(const struct luna_pg_result *result, int row, int column)
{
    return strtoll(PQgetvalue(raw(result), row, column), NULL, 10);
}

bool luna_pg_bool(const struct luna_pg_result *result, int row, int column)
{
    return PQgetvalue(raw(result), row, column)[0] == 't';
}
