/*
 * cmd_key.h: luna key …
 */
#ifndef CLI_CMD_KEY_H
#define CLI_CMD_KEY_H

#include "terminal/command.h"

enum cli_exit cmd_key_create(const struct invocation *invocation);
enum cli_exit cmd_key_list(const struct invocation *invocation);
enum cli_exit cmd_key_revoke(const struct invocation *invocation);
enum cli_exit cmd_key_find(const struct invocation *invocation);

#endif
