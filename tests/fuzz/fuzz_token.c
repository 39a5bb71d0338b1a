/* Bearer tokens and LUNA_TOKEN_KEYS. The first byte chooses: any text as a token; any claims,
 * signed with the right key; any text as keys. Invariants: no text is accepted without a signature;
 * accepted claims name an account, scopes, a whole digest, and end within the longest life. */
#include "fuzz.h"

#include "http/token.h"

#include <assert.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1790000000 };

static const unsigned char pepper[32] = {42};

static struct token_keys make_keys(void)
{
    struct token_keys keys = {.count = 0};
    struct luna_error err;
    enum luna_code code = token_keys_derive(&keys, 1, pepper, sizeof pepper, &err);
    assert(code == LUNA_OK);
    return keys;
}

static void fuzz_text(const struct token_keys *keys, const char *text)
{
    struct token_claims claims;
    assert(!token_verify(keys, text, NOW_S, &claims));
}

static void check_claims(const struct token_claims *claims)
{
    assert(claims->account_id > 0 && claims->scopes != 0);
    assert(claims->expires_s > NOW_S && claims->expires_s <= NOW_S + TOKEN_LIFE_S_MAX + 5);
    assert(strlen(claims->key_digest) == TOKEN_DIGEST_BYTES - 1);
}

/* A key's maker may put anything into the claims, as far as the reader knows. */
static void fuzz_claims(const struct token_keys *keys, const char *json)
{
    const struct token_key *key = &keys->list[0];
    struct token_claims claims;
    jwt_t *jwt = NULL;
    assert(jwt_new(&jwt) == 0);
    (void)jwt_add_header(jwt, "kid", key->kid);
    if (jwt_add_grants_json(jwt, json) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, (int)key->secret_len) == 0) {
        char *text = jwt_encode_str(jwt);
        if (text != NULL && token_verify(keys, text, NOW_S, &claims))
            check_claims(&claims);
        free(text);
    }
    jwt_free(jwt);
}

static void fuzz_keys(const char *text)
{
    struct token_keys keys;
    struct luna_error err;
    if (token_keys_parse(text, &keys, &err) != LUNA_OK)
        return;
    assert(keys.count <= TOKEN_KEYS_MAX);
    for (size_t i = 0; i < keys.count; i++) {
        assert(keys.list[i].kid[0] != '\0' && strlen(keys.list[i].kid) < TOKEN_KID_BYTES);
        assert(keys.list[i].secret_len >= TOKEN_SECRET_BYTES_MIN);
        assert(keys.list[i].secret_len <= TOKEN_SECRET_BYTES_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct token_keys keys;
    if (size == 0)
        return 0;
    if (keys.count == 0)
        keys = make_keys();
    char *text = strndup((const char *)data + 1, size - 1);
    assert(text != NULL);
    if (data[0] % 3 == 0)
        fuzz_text(&keys, text);
    else if (data[0] % 3 == 1)
        fuzz_claims(&keys, text);
    else
        fuzz_keys(text);
    free(text);
    return 0;
}
