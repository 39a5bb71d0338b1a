#include "luna/base/hex.h"

#include <string.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool luna_hex_decode(const char *text, unsigned char *out, size_t out_bytes_max, size_t *ret_len)
{
    size_t len = strlen(text);
    if (len % 2 != 0 || len / 2 > out_bytes_max)
        return false;
    for (size_t i = 0; i < len / 2; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    *ret_len = len / 2;
    return true;
}
