/*
 * cmd_account.h: luna account …
 */
#ifndef CLI_CMD_ACCOUNT_H
#define CLI_CMD_ACCOUNT_H

#include "terminal/command.h"

enum cli_exit cmd_account_create(const struct invocation *invocation);
enum cli_exit cmd_account_list(const struct invocation *invocation);
enum cli_exit cmd_account_show(const struct invocation *invocation);
enum cli_exit cmd_account_set_limit(const struct invocation *invocation);
enum cli_exit cmd_account_set_plan(const struct invocation *invocation);
enum cli_exit cmd_account_disable(const struct invocation *invocation);
enum cli_exit cmd_account_enable(const struct invocation *invocation);
enum cli_exit cmd_account_rotate_key(const struct invocation *invocation);

#endif
