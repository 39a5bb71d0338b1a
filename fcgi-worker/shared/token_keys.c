#include "shared/token_keys.h"

#include "luna/base/digits.h"

#include <stdbool.h>
#include <string.h>

static bool parse_key(const char *text, size_t len, struct token_key *key)
{
    const char *colon = memchr(text, ':', len);
    size_t kid_len = colon != NULL ? (size_t)(colon - text) : 0;
    if (kid_len == 0 || kid_len >= sizeof key->kid)
        return false;
    memcpy(key->kid, text, kid_len);
    key->kid[kid_len] = '\0';
    char hex[2 * TOKEN_SECRET_BYTES_MAX + 1];
    size_t hex_len = len - kid_len - 1;
    if (hex_len >= sizeof hex)
        return false;
    memcpy(hex, colon + 1, hex_len);
    hex[hex_len] = '\0';
    return luna_hex_decode(hex, key->secret, sizeof key->secret, &key->secret_len) &&
           key->secret_len >= TOKEN_SECRET_BYTES_MIN;
}

enum luna_code token_keys_parse(const char *text, struct token_keys *ret_keys,
                                struct luna_error *err)
{
    struct token_keys keys = {.count = 0};
    for (const char *at = text == NULL ? "" : text; *at != '\0';) {
        size_t len = strcspn(at, ",");
        if (keys.count == TOKEN_KEYS_MAX || !parse_key(at, len, &keys.list[keys.count]))
            return luna_error_set(
                err, LUNA_ECONFIG,
                "LUNA_TOKEN_KEYS: key number %zu is not kid:hex with a kid of 1 to "
                "%d characters and %d to %d bytes of secret (at most %d keys)",
                keys.count + 1, TOKEN_KID_BYTES - 1, TOKEN_SECRET_BYTES_MIN, TOKEN_SECRET_BYTES_MAX,
                TOKEN_KEYS_MAX);
        keys.count++;
        at += len + (at[len] == ',');
    }
    *ret_keys = keys;
    return LUNA_OK;
}
