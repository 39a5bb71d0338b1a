/*
 * pg_value.h: what goes into a statement and what comes out of it. Private to the store.
 */
#ifndef LUNA_STORE_PG_VALUE_H
#define LUNA_STORE_PG_VALUE_H

#include "luna/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { LUNA_PG_PARAMS_MAX = 16 };

/* A statement's parameters, as text. Texts are borrowed; numbers are held here. */
struct luna_pg_params {
    const char *values[LUNA_PG_PARAMS_MAX];
    char numbers[LUNA_PG_PARAMS_MAX][24];
    int count;
};
void luna_pg_param_text(struct luna_pg_params *params, const char *text); /* NULL: SQL NULL */
void luna_pg_param_int(struct luna_pg_params *params, int64_t number);

/* An array literal of numbers, "{1,2,3}", written into `buf`. */
void luna_pg_array_begin(struct luna_buf *buf);
void luna_pg_array_add(struct luna_buf *buf, int64_t number);
const char *luna_pg_array_end(struct luna_buf *buf); /* NULL when it did not fit */

struct luna_pg_result; /* libpq's */
void luna_pg_result_free(struct luna_pg_result *result);
int luna_pg_rows(const struct luna_pg_result *result);
bool luna_pg_is_null(const struct luna_pg_result *result, int row, int column);
/* "" for NULL */
const char *luna_pg_text(const struct luna_pg_result *result, int row, int column);
int64_t luna_pg_int(const struct luna_pg_result *result, int row, int column); /* 0 for NULL */
bool luna_pg_bool(const struct luna_pg_result *result, int row, int column);

#endif
