/*
 * commands.h: every command of `luna`. To add one: write its handler in the cmd_*.c of its group
 * and a row in commands.c.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "terminal/command.h"

/* Ends with name == NULL; in the order that --help shows. */
extern const struct command cli_commands[];

#endif
