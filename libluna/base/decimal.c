#include "luna/base/decimal.h"

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
