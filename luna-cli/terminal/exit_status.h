/*
 * exit_status.h: the exit statuses of `luna`, in one table that `luna --help` prints.
 */
#ifndef CLI_EXIT_STATUS_H
#define CLI_EXIT_STATUS_H

#include "luna/base/error.h"

#define CLI_EXIT_TABLE(X)                                                                          \
    X(CLI_OK, 0, "success")                                                                        \
    X(CLI_FAILED, 1, "failure, or a check that found a problem")                                   \
    X(CLI_USAGE, 2, "invalid command line")                                                        \
    X(CLI_NOT_FOUND, 3, "the account, key or plan does not exist")                                 \
    X(CLI_CONFLICT, 4, "the record already exists, or was changed concurrently")                   \
    X(CLI_UNAVAILABLE, 69, "PostgreSQL or Redis is unavailable")                                   \
    X(CLI_CONFIG, 78, "a setting is missing or invalid")

enum cli_exit {
#define X(name, number, meaning) name = (number),
    CLI_EXIT_TABLE(X)
#undef X
};

/* Prints "luna: message" on standard error and returns the status for `err->code`. */
enum cli_exit cli_exit_report(const struct luna_error *err);
/* Prints "luna: …" and returns CLI_USAGE. */
enum cli_exit cli_exit_usage(const char *fmt, ...) LUNA_PRINTF(1, 2);

#endif
