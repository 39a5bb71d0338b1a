#include "luna/store/pepper.h"

#include "luna/base/digits.h"

#include <string.h>

enum luna_code luna_pepper_decode(const char *text, unsigned char out[LUNA_PEPPER_BYTES_MAX],
                                  size_t *ret_len, struct luna_error *err)
{
    size_t len = 0;
    if (!luna_hex_decode(text, out, LUNA_PEPPER_BYTES_MAX, &len) || len < LUNA_PEPPER_BYTES_MIN)
        return luna_error_set(
            err, LUNA_ECONFIG,
            "LUNA_KEY_PEPPER has %zu characters; wanted %d to %d hexadecimal digits, two a byte",
            strlen(text), 2 * LUNA_PEPPER_BYTES_MIN, 2 * LUNA_PEPPER_BYTES_MAX);
    *ret_len = len;
    return LUNA_OK;
}
