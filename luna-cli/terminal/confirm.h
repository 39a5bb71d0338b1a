/*
 * confirm.h: asks before a command that destroys something.
 */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "terminal/command.h"

/* CLI_OK: the command destroys nothing, --yes was given, or the user agreed. CLI_FAILED: the user
 * did not agree. CLI_USAGE: there is no terminal to ask on; prints the command line to run
 * instead. */
enum cli_exit confirm_destruction(const struct invocation *invocation);

#endif
