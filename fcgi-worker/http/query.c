#include "http/query.h"

#include "luna/base/buf.h"
#include "luna/base/digits.h"
#include "luna/base/escape.h"
#include "luna/modelling/number.h"
#include "luna/table/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_BYTES_MAX = 16384, PRECISION_MAX = 17 };

static void add_fault(struct luna_faults *faults, const char *name, const char *type,
                      const char *msg, const char *hint)
{
    struct luna_fault *fault = luna_faults_add(faults, type, msg, hint);
    if (fault != NULL)
        fault->loc[0].name = "query";
    luna_fault_at(fault, luna_faults_quote(faults, name, strlen(name)));
}

/* Decodes text[0..len) into `out` (room for len + 1) and ends it; NULL, or what is wrong. */
static const char *decode(const char *text, size_t len, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? luna_hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? luna_hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return "% must be followed by two hexadecimal digits";
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return "a NUL byte";
        out[used++] = c;
    }
    assert(used <= len);
    out[used] = '\0';
    for (size_t i = 0; i < used;) {
        size_t size = luna_utf8_length(out + i, used - i);
        if (size == 0)
            return "not UTF-8";
        i += size;
    }
    return NULL;
}

static bool is_list(const char *name);

/* A list may be sent as one parameter with commas, or as several of one name. */
static bool pair_join(struct query_pair *pair, const char *value, struct luna_arena *arena)
{
    pair->value = luna_arena_printf(arena, "%s,%s", pair->value, value);
    return pair->value != NULL;
}

static struct query_pair *pair_find(struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) == 0)
            return &query->pairs[i];
    }
    return NULL;
}

static bool pair_parse(const char *text, size_t len, struct luna_arena *arena, struct query *query,
                       struct luna_faults *faults)
{
    const char *equals = memchr(text, '=', len);
    assert(len > 0);
    size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
    size_t value_len = equals != NULL ? len - name_len - 1 : 0;
    char *name = luna_arena_alloc(arena, name_len + 1);
    char *value = luna_arena_alloc(arena, value_len + 1);
    if (name == NULL || value == NULL)
        return false;
    const char *wrong = decode(text, name_len, name);
    if (wrong != NULL) {
        add_fault(faults, "", "value_error", "Value error, the query cannot be decoded", wrong);
        return false;
    }
    wrong = decode(equals != NULL ? equals + 1 : text + len, value_len, value);
    struct query_pair *earlier = pair_find(query, name);
    if (wrong == NULL && earlier != NULL && is_list(name))
        return pair_join(earlier, value, arena);
    if (wrong != NULL || earlier != NULL || query->count == QUERY_PAIRS_MAX) {
        add_fault(faults, name, "value_error",
                  wrong != NULL ? "Value error, the value cannot be decoded"
                                : "Value error, given more than once",
                  wrong != NULL ? wrong
                                : "give each parameter only once, except lists, and at most 20 "
                                  "parameters");
        return false;
    }
    assert(query->count < QUERY_PAIRS_MAX);
    query->pairs[query->count++] = (struct query_pair){name, value};
    return true;
}

bool query_parse(const char *text, struct luna_arena *arena, struct query *ret_query,
                 struct luna_faults *faults)
{
    bool valid = true;
    ret_query->count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        if (len > 0 && !pair_parse(text, len, arena, ret_query, faults))
            valid = false;
        text += len + (text[len] == '&');
    }
    return valid;
}

const char *query_get(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) == 0)
            return query->pairs[i].value;
    }
    return NULL;
}

static bool int_read(const char *text, int64_t *ret_value)
{
    size_t digits = strspn(text + (*text == '-'), "0123456789");
    if (digits == 0 || digits > 18 || text[digits + (*text == '-')] != '\0')
        return false;
    *ret_value = strtoll(text, NULL, 10);
    return true;
}

int64_t query_int(const struct query *query, const char *name, int64_t min, int64_t max,
                  int64_t otherwise, struct luna_faults *faults)
{
    const char *text = query_get(query, name);
    int64_t value;
    assert(min <= max);
    if (text == NULL)
        return otherwise;
    const char *hint = luna_arena_printf(faults->arena, "a whole number from %lld to %lld",
                                         (long long)min, (long long)max);
    if (!int_read(text, &value)) {
        add_fault(faults, name, "int_parsing",
                  "Input should be a valid integer, unable to parse string as an integer", hint);
        return otherwise;
    }
    if (value >= min && value <= max)
        return value;
    bool low = value < min;
    add_fault(faults, name, low ? "greater_than_equal" : "less_than_equal",
              luna_arena_printf(faults->arena, "Input should be %s than or equal to %lld",
                                low ? "greater" : "less", (long long)(low ? min : max)),
              hint);
    return otherwise;
}

static bool is_known(const char *const *known, const char *name)
{
    while (*known != NULL && strcmp(*known, name) != 0)
        known++;
    return *known != NULL;
}

static const char *list_names(const char *const *known, const char *besides,
                              struct luna_arena *arena)
{
    const char *list = *known != NULL ? "parameters are:" : "this path accepts no query parameters";
    for (const char *before = ""; list != NULL && *known != NULL; known++, before = ",")
        list = luna_arena_printf(arena, "%s%s %s", list, before, *known);
    return list != NULL ? luna_arena_printf(arena, "%s%s", list, besides) : NULL;
}

void query_forbid_others(const struct query *query, const char *const *known, const char *besides,
                         struct luna_faults *faults)
{
    for (size_t i = 0; i < query->count; i++) {
        if (!is_known(known, query->pairs[i].name))
            add_fault(faults, query->pairs[i].name, "extra_forbidden",
                      "Extra inputs are not permitted", list_names(known, besides, faults->arena));
    }
}

static bool is_number(const char *text, size_t len)
{
    double value;
    size_t used;
    return luna_number_parse(text, len, &value, &used) != LUNA_NUMBER_SYNTAX && used == len;
}

/* ".8" as "0.8", which JSON requires. False: it is not such a number. */
static bool put_fraction(struct luna_buf *out, const char *text, size_t len)
{
    char whole[32] = "0";
    if (len == 0 || text[0] != '.' || len >= sizeof whole)
        return false;
    memcpy(whole + 1, text, len);
    if (!is_number(whole, len + 1))
        return false;
    luna_buf_append(out, whole, len + 1);
    return true;
}

static void put_text(struct luna_buf *out, const char *text, size_t len)
{
    luna_buf_put_json_string(out, text, len);
}

/* A number as it is written; anything else becomes a text, which the decoder refuses with its place
 * and the reason. */
static void put_number(struct luna_buf *out, const char *text, size_t len)
{
    if (is_number(text, len))
        luna_buf_append(out, text, len);
    else if (!put_fraction(out, text, len))
        put_text(out, text, len);
}

static void put_model(struct luna_buf *out, const char *text, size_t len)
{
    if (*text == '{')
        luna_buf_append(out, text, len);
    else
        put_text(out, text, len);
}

static void put_bool(struct luna_buf *out, const char *text, size_t len)
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
} options[] = {{"model", put_model},           {"output", put_text},     {"horizon", put_number},
               {"intervals", put_numbers},     {"include", put_words},   {"robust", put_bool},
               {"ljung_box_lags", put_number}, {"transform", put_model}, {"bias_adjust", put_bool}};

static bool is_list(const char *name)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(options[i].name, name) == 0)
            return options[i].put == put_numbers || options[i].put == put_words;
    }
    return luna_table_option_is_list(name);
}

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

static enum luna_decode_status options_decode(const struct query *query, int nesting_max,
                                              struct luna_arena *arena,
                                              struct luna_request *request,
                                              struct luna_faults *faults)
{
    struct luna_buf text;
    luna_buf_init(&text, OPTIONS_BYTES_MAX);
    put_object(query, &text);
    /* The request keeps parts of it. */
    const char *kept = text.overflow ? NULL : luna_arena_strndup(arena, text.data, text.len);
    size_t len = text.len;
    luna_buf_done(&text);
    return kept == NULL ? LUNA_DECODE_MEMORY
                        : luna_decode_options(kept, len, nesting_max, arena, request, faults);
}

/* Faults for all parameters but those of the body's format. */
static void forbid_others(const struct query *query, bool with_options, bool with_table,
                          struct luna_faults *faults)
{
    enum { NAMES_MAX = 24 };
    const char *known[NAMES_MAX + 1] = {"precision"};
    size_t count = 1;
    for (size_t i = 0; with_options && i < sizeof options / sizeof options[0]; i++)
        known[count++] = options[i].name;
    for (size_t i = 0; with_table && luna_table_option_names[i] != NULL; i++)
        known[count++] = luna_table_option_names[i];
    assert(count <= NAMES_MAX);
    query_forbid_others(query, known, with_options ? "" : "; options are members of a JSON body",
                        faults);
}

enum luna_decode_status query_options_apply(const struct query *query, bool with_options,
                                            bool with_table, int nesting_max,
                                            struct luna_arena *arena, struct luna_request *request,
                                            struct luna_faults *faults)
{
    size_t before = faults->count;
    enum luna_decode_status status = LUNA_DECODE_OK;
    forbid_others(query, with_options, with_table, faults);
    if (with_options && query->count > 0)
        status = options_decode(query, nesting_max, arena, request, faults);
    /* A model that is not JSON clears the faults found before it, so all of them are renamed. */
    assert(faults->count <= LUNA_FAULTS_MAX);
    for (size_t i = 0; i < faults->count; i++)
        faults->list[i].loc[0].name = "query";
    return status == LUNA_DECODE_OK && faults->count > before ? LUNA_DECODE_FAULTS : status;
}
