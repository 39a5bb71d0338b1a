#include "http/formats.h"

#include "http/http.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    const char *content_type;
} formats[FORMAT_COUNT] = {
    [FORMAT_JSON] = {"application/json", "application/json"},
    [FORMAT_CSV] = {"text/csv", "text/csv; charset=utf-8; header=present"},
    [FORMAT_NDJSON] = {"application/x-ndjson", "application/x-ndjson"},
    [FORMAT_OCTETS] = {"application/octet-stream", "application/octet-stream"},
};

/* Other names that clients use for them. */
static const struct {
    const char *name;
    enum format format;
} aliases[] = {{"text/tab-separated-values", FORMAT_CSV},
               {"application/csv", FORMAT_CSV},
               {"text/x-csv", FORMAT_CSV},
               {"application/ndjson", FORMAT_NDJSON},
               {"application/jsonl", FORMAT_NDJSON},
               {"application/jsonlines", FORMAT_NDJSON},
               {"application/x-jsonlines", FORMAT_NDJSON}};

enum { WEIGHT_MAX = 1000 };

const char *format_content_type(enum format format)
{
    assert((int)format >= 0 && format < FORMAT_COUNT);
    return formats[format].content_type;
}

bool format_of_content(const char *content_type, enum format *ret_format)
{
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (http_media_named(content_type, formats[i].name)) {
            *ret_format = (enum format)i;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (http_media_named(content_type, aliases[i].name)) {
            *ret_format = aliases[i].format;
            return true;
        }
    }
    return false;
}

/* The q among `parameters`, in thousandths; WEIGHT_MAX without one. */
static int weight_read(const char *parameters, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (parameters[i] != ';')
            continue;
        size_t at = i + 1 + strspn(parameters + i + 1, " \t");
        if (at + 2 >= len || (parameters[at] | 0x20) != 'q' || parameters[at + 1] != '=')
            continue;
        int weight = parameters[at + 2] == '1' ? WEIGHT_MAX : 0;
        int unit = WEIGHT_MAX / 10;
        for (size_t k = at + 4;
             weight < WEIGHT_MAX && unit > 0 && k < len && isdigit((unsigned char)parameters[k]);
             k++) {
            weight += unit * (parameters[k] - '0');
            unit /= 10;
        }
        return weight;
    }
    return WEIGHT_MAX;
}

/* How well the range `name` of Accept fits `type`: 0 not at all, 1 "*" "/" "*", 2 "text" "/"
 * "*", 3 exactly. */
static int range_fit(const char *name, size_t len, const char *type)
{
    size_t group = strcspn(type, "/") + 1;
    if (len == 3 && memcmp(name, "*/*", 3) == 0)
        return 1;
    if (len == group + 1 && name[group] == '*' && strncasecmp(name, type, group) == 0)
        return 2;
    return len == strlen(type) && strncasecmp(name, type, len) == 0 ? 3 : 0;
}

/* The weight of the range that fits `type` best; 0 when none does. */
static int weight_of(const char *accept, const char *type)
{
    int best_fit = 0, weight = 0;
    while (*accept != '\0') {
        accept += strspn(accept, ", \t");
        size_t item_len = strcspn(accept, ",");
        size_t name_len = strcspn(accept, ",; \t");
        assert(name_len <= item_len); /* "," ends both */
        int fit = range_fit(accept, name_len, type);
        if (fit > best_fit) {
            best_fit = fit;
            weight = weight_read(accept + name_len, item_len - name_len);
        }
        accept += item_len;
    }
    return weight;
}

enum format format_accepted(const char *accept, enum format otherwise)
{
    assert((int)otherwise >= 0 && otherwise < FORMAT_COUNT);
    enum format best = otherwise;
    int weight = weight_of(accept, formats[otherwise].name);
    for (int i = 0; i < FORMAT_COUNT; i++) {
        int candidate = weight_of(accept, formats[i].name);
        if (candidate > weight) {
            best = (enum format)i;
            weight = candidate;
        }
    }
    return best;
}
