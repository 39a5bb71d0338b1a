#include "api/api.h"

#include "api/json.h"
#include "api/scopes.h"
#include "api/small_body.h"
#include "http/token.h"
#include "luna/base/clock.h"

#include <string.h>

enum { LIFE_S_MIN = 60, LIFE_S_DEFAULT = 900 };

enum step_outcome api_token_read(struct exchange *exchange)
{
    const struct small_member members[] = {
        {.name = "scopes", .type = SMALL_SCOPES, .ret_scopes = &exchange->scopes},
        {.name = "expires_in_s",
         .type = SMALL_INT,
         .min = LIFE_S_MIN,
         .max = TOKEN_LIFE_S_MAX,
         .ret_int = &exchange->wanted},
        {.name = NULL}};
    exchange->scopes = 0; /* not named: the key's */
    exchange->wanted = LIFE_S_DEFAULT;
    api_read_small_body(exchange, members);
    /* Else a token could be made to live for ever. */
    if (exchange->token.account_id != 0)
        exchange_complain(exchange, PROBLEM_SCOPE_MISSING,
                          "A token cannot be exchanged for another; send the API key.");
    return STEP_ON;
}

enum step_outcome api_token_answer(struct exchange *exchange)
{
    char text[TOKEN_BYTES_MAX];
    struct luna_error err = {0};
    int64_t now_s = luna_clock_wall_ms() / 1000;
    if (exchange->scopes == 0)
        exchange->scopes = api_own_scopes(exchange);
    if ((exchange->scopes & ~api_own_scopes(exchange)) != 0)
        return api_refuse_wider(exchange, exchange->scopes,
                                "A token has only what its key has; this asks for");
    struct token_claims claims = {.account_id = exchange->account_id,
                                  .scopes = exchange->scopes,
                                  .issued_s = now_s,
                                  .expires_s = now_s + exchange->wanted};
    memcpy(claims.key_digest, exchange->admission.key_digest, sizeof claims.key_digest);
    if (token_issue(&exchange->pipeline->config->token_keys, &claims, text, sizeof text, &err) !=
        LUNA_OK)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    struct luna_buf *out = json_begin(&exchange->pipeline->response);
    luna_buf_putc(out, '{');
    json_put_text(out, "access_token", text);
    luna_buf_printf(out, ",\"token_type\":\"Bearer\",\"expires_in\":%lld,\"scopes\":",
                    (long long)exchange->wanted);
    scopes_put_json(exchange->scopes, out);
    luna_buf_puts(out, "}\n");
    return STEP_ON;
}
