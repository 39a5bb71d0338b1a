#include "luna/base/digits.h"

#include <string.h>

size_t luna_decimal_print(int64_t number, char *out)
{
    char text[LUNA_DECIMAL_BYTES];
    char *end = text + sizeof text, *at = end;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        *--at = '-';
    memcpy(out, at, (size_t)(end - at));
    return (size_t)(end - at);
}

int luna_hex_digit(char c)
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
        int high = luna_hex_digit(text[2 * i]);
        int low = luna_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    *ret_len = len / 2;
    return true;
}

void luna_hex_encode(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}
