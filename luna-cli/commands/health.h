/*
 * cmd_health.h: luna health
 */
#ifndef CLI_CMD_HEALTH_H
#define CLI_CMD_HEALTH_H

#include "terminal/command.h"

enum cli_exit cmd_health(const struct invocation *invocation);

#endif
