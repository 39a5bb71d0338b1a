#include "formats/json_shape.h"

#include <string.h>

#define AS_CSV                                                                                     \
    "send df.to_csv(index=False) with Content-Type: text/csv and, if it has several columns of "   \
    "numbers, ?column=NAME; or {\"results\": df[\"NAME\"].tolist()}"

static const char of_frame[] = "this is a table as pandas' to_json writes it; " AS_CSV;
static const char of_series[] =
    "this is a series as pandas' to_json writes it; send {\"results\": series.tolist()}, with null "
    "for a missing observation";
static const char of_nixtla[] =
    "this is Nixtla's payload; send {\"results\": [1120, 1160]} for one series, or {\"y\": [...], "
    "\"sizes\": [...]} to /kalman/batch; h is horizon, level [95] is intervals [0.95]";

struct shape {
    const struct json_span *names, *values;
    size_t count;
};

/* The value of a member, at == NULL without it. */
static struct json_span member(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->names[i].len == strlen(name) &&
            memcmp(shape->names[i].at, name, shape->names[i].len) == 0)
            return shape->values[i];
    }
    return (struct json_span){NULL, 0};
}

static bool has(const struct shape *shape, const char *name, char first)
{
    struct json_span value = member(shape, name);
    return value.at != NULL && (first == 0 || value.at[0] == first);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The first character inside a list; 0 when it is empty. */
static char first_inside(struct json_span list)
{
    size_t at = 1;
    while (at < list.len && is_blank(list.at[at]))
        at++;
    return at < list.len && list.at[at] != ']' ? list.at[at] : '\0';
}

static bool all_start_with(const struct shape *shape, const char *starts)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->values[i].at == NULL || strchr(starts, shape->values[i].at[0]) == NULL)
            return false;
    }
    return shape->count > 0;
}

/* Names such as "0", "1871" and "2020-01-31": an index. */
static bool names_are_index(const struct shape *shape)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->names[i].len == 0 || shape->names[i].at[0] < '0' || shape->names[i].at[0] > '9')
            return false;
    }
    return shape->count > 0;
}

static const char *of_pandas(const struct shape *shape)
{
    if (has(shape, "schema", '{') && has(shape, "data", '['))
        return of_frame;
    if (has(shape, "columns", '[') && has(shape, "data", '['))
        return of_frame;
    if (has(shape, "index", '[') && has(shape, "data", '['))
        return of_series;
    if (all_start_with(shape, "{"))
        return of_frame;
    return names_are_index(shape) && all_start_with(shape, "-0123456789n") ? of_series : NULL;
}

/* A list of numbers under another name. */
static const char *of_other_name(const struct shape *shape)
{
    static const struct {
        const char *name, *hint;
    } names[] = {
        {"data", "name the list \"results\", not \"data\": {\"results\": [1120, 1160]}"},
        {"values", "name the list \"results\", not \"values\": {\"results\": [1120, 1160]}"},
        {"value", "name the list \"results\", not \"value\": {\"results\": [1120, 1160]}"},
        {"y", "name the list \"results\", not \"y\": {\"results\": [1120, 1160]}"},
        {"observations",
         "name the list \"results\", not \"observations\": {\"results\": [1120, 1160]}"},
        {"series", "send one list as \"results\"; /kalman/batch takes a list of series"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (has(shape, names[i].name, '['))
            return names[i].hint;
    }
    return shape->count > 1 && all_start_with(shape, "[") ? of_frame : NULL;
}

const char *json_shape_of_object(const struct json_span *names, const struct json_span *values,
                                 size_t count)
{
    const struct shape shape = {names, values, count};
    bool nixtla = has(&shape, "series", '{') || has(&shape, "sizes", '[') ||
                  (has(&shape, "y", 0) && (has(&shape, "fh", 0) || has(&shape, "freq", 0)));
    if (nixtla)
        return of_nixtla;
    const char *hint = of_pandas(&shape);
    return hint != NULL ? hint : of_other_name(&shape);
}

const char *json_shape_of_list(struct json_span list)
{
    switch (first_inside(list)) {
    case '{':
        return "this is a list of records, as pandas' to_json(orient=\"records\") writes "
               "it; " AS_CSV "; or send one record on each line as application/x-ndjson";
    case '[':
        return "this is a list of rows; send the column of the observations: {\"results\": [1120, "
               "1160]}";
    default:
        return "wrap the list: {\"results\": [...]}";
    }
}
