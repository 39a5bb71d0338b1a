#include "terminal/exit_status.h"

#include "terminal/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

static void report(const char *what)
{
    fputs("luna: ", stderr);
    output_clean(stderr, what);
    fputc('\n', stderr);
}

enum cli_exit cli_exit_report(const struct luna_error *err)
{
    report(err->msg);
    return status_of(err->code);
}

enum cli_exit cli_exit_usage(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    report(len >= 0 ? text : "no memory");
    if (len >= 0)
        free(text);
    return CLI_USAGE;
}
