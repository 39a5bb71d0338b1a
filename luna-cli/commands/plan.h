/*
 * cmd_plan.h: luna plan …
 */
#ifndef CLI_CMD_PLAN_H
#define CLI_CMD_PLAN_H

#include "terminal/command.h"

enum cli_exit cmd_plan_list(const struct invocation *invocation);
enum cli_exit cmd_plan_show(const struct invocation *invocation);
enum cli_exit cmd_plan_set(const struct invocation *invocation);

#endif
