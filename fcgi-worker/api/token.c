#include "api/api.h"

#include "api/input.h"
#include "api/json.h"
#include "api/scopes.h"
#include "http/token.h"
#include "luna/base/clock.h"

#include <assert.h>
#include <string.h>

enum { LIFE_S_MIN = 60, LIFE_S_DEFAULT = 900 };

struct token {
    unsigned scopes; /* 0: the sender's */
    int64_t life_s;
};

enum step_outcome api_token_read(struct exchange *exchange)
{
    struct token *wanted = exchange_route_state_new(exchange, sizeof *wanted);
    if (wanted == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    const struct small_member members[] = {
        {.name = "scopes", .type = SMALL_SCOPES, .ret_scopes = &wanted->scopes},
        {.name = "expires_in_s",
         .type = SMALL_INT,
         .min = LIFE_S_MIN,
         .max = TOKEN_LIFE_S_MAX,
         .ret_int = &wanted->life_s},
        {.name = NULL}};
    wanted->life_s = LIFE_S_DEFAULT;
    input_read_body(exchange, members);
    /* Otherwise a token could be renewed without end. */
    if (exchange->token.account_id != 0)
        exchange_complain(exchange, PROBLEM_SCOPE_MISSING,
                          "A token cannot be exchanged for another; send the API key.");
    return STEP_ON;
}

static enum luna_code issue(const struct exchange *exchange, unsigned scopes, int64_t life_s,
                            char *out, size_t size)
{
    struct luna_error ignored = {0};
    int64_t now_s = luna_clock_wall_ms() / 1000;
    struct token_claims claims = {.account_id = exchange->ids.account_id,
                                  .scopes = scopes,
                                  .issued_s = now_s,
                                  .expires_s = now_s + life_s};
    memcpy(claims.key_digest, exchange->admission.key_digest, sizeof claims.key_digest);
    return token_issue(&exchange->pipeline->config->token_keys, &claims, out, size, &ignored);
}

enum step_outcome api_token_answer(struct exchange *exchange)
{
    const struct token *wanted = exchange->route_state;
    char text[TOKEN_BYTES_MAX];
    assert(wanted != NULL);
    unsigned scopes = wanted->scopes != 0 ? wanted->scopes : scopes_of_sender(exchange);
    if ((scopes & ~scopes_of_sender(exchange)) != 0)
        return scopes_refuse(exchange, scopes, "A token can have only scopes that its key has.");
    if (issue(exchange, scopes, wanted->life_s, text, sizeof text) != LUNA_OK)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    struct luna_buf *out = json_begin(&exchange->pipeline->response);
    luna_buf_putc(out, '{');
    json_put_text(out, "access_token", text);
    luna_buf_printf(out, ",\"token_type\":\"Bearer\",\"expires_in\":%lld,\"scopes\":",
                    (long long)wanted->life_s);
    scopes_put_json(scopes, out);
    luna_buf_puts(out, "}\n");
    return STEP_ON;
}
