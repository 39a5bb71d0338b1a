#include "api/scopes.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned bit;
} scopes_table[] = {
#define X(symbol, bit, word) {word, symbol},
    LUNA_SCOPE_TABLE(X)
#undef X
};

enum { SCOPE_COUNT = sizeof scopes_table / sizeof scopes_table[0] };

unsigned scope_by_name(const char *name)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (strcmp(scopes_table[i].name, name) == 0)
            return scopes_table[i].bit;
    }
    return 0;
}

void scopes_put_json(unsigned scopes, struct luna_buf *out)
{
    const char *before = "[";
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if ((scopes & scopes_table[i].bit) == 0)
            continue;
        luna_buf_printf(out, "%s\"%s\"", before, scopes_table[i].name);
        before = ",";
    }
    luna_buf_puts(out, *before == '[' ? "[]" : "]");
}
