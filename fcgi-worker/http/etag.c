#include "http/etag.h"

#include "http/body_hash.h"
#include "luna/base/digits.h"

#include <assert.h>
#include <string.h>

enum { DIGITS = ETAG_BYTES - 3 };

void etag_make(const void *bytes, size_t len, char ret_etag[ETAG_BYTES])
{
    unsigned char hash[BODY_HASH_BYTES];
    static_assert(DIGITS % 2 == 0 && DIGITS / 2 <= BODY_HASH_BYTES, "whole bytes of the hash");
    body_hash_make(&(struct body_identity){.query = "",
                                           .content_type = "",
                                           .content_encoding = "",
                                           .body = bytes,
                                           .body_len = len},
                   hash);
    ret_etag[0] = '"';
    luna_hex_encode(hash, DIGITS / 2, ret_etag + 1);
    memcpy(ret_etag + 1 + DIGITS, "\"", 2);
}

bool etag_matches(const char *if_none_match, const char *etag)
{
    const char *at = if_none_match + strspn(if_none_match, ", \t");
    if (strcmp(at, "*") == 0)
        return true;
    while (*at != '\0') {
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (end == NULL)
            return false; /* not a list of tags: the header is ignored */
        size_t len = (size_t)(end + 1 - at);
        if (len == strlen(etag) && memcmp(at, etag, len) == 0)
            return true;
        at = end + 1 + strspn(end + 1, ", \t");
    }
    return false;
}
