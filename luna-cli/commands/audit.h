/*
 * cmd_audit.h: luna audit …
 */
#ifndef CLI_CMD_AUDIT_H
#define CLI_CMD_AUDIT_H

#include "terminal/command.h"

enum cli_exit cmd_audit_verify(const struct invocation *invocation);
enum cli_exit cmd_audit_show(const struct invocation *invocation);

#endif
