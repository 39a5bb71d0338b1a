/*
 * exit_status.h: what `luna` exits with. The same table is printed by `luna --help`.
 */
#ifndef CLI_EXIT_STATUS_H
#define CLI_EXIT_STATUS_H

#include "luna/base/error.h"

#define CLI_EXIT_TABLE(X)                                                                          \
    X(CLI_OK, 0, "done")                                                                           \
    X(CLI_FAILED, 1, "it failed, or a check found something wrong")                                \
    X(CLI_USAGE, 2, "the command line is wrong")                                                   \
    X(CLI_NOT_FOUND, 3, "there is no such account, key or plan")                                   \
    X(CLI_CONFLICT, 4, "it exists already, or changed meanwhile")                                  \
    X(CLI_UNAVAILABLE, 69, "PostgreSQL or Redis cannot be reached, or refuses work")               \
    X(CLI_CONFIG, 78, "a setting is missing or wrong")

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
