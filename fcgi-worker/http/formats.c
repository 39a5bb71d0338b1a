#include "http/formats.h"

#include "http/http.h"

#include <assert.h>

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

enum format format_accepted(const char *accept, enum format otherwise)
{
    assert((int)otherwise >= 0 && otherwise < FORMAT_COUNT);
    enum format best = otherwise;
    int weight = http_accept_weight(accept, formats[otherwise].name);
    for (int i = 0; i < FORMAT_COUNT; i++) {
        int candidate = http_accept_weight(accept, formats[i].name);
        if (candidate > weight) {
            best = (enum format)i;
            weight = candidate;
        }
    }
    return best;
}
