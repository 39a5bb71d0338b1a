/*
 * cmd_status.h: luna status
 */
#ifndef CLI_CMD_STATUS_H
#define CLI_CMD_STATUS_H

#include "terminal/command.h"

enum cli_exit cmd_status(const struct invocation *invocation);

#endif
