/*
 * convert.h: `luna convert`, which shows how a file of series would be read, and computes nothing.
 */
#ifndef CLI_CONVERT_H
#define CLI_CONVERT_H

#include "terminal/command.h"

enum cli_exit cmd_convert(const struct invocation *invocation);

#endif
