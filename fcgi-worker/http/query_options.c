#include "http/query_options.h"

#include "luna/base/buf.h"
#include "luna/modelling/number.h"

#include <string.h>

enum { OPTIONS_BYTES_MAX = 16384, PRECISION_MAX = 17 };

static bool is_number(const char *text, size_t len)
{
    double value;
    size_t used;
    return luna_number_parse(text, len, &value, &used) != LUNA_NUMBER_SYNTAX && used == len;
}

static void put_text(struct luna_buf *out, const char *text, size_t len)
{
    luna_buf_put_json_string(out, text, len);
}

/* A number as it stands; what is none goes through as text, and is refused with its place and
 * reason. */
static void put_number(struct luna_buf *out, const char *text, size_t len)
{
    if (is_number(text, len))
        luna_buf_append(out, text, len);
    else
        put_text(out, text, len);
}

static void put_model(struct luna_buf *out, const char *text, size_t len)
{
    if (*text == '{')
        luna_buf_append(out, text, len);
    else
        put_text(out, text, len);
}

static void put_truth(struct luna_buf *out, const char *text, size_t len)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        luna_buf_append(out, text, len);
    else
        put_text(out, text, len);
}

static void put_list(struct luna_buf *out, const char *text,
                     void (*put)(struct luna_buf *out, const char *text, size_t len))
{
    luna_buf_putc(out, '[');
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        put(out, text, len);
        text += len;
        if (*text == ',') {
            luna_buf_putc(out, ',');
            text++;
            if (*text == '\0')
                put(out, text, 0);
        }
    }
    luna_buf_putc(out, ']');
}

static void put_numbers(struct luna_buf *out, const char *text, size_t len)
{
    (void)len;
    put_list(out, text, put_number);
}

static void put_words(struct luna_buf *out, const char *text, size_t len)
{
    (void)len;
    put_list(out, text, put_text);
}

static const struct option {
    const char *name;
    void (*put)(struct luna_buf *out, const char *text, size_t len);
} options[] = {{"model", put_model},       {"output", put_text},   {"horizon", put_number},
               {"intervals", put_numbers}, {"include", put_words}, {"robust", put_truth}};

int query_precision(const struct query *query, struct luna_faults *faults)
{
    return (int)query_int(query, "precision", 1, PRECISION_MAX, 0, faults);
}

/* The options as the JSON object that the body would have held. */
static void put_object(const struct query *query, struct luna_buf *out)
{
    luna_buf_putc(out, '{');
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *value = query_get(query, options[i].name);
        if (value == NULL)
            continue;
        if (out->len > 1)
            luna_buf_putc(out, ',');
        luna_buf_printf(out, "\"%s\":", options[i].name);
        options[i].put(out, value, strlen(value));
    }
    luna_buf_putc(out, '}');
}

enum luna_decode_status query_options_apply(const struct query *query, bool with_options,
                                            int nesting_max, struct luna_arena *arena,
                                            struct luna_request *request,
                                            struct luna_faults *faults)
{
    static const char *const precision_only[] = {"precision", NULL};
    static const char *const all[] = {"precision", "model",   "output", "horizon",
                                      "intervals", "include", "robust", NULL};
    size_t before = faults->count;
    query_forbid_others(query, with_options ? all : precision_only,
                        with_options ? "" : "; options are members of a JSON body", faults);
    if (!with_options || query->count == 0)
        return faults->count > before ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
    struct luna_buf text;
    luna_buf_init(&text, OPTIONS_BYTES_MAX);
    put_object(query, &text);
    const char *copy = text.overflow ? NULL : luna_arena_strndup(arena, text.data, text.len);
    size_t len = text.len;
    luna_buf_done(&text);
    if (copy == NULL)
        return LUNA_DECODE_MEMORY;
    /* A model that is not JSON clears what was found before it, so every fault is named anew. */
    enum luna_decode_status status =
        luna_decode_options(copy, len, nesting_max, arena, request, faults);
    for (size_t i = 0; i < faults->count; i++)
        faults->list[i].loc[0].name = "query";
    return status == LUNA_DECODE_OK && faults->count > before ? LUNA_DECODE_FAULTS : status;
}
