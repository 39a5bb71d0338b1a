/*
 * caught_output.h: what a test's subject prints on a standard stream, as a string.
 */
#ifndef TEST_CAUGHT_OUTPUT_H
#define TEST_CAUGHT_OUTPUT_H

#include <stdio.h>

enum { CAUGHT_BYTES_MAX = 256 * 1024 };

/* From here on `stream` (stdout or stderr) goes to a file. One at a time. */
void caught_begin(FILE *stream);
/* The stream is itself again; what it held, valid until the next call. */
const char *caught_end(void);

#endif
