/*
 * cmd_top.h: luna top
 */
#ifndef CLI_CMD_TOP_H
#define CLI_CMD_TOP_H

#include "terminal/command.h"

enum cli_exit cmd_top(const struct invocation *invocation);

#endif
