#include "terminal/exit_status.h"

#include <stdarg.h>
#include <stdio.h>

static enum cli_exit status_of(enum luna_code code)
{
    switch (code) {
    case LUNA_OK:
        return CLI_OK;
    case LUNA_EINVAL:
        return CLI_USAGE;
    case LUNA_ECONFIG:
        return CLI_CONFIG;
    case LUNA_ENOTFOUND:
        return CLI_NOT_FOUND;
    case LUNA_ECONFLICT:
        return CLI_CONFLICT;
    case LUNA_ETIMEOUT:
    case LUNA_EUNAVAILABLE:
    case LUNA_ECLOCKS:
        return CLI_UNAVAILABLE;
    case LUNA_ELIMIT:
    case LUNA_ENOMEM:
    case LUNA_EIO:
    case LUNA_EPROTOCOL:
    case LUNA_EJOURNAL:
        break;
    }
    return CLI_FAILED;
}

enum cli_exit cli_exit_report(const struct luna_error *err)
{
    fprintf(stderr, "luna: %s\n", err->msg);
    return status_of(err->code);
}

enum cli_exit cli_exit_usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("luna: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_USAGE;
}
