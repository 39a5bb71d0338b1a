/*
 * commands.h: every command of `luna`. To add one: write its handler in the file of its group,
 * declare it in handlers.h, and add a row to commands.c.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "terminal/command.h"

/* In the order of --help; ends with name == NULL. */
extern const struct command cli_commands[];

#endif
