#include "http/credential.h"

#include "luna/store/key_text.h"

#include <ctype.h>
#include <string.h>

enum {
    CREDENTIAL_LEN = 36, /* a UUID; other keys and tokens are longer */
    HEADER_LEN_MAX = 2048,
    COMPARED_LEN_MIN = 8
};

static bool is_credential_at(const char *text)
{
    return strncmp(text, LUNA_KEY_MARK, strlen(LUNA_KEY_MARK)) == 0 ||
           strncmp(text, "eyJ", strlen("eyJ")) == 0 ||
           strspn(text, "0123456789abcdefABCDEF-") >= CREDENTIAL_LEN;
}

size_t credential_free_len(const char *text, size_t len, size_t max)
{
    for (size_t i = 0; i + CREDENTIAL_LEN <= len && i < max; i++)
        if (is_credential_at(text + i))
            return i;
    return len < max ? len : max;
}

bool credential_key_in(const char *text)
{
    enum { MARK_LEN = sizeof LUNA_KEY_MARK - 1, REST_LEN = LUNA_KEY_TEXT_BYTES - 1 - MARK_LEN };
    for (const char *at = strstr(text, LUNA_KEY_MARK); at != NULL;
         at = strstr(at + MARK_LEN, LUNA_KEY_MARK))
        if (strspn(at + MARK_LEN, "abcdefghijklmnopqrstuvwxyz234567") >= REST_LEN)
            return true;
    return false;
}

/* The text in small letters and without dashes; "" when it is too long or too short to compare. */
static void simplify(const char *text, char out[HEADER_LEN_MAX + 1])
{
    size_t len = 0;
    if (strnlen(text, HEADER_LEN_MAX + 1) <= HEADER_LEN_MAX)
        for (; *text != '\0'; text++)
            if (*text != '-')
                out[len++] = (char)tolower((unsigned char)*text);
    out[len >= COMPARED_LEN_MIN ? len : 0] = '\0';
}

static bool is_part(const char *text, const char *of)
{
    return *text != '\0' && strstr(of, text) != NULL;
}

/* What follows the name of the scheme. */
static const char *token_of(const char *authorization)
{
    const char *space = strrchr(authorization, ' ');
    return space != NULL ? space + 1 : authorization;
}

static bool shown_by(const char *text, const char *credential)
{
    char simple_text[HEADER_LEN_MAX + 1], simple_credential[HEADER_LEN_MAX + 1];
    if (*text == '\0' || *credential == '\0')
        return false;
    simplify(text, simple_text);
    simplify(credential, simple_credential);
    return is_part(simple_text, simple_credential) || is_part(simple_credential, simple_text);
}

bool credential_shown(const char *text, const char *api_key, const char *authorization)
{
    return shown_by(text, api_key) || shown_by(text, token_of(authorization));
}
