#include "quota/period.h"

#include <assert.h>
#include <string.h>

static const char *const words[] = {
#define X(symbol, number, word) [symbol] = (word),
#include "luna/store/period_kinds.def"
#undef X
};

enum { KINDS = sizeof words / sizeof words[0] };

const char *luna_period_kind(enum luna_period period)
{
    assert((size_t)period < KINDS);
    return words[period];
}

enum luna_code luna_period_read(const char *word, enum luna_period *ret_period,
                                struct luna_error *err)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_period = (enum luna_period)i;
            return LUNA_OK;
        }
    }
    return luna_error_set(err, LUNA_EPROTOCOL, "PostgreSQL has the unknown quota period \"%.40s\"",
                          word);
}
