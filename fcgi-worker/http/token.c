#include "http/token.h"

#include <assert.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char issuer[] = "luna";
static const char audience[] = "luna-api";

/* How far the clocks of two hosts may be apart. */
enum { SKEW_S = 5 };

/* HMAC-SHA-256 under the pepper, in the one form that libjwt offers: the signature of a token that
 * states its purpose. The pepper also keys the digests of API keys; no API key looks like a token,
 * so neither use yields a result of the other. */
static enum luna_code key_derive(const unsigned char *pepper, size_t pepper_len,
                                 struct token_key *key)
{
    enum luna_code code = LUNA_ENOMEM;
    jwt_t *jwt = NULL;
    char *text = NULL;
    if (jwt_new(&jwt) == 0 && jwt_add_grant(jwt, "purpose", "luna token signing key 1") == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, pepper, (int)pepper_len) == 0)
        text = jwt_encode_str(jwt);
    const char *signature = text != NULL ? strrchr(text, '.') : NULL;
    if (signature != NULL) {
        key->secret_len = strlen(signature + 1);
        assert(key->secret_len <= sizeof key->secret); /* base64 of 32 bytes */
        memcpy(key->secret, signature + 1, key->secret_len);
        memcpy(key->kid, "pepper", sizeof "pepper");
        code = LUNA_OK;
    }
    free(text);
    jwt_free(jwt);
    return code;
}

enum luna_code token_keys_derive(struct token_keys *keys, int pepper_id,
                                 const unsigned char *pepper, size_t pepper_len,
                                 struct luna_error *err)
{
    assert(keys->count < TOKEN_KEYS_MAX);
    struct token_key *key = &keys->list[keys->count];
    if (key_derive(pepper, pepper_len, key) != LUNA_OK)
        return luna_error_set(err, LUNA_ENOMEM, "out of memory");
    if (pepper_id > 1)
        (void)snprintf(key->kid, sizeof key->kid, "pepper-%hd", (short)pepper_id);
    keys->count++;
    return LUNA_OK;
}

bool token_shaped(const char *text)
{
    const char *first = strchr(text, '.');
    const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
    return second != NULL && strchr(second + 1, '.') == NULL;
}

/* The key that the token's header names: not verified yet, and used for nothing else. */
static const struct token_key *key_named(const struct token_keys *keys, const char *text)
{
    jwt_t *jwt = NULL;
    const struct token_key *found = NULL;
    if (jwt_decode(&jwt, text, NULL, 0) != 0)
        return NULL;
    const char *kid = jwt_get_header(jwt, "kid");
    for (size_t i = 0; kid != NULL && i < keys->count; i++) {
        if (strcmp(keys->list[i].kid, kid) == 0)
            found = &keys->list[i];
    }
    jwt_free(jwt);
    return found;
}

static bool grant_is(jwt_t *jwt, const char *name, const char *wanted)
{
    const char *value = jwt_get_grant(jwt, name);
    return value != NULL && strcmp(value, wanted) == 0;
}

static bool claims_read(jwt_t *jwt, int64_t now_s, struct token_claims *ret_claims)
{
    /* Its signature was checked: a claim that is missing or of another type reads as 0 or NULL. */
    const char *digest = jwt_get_grant(jwt, "key");
    int64_t not_before_s = jwt_get_grant_int(jwt, "nbf");
    struct token_claims claims = {.account_id = jwt_get_grant_int(jwt, "account"),
                                  .scopes = (unsigned)jwt_get_grant_int(jwt, "scopes"),
                                  .issued_s = jwt_get_grant_int(jwt, "iat"),
                                  .expires_s = jwt_get_grant_int(jwt, "exp")};
    bool valid = grant_is(jwt, "iss", issuer) && grant_is(jwt, "aud", audience) && digest != NULL &&
                 strlen(digest) == sizeof claims.key_digest - 1 && claims.account_id > 0 &&
                 claims.scopes != 0 && not_before_s > 0 && not_before_s <= now_s + SKEW_S &&
                 claims.expires_s > now_s && claims.expires_s - not_before_s <= TOKEN_LIFE_S_MAX;
    if (!valid)
        return false;
    /* of that length, as was checked */
    memcpy(claims.key_digest, digest, sizeof claims.key_digest);
    *ret_claims = claims;
    return true;
}

bool token_verify(const struct token_keys *keys, const char *text, int64_t now_s,
                  struct token_claims *ret_claims)
{
    if (strlen(text) > TOKEN_BYTES_MAX || !token_shaped(text))
        return false;
    const struct token_key *key = key_named(keys, text);
    jwt_t *jwt = NULL;
    if (key == NULL || jwt_decode(&jwt, text, key->secret, (int)key->secret_len) != 0)
        return false;
    /* libjwt trusts the header's algorithm, "none" included; only this one is accepted. */
    bool valid = jwt_get_alg(jwt) == JWT_ALG_HS256 && claims_read(jwt, now_s, ret_claims);
    jwt_free(jwt);
    return valid;
}

static int claims_add(jwt_t *jwt, const struct token_claims *claims)
{
    int failed = jwt_add_grant(jwt, "iss", issuer);
    failed |= jwt_add_grant(jwt, "aud", audience);
    failed |= jwt_add_grant(jwt, "key", claims->key_digest);
    failed |= jwt_add_grant_int(jwt, "account", claims->account_id);
    failed |= jwt_add_grant_int(jwt, "scopes", (long)claims->scopes);
    failed |= jwt_add_grant_int(jwt, "iat", claims->issued_s);
    failed |= jwt_add_grant_int(jwt, "nbf", claims->issued_s);
    failed |= jwt_add_grant_int(jwt, "exp", claims->expires_s);
    return failed;
}

enum luna_code token_issue(const struct token_keys *keys, const struct token_claims *claims,
                           char *out, size_t size, struct luna_error *err)
{
    assert(keys->count > 0);
    const struct token_key *key = &keys->list[0];
    jwt_t *jwt = NULL;
    char *text = NULL;
    if (jwt_new(&jwt) == 0 && jwt_add_header(jwt, "kid", key->kid) == 0 &&
        claims_add(jwt, claims) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, (int)key->secret_len) == 0)
        text = jwt_encode_str(jwt);
    enum luna_code code = LUNA_OK;
    if (text == NULL)
        code = luna_error_set(err, LUNA_ENOMEM, "the token cannot be signed");
    else if (strlen(text) >= size)
        code = luna_error_set(err, LUNA_ELIMIT, "the token has %zu bytes", strlen(text));
    else
        memcpy(out, text, strlen(text) + 1);
    free(text);
    jwt_free(jwt);
    return code;
}
