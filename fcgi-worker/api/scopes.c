#include "api/scopes.h"

enum { TEXT_BYTES = 128 };

static const struct {
    const char *name;
    unsigned bit;
} scopes_table[] = {
#define X(symbol, bit, word) {word, symbol},
#include "luna/store/scopes.def"
#undef X
};

enum { SCOPE_COUNT = sizeof scopes_table / sizeof scopes_table[0] };

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

unsigned scopes_of_sender(const struct exchange *exchange)
{
    unsigned of_key = exchange->admission.key_scopes;
    return exchange->token.account_id != 0 ? of_key & exchange->token.scopes : of_key;
}

enum step_outcome scopes_refuse(struct exchange *exchange, unsigned wanted, const char *what)
{
    struct luna_buf lacking;
    luna_buf_init(&lacking, TEXT_BYTES);
    scopes_put_json(wanted & ~scopes_of_sender(exchange), &lacking);
    luna_buf_putc(&lacking, '\0');
    const char *detail = luna_arena_printf(
        &exchange->pipeline->arena, "%s The key of this request lacks %s. Use a key that has them.",
        what, lacking.overflow ? "scopes" : lacking.data);
    luna_buf_done(&lacking);
    return exchange_refuse(exchange, PROBLEM_SCOPE_EXCEEDED, detail);
}
