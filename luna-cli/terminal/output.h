/*
 * output.h: records of named cells, printed as aligned text or as JSON.
 *
 * JSON is one object for a single record, an array of objects for a list. Times are RFC 3339 in UTC
 * in both formats.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "terminal/colour.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cell_type { CELL_TEXT, CELL_INTEGER, CELL_BOOL, CELL_TIME, CELL_JSON };

struct cell {
    const char *name;
    enum cell_type type;
    const char *text; /* CELL_TEXT: NULL prints "-" or null. CELL_JSON: complete JSON */
    /* CELL_INTEGER, CELL_BOOL; CELL_TIME: milliseconds since 1970 UTC, 0: never, printed as a NULL
     * text is */
    int64_t number;
    enum colour colour; /* of the value, on a terminal */
};

#define CELL_T(name_, text_) ((struct cell){.name = (name_), .type = CELL_TEXT, .text = (text_)})
#define CELL_I(name_, number_)                                                                     \
    ((struct cell){.name = (name_), .type = CELL_INTEGER, .number = (number_)})
#define CELL_B(name_, number_)                                                                     \
    ((struct cell){.name = (name_), .type = CELL_BOOL, .number = (number_)})
#define CELL_MS(name_, number_)                                                                    \
    ((struct cell){.name = (name_), .type = CELL_TIME, .number = (number_)})
/* A word that says whether all is well. */
#define CELL_STATE(name_, text_, well_)                                                            \
    ((struct cell){.name = (name_),                                                                \
                   .type = CELL_TEXT,                                                              \
                   .text = (text_),                                                                \
                   .colour = (well_) ? COLOUR_GOOD : COLOUR_BAD})
/* For arrays and objects; only in records that are printed as JSON. */
#define CELL_J(name_, text_) ((struct cell){.name = (name_), .type = CELL_JSON, .text = (text_)})

/* Text of unknown origin with `?` for each control character, which must not reach a terminal. */
void output_clean(FILE *out, const char *text);
/* Prints one record: "name  value" lines, or an object. */
void output_record(bool json, const struct cell *cells, size_t count);

/* A list: every record has the same cells. */
struct output_list;

struct output_list *output_list_new(bool json);
/* Copies the cells. */
void output_list_add(struct output_list *list, const struct cell *cells, size_t count);
/* Prints the list, or `empty` in place of an empty table in text output, and frees the list.
 * `empty` NULL: an empty list prints nothing, in JSON either. */
void output_list_print(struct output_list *list, const char *empty);

#define OUTPUT_COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif
