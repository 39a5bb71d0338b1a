/*
 * log_output.h: where log lines go: standard error, which luna_log_open() may redirect to a file.
 * Private to base; luna/base/log.h has what programs call.
 */
#ifndef LUNA_BASE_LOG_OUTPUT_H
#define LUNA_BASE_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a line of up to PIPE_BUF bytes. False: it was not written, or not whole. After
 * luna_log_unblock() or luna_log_open() this never waits for a reader. */
bool log_output_write(const char *line, size_t len) __attribute__((warn_unused_result));

#endif
