/*
 * source.h: the file that a command on series reads, and the file that it writes.
 *
 * A function that returns a status other than CLI_OK has printed why.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "luna/base/buf.h"
#include "luna/modelling/fault.h"
#include "terminal/exit_status.h"

#include <stddef.h>

enum source_format {
    SOURCE_FORMAT_GUESS,
    SOURCE_FORMAT_JSON,
    SOURCE_FORMAT_CSV,
    SOURCE_FORMAT_NDJSON,
    SOURCE_FORMAT_OCTETS
};

/* A user's own file may be large; the limit exists so that a path such as /dev/zero ends. */
#define SOURCE_BYTES_MAX ((size_t)4 << 30)

/* The whole file `path` ("-": standard input), appended to `out`. On a terminal a line on standard
 * error shows the progress of a long one. */
enum cli_exit source_read(const char *path, struct luna_buf *out);
/* `bytes` into the file `path`, which is created or replaced. */
enum cli_exit source_write(const char *path, const char *bytes, size_t len);

/* The format that "json", "csv", "ndjson" or "octets" names; GUESS for any other word. */
enum source_format source_format_named(const char *name);
const char *source_format_name(enum source_format format);
/* The format that the ending of a path names; GUESS: it names none. */
enum source_format source_format_of_path(const char *path);
/* The format of a file, by its name, else by its first characters; never GUESS. */
enum source_format source_format_guess(const char *path, const char *bytes, size_t len);

/* "luna: PATH: WHY" on standard error; returns CLI_FAILED. */
enum cli_exit source_failed(const char *path, const char *why);
/* What is wrong with `where`, a path or another part of the input; returns `status`. */
enum cli_exit source_print_faults(const struct luna_faults *faults, const char *where,
                                  enum cli_exit status);

#endif
