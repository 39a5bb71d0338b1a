#include "luna/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum luna_code luna_error_set(struct luna_error *err, enum luna_code code, const char *fmt, ...)
{
    if (err == NULL)
        return code;
    /* Formatted into a copy: an argument may be err->msg itself. */
    char msg[LUNA_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    err->code = code;
    memcpy(err->msg, msg, sizeof msg);
    return code;
}

enum luna_code luna_error_wrap(struct luna_error *err, const char *fmt, ...)
{
    if (err == NULL)
        return LUNA_EINVAL;
    char msg[LUNA_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    int written = vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    size_t used = written < 0 ? 0 : (size_t)written;
    if (used + 2 < sizeof msg) {
        memcpy(msg + used, ": ", 2);
        used += 2;
        size_t len = strnlen(err->msg, sizeof msg - 1 - used);
        memcpy(msg + used, err->msg, len);
        msg[used + len] = '\0';
    }
    memcpy(err->msg, msg, sizeof msg);
    return err->code;
}
