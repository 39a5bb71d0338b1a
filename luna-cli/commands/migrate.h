/*
 * cmd_migrate.h: luna migrate …
 */
#ifndef CLI_CMD_MIGRATE_H
#define CLI_CMD_MIGRATE_H

#include "terminal/command.h"

enum cli_exit cmd_migrate_up(const struct invocation *invocation);
enum cli_exit cmd_migrate_status(const struct invocation *invocation);

#endif
