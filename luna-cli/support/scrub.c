#include "support/scrub.h"

#include "luna/store/key_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEX_MIN = 64, KEY_BYTES_MIN = 20, TOKEN_BYTES_MIN = 20 };

/* A part of the text: where the scanner stands. */
struct text {
    const char *at;
    size_t len;
};

static bool begins(struct text text, const char *word)
{
    size_t len = strlen(word);
    return text.len >= len && strncasecmp(text.at, word, len) == 0;
}

bool scrub_name_is_secret(const char *name, size_t len)
{
    static const char *const parts[] = {"PEPPER", "PASSWORD", "SECRET", "TOKEN", "_URL", "_KEY"};
    static const char *const harmless[] = {"_FILE", "_ID", "_MS", "_MAX"};
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        size_t end = strlen(harmless[i]);
        if (len > end && memcmp(name + len - end, harmless[i], end) == 0)
            return false;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (memmem(name, len, parts[i], strlen(parts[i])))
            return true;
    return false;
}

static void know(struct scrub *scrub, const char *value, size_t len)
{
    if (len < SCRUB_VALUE_BYTES_MIN || scrub->count == SCRUB_VALUES_MAX)
        return;
    char *copy = strndup(value, len);
    if (copy)
        scrub->values[scrub->count++] = copy;
}

void scrub_know(struct scrub *scrub, const char *value, size_t len)
{
    const char *user = memmem(value, len, "://", 3);
    const char *host = memrchr(value, '@', len);
    know(scrub, value, len);
    if (!user || !host || host < user + 3)
        return;
    user += 3;
    const char *colon = memchr(user, ':', (size_t)(host - user));
    const char *password = colon ? colon + 1 : user;
    know(scrub, password, (size_t)(host - password));
}

void scrub_done(struct scrub *scrub)
{
    for (size_t i = 0; i < scrub->count; i++) {
        explicit_bzero(scrub->values[i], strlen(scrub->values[i]));
        free(scrub->values[i]);
    }
    scrub->count = 0;
}

/* The matchers below return how many bytes from here on are a secret; 0: none. *ret_kept: how many
 * of them, from the first, are shown all the same. */

static size_t match_value(const struct scrub *scrub, struct text text)
{
    size_t longest = 0;
    for (size_t i = 0; i < scrub->count; i++) {
        size_t len = strlen(scrub->values[i]);
        if (len > longest && len <= text.len && memcmp(text.at, scrub->values[i], len) == 0)
            longest = len;
    }
    return longest;
}

static size_t span(struct text text, const char *chars)
{
    size_t len = 0;
    while (len < text.len && text.at[len] != '\0' && strchr(chars, text.at[len]))
        len++;
    return len;
}

static size_t match_key(struct text text, size_t *ret_kept)
{
    if (!begins(text, LUNA_KEY_MARK))
        return 0;
    size_t len = span(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    *ret_kept = LUNA_KEY_PREFIX_BYTES - 1; /* what lists of keys show too */
    return len >= KEY_BYTES_MIN ? len : 0;
}

static size_t match_token(struct text text)
{
    if (text.len < 3 || memcmp(text.at, "eyJ", 3) != 0)
        return 0;
    size_t len = span(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
    return len >= TOKEN_BYTES_MIN ? len : 0;
}

static size_t match_hex(struct text text)
{
    size_t len = span(text, "0123456789abcdefABCDEF");
    return len >= HEX_MIN ? len : 0;
}

static size_t word_end(struct text text, const char *stops)
{
    size_t len = 0;
    while (len < text.len && !isspace((unsigned char)text.at[len]) && !strchr(stops, text.at[len]))
        len++;
    return len;
}

/* "://user:password@" */
static size_t match_user(struct text text, size_t *ret_kept)
{
    if (!begins(text, "://"))
        return 0;
    size_t len = word_end(text, "\"'<>");
    const char *at = memrchr(text.at, '@', len);
    *ret_kept = 3;
    return at ? (size_t)(at - text.at) : 0;
}

/* "password = x", "X-API-Key: x", "\"token\":\"x\"" */
static size_t match_named(struct text text, size_t *ret_kept)
{
    static const char *const names[] = {"password", "passwd",      "api_key",
                                        "api-key",  "secret",      "pepper",
                                        "token",    "requirepass", "authorization"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!begins(text, names[i]))
            continue;
        size_t kept = strlen(names[i]);
        struct text rest = {text.at + kept, text.len - kept};
        size_t between = span(rest, "\"' :=\\");
        bool assigned = memchr(rest.at, ':', between) || memchr(rest.at, '=', between) ||
                        (between > 0 && strcmp(names[i], "requirepass") == 0);
        rest.at += between;
        rest.len -= between;
        size_t scheme = begins(rest, "bearer ")  ? strlen("bearer ")
                        : begins(rest, "basic ") ? strlen("basic ")
                                                 : 0;
        rest.at += scheme;
        rest.len -= scheme;
        size_t len = word_end(rest, "\"',&;}\\");
        *ret_kept = kept + between + scheme;
        return assigned && len >= SCRUB_VALUE_BYTES_MIN ? *ret_kept + len : 0;
    }
    return 0;
}

static size_t match(const struct scrub *scrub, struct text text, size_t *ret_kept)
{
    *ret_kept = 0;
    size_t len = match_value(scrub, text);
    len = len > 0 ? len : match_hex(text);
    len = len > 0 ? len : match_token(text);
    if (len > 0)
        return len;
    len = match_key(text, ret_kept);
    len = len > 0 ? len : match_user(text, ret_kept);
    return len > 0 ? len : match_named(text, ret_kept);
}

void scrub_text(const struct scrub *scrub, const char *text, size_t len, struct luna_buf *out)
{
    struct text rest = {text, len};
    while (rest.len > 0) {
        size_t kept = 0;
        size_t secret = match(scrub, rest, &kept);
        luna_buf_append(out, rest.at, secret > 0 ? kept : 1);
        if (secret > 0)
            luna_buf_puts(out, "[removed]");
        rest.at += secret > 0 ? secret : 1;
        rest.len -= secret > 0 ? secret : 1;
    }
}
