#include "http/query.h"

#include "luna/base/digits.h"
#include "luna/base/escape.h"

#include <stdlib.h>
#include <string.h>

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
    out[used] = '\0';
    for (size_t i = 0; i < used;) {
        size_t size = luna_utf8_length(out + i, used - i);
        if (size == 0)
            return "not UTF-8";
        i += size;
    }
    return NULL;
}

static bool pair_parse(const char *text, size_t len, struct luna_arena *arena, struct query *query,
                       struct luna_faults *faults)
{
    const char *equals = memchr(text, '=', len);
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
    if (wrong != NULL || query_get(query, name) != NULL || query->count == QUERY_PAIRS_MAX) {
        add_fault(faults, name, "value_error",
                  wrong != NULL ? "Value error, the value cannot be decoded"
                                : "Value error, given more than once",
                  wrong != NULL ? wrong : "give every parameter once, and at most 16 of them");
        return false;
    }
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
    const char *list = *known != NULL ? "parameters are:" : "this path takes no query parameters";
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
