#include "luna/base/escape.h"

#include <stdbool.h>
#include <string.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* After these lead bytes the second byte decides about overlong forms, surrogates and values past
 * U+10FFFF. */
static bool second_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t luna_utf8_length(const char *text, size_t len)
{
    if (len == 0)
        return 0;
    unsigned char lead = (unsigned char)text[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    size_t need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (len < need || !second_fits(lead, (unsigned char)text[1]))
        return 0;
    for (size_t i = 1; i < need; i++) {
        if (!is_continuation(text[i]))
            return 0;
    }
    return need;
}

static size_t put_hex(unsigned code, char out[LUNA_ESCAPE_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    memcpy(out, "\\u00", 4);
    out[4] = digits[code >> 4 & 15];
    out[5] = digits[code & 15];
    return 6;
}

static size_t escape_ascii(unsigned char c, char out[LUNA_ESCAPE_BYTES])
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *special = c == '\0' ? NULL : strchr(from, c);
    if (special != NULL) {
        out[0] = '\\';
        out[1] = to[special - from];
        return 2;
    }
    if (c < 0x20 || c == 0x7f)
        return put_hex(c, out);
    out[0] = (char)c;
    return 1;
}

size_t luna_escape_json(const char *text, size_t len, char out[LUNA_ESCAPE_BYTES], size_t *ret_used)
{
    size_t size = luna_utf8_length(text, len);
    *ret_used = size > 0 ? size : 1;
    if (size == 1)
        return escape_ascii((unsigned char)text[0], out);
    if (size == 0) {
        memcpy(out, "\xef\xbf\xbd", 3);
        return 3;
    }
    if ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0)
        return put_hex((unsigned char)text[1], out);
    memcpy(out, text, size);
    return size;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

size_t luna_escape_plain_run(const char *text, size_t len)
{
    size_t run = 0;
    while (run < len && is_plain(text[run]))
        run++;
    return run;
}

size_t luna_escape_control_length(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (c[0] < ' ' || c[0] == 0x7f)
        return 1;
    if (c[0] == 0xc2 && len >= 2 && c[1] >= 0x80 && c[1] <= 0x9f)
        return 2;
    bool marks = c[0] == 0xe2 && len >= 3 && c[1] == 0x80 &&
                 (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae));
    bool isolates = c[0] == 0xe2 && len >= 3 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
    return marks || isolates ? 3 : 0;
}
