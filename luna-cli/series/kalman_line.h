/*
 * kalman_line.h: the command line of `luna kalman`, as the options of a request.
 *
 * The options become the JSON that a client of the service would send, so that one validator serves
 * both and reports an error in the same words.
 */
#ifndef CLI_KALMAN_LINE_H
#define CLI_KALMAN_LINE_H

#include "luna/base/buf.h"
#include "series/source.h"

#include <stdbool.h>

enum { KALMAN_TABLE_OPTIONS = 7 };

struct kalman_line {
    const char *path; /* "-": standard input */
    enum source_format input_format;
    enum source_format output_format; /* GUESS: by output_path, else the format of the input */
    const char *output_path;          /* NULL: standard output */
    bool plot;                        /* draw on standard output */
    bool batch;                       /* many series */
    int precision;                    /* significant digits; 0: exact */
    struct luna_buf options;          /* a complete JSON object */
    /* of luna_table_option_names, in that order; NULL: not given */
    const char *table[KALMAN_TABLE_OPTIONS];
};

enum kalman_line_status { KALMAN_LINE_RUN, KALMAN_LINE_HELP, KALMAN_LINE_WRONG };

/* Reads argv and prints any usage error. Call kalman_line_done() in every case. */
enum kalman_line_status kalman_line_read(int argc, char **argv, struct kalman_line *ret_line);
void kalman_line_done(struct kalman_line *line);
void kalman_line_print_help(void);
/* The name of an option, from 0 on, without the leading "--"; NULL after the last. */
const char *kalman_line_option(int index);

#endif
