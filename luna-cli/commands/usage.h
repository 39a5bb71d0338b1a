/*
 * cmd_usage.h: luna usage
 */
#ifndef CLI_CMD_USAGE_H
#define CLI_CMD_USAGE_H

#include "terminal/command.h"

enum cli_exit cmd_usage(const struct invocation *invocation);

#endif
