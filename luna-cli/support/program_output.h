/*
 * program_output.h: what another program prints.
 */
#ifndef CLI_PROGRAM_OUTPUT_H
#define CLI_PROGRAM_OUTPUT_H

#include "luna/base/buf.h"

/* Runs argv[0], searched in PATH, without a shell, and appends both of its output streams to `out`.
 * A line in `notes` says why it could not be run, that it took longer than `timeout_ms` and was
 * killed, or that it failed. */
void program_output(char *const argv[], int timeout_ms, struct luna_buf *out,
                    struct luna_buf *notes);

#endif
