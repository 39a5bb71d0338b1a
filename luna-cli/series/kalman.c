#include "series/kalman.h"

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/base/escape.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/run.h"
#include "series/kalman_line.h"
#include "terminal/exit_status.h"
#include "terminal/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The user's own file, so the limit is generous; it exists so that a path such as /dev/zero
 * ends. */
static const size_t file_bytes_max = (size_t)4 << 30;
enum { READ_BYTES = 65536, NESTING_MAX = 16 };

struct job {
    struct kalman_line line;
    struct luna_buf body;
    struct luna_buf answer;
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request;
    struct luna_result result;
};

static const char *name_input(const struct job *job)
{
    return strcmp(job->line.path, "-") == 0 ? "standard input" : job->line.path;
}

static int failed(const struct job *job, const char *why)
{
    fputs("luna: ", stderr);
    output_clean(stderr, name_input(job));
    fprintf(stderr, ": %s\n", why);
    return CLI_FAILED;
}

static int read_all(struct job *job, int fd)
{
    for (;;) {
        char *at = luna_buf_reserve(&job->body, READ_BYTES);
        if (at == NULL)
            return failed(job, "too large");
        ssize_t got = read(fd, at, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(job, strerrordesc_np(errno));
        if (got == 0)
            return CLI_OK;
        luna_buf_advance(&job->body, (size_t)got);
    }
}

static int read_file(struct job *job)
{
    if (strcmp(job->line.path, "-") == 0)
        return read_all(job, STDIN_FILENO);
    int fd = open(job->line.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(job, strerrordesc_np(errno));
    int status = read_all(job, fd);
    close(fd);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* By the name of the file, else by its first character: a numeric CSV cannot start with a
 * bracket. */
static enum kalman_format guess_format(const struct job *job)
{
    if (job->line.input_format != KALMAN_FORMAT_GUESS)
        return job->line.input_format;
    if (ends_with(job->line.path, ".json"))
        return KALMAN_FORMAT_JSON;
    if (ends_with(job->line.path, ".csv"))
        return KALMAN_FORMAT_CSV;
    for (size_t i = 0; i < job->body.len; i++) {
        char c = job->body.data[i];
        if (c == '{' || c == '[')
            return KALMAN_FORMAT_JSON;
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            break;
    }
    return KALMAN_FORMAT_CSV;
}

/* An error quotes the file, whose control bytes must not reach a terminal. */
static void print_escaped(const char *text)
{
    for (size_t at = 0, len = strlen(text); at < len;) {
        char escaped[LUNA_ESCAPE_BYTES];
        size_t used = 0;
        bool plain = text[at] == '"' || text[at] == '\\';
        size_t size = luna_escape_json(text + at, len - at, escaped, &used);
        fwrite(plain ? text + at : escaped, 1, plain ? 1 : size, stderr);
        at += used;
    }
}

static void print_fault(const struct luna_fault *fault)
{
    fputs("  ", stderr);
    for (int i = 1; i < fault->loc_count; i++) { /* loc[0] is always "body" */
        if (fault->loc[i].name != NULL) {
            fputs(i > 1 ? "." : "", stderr);
            print_escaped(fault->loc[i].name);
        } else {
            fprintf(stderr, "[%ld]", fault->loc[i].index);
        }
    }
    fprintf(stderr, "%s%s\n", fault->loc_count > 1 ? ": " : "", fault->msg);
    if (fault->hint != NULL) {
        fputs("      ", stderr);
        print_escaped(fault->hint);
        fputc('\n', stderr);
    }
}

static int print_faults(const struct job *job, const char *where, int status)
{
    fputs("luna: ", stderr);
    output_clean(stderr, where);
    fputs(":\n", stderr);
    for (size_t i = 0; i < job->faults.count; i++)
        print_fault(&job->faults.list[i]);
    if (job->faults.more)
        fputs("  … and maybe further errors\n", stderr);
    return status;
}

static int decode(struct job *job, enum kalman_format format)
{
    const struct luna_request_limits limits = {.points_max = SIZE_MAX / 64,
                                               .nesting_max = NESTING_MAX};
    enum luna_decode_status (*decoder)(const char *, size_t, const struct luna_request_limits *,
                                       struct luna_arena *, struct luna_request *,
                                       struct luna_faults *) =
        format == KALMAN_FORMAT_JSON ? luna_decode_json : luna_decode_csv;
    enum luna_decode_status status =
        decoder(job->body.data, job->body.len, &limits, &job->arena, &job->request, &job->faults);
    if (status == LUNA_DECODE_FAULTS || status == LUNA_DECODE_LONG)
        return print_faults(job, name_input(job), CLI_FAILED);
    if (status == LUNA_DECODE_OK)
        status = luna_decode_options(job->line.options.data, job->line.options.len, NESTING_MAX,
                                     &job->arena, &job->request, &job->faults);
    if (status == LUNA_DECODE_FAULTS)
        return print_faults(job, "the command line", CLI_USAGE);
    return status == LUNA_DECODE_OK ? CLI_OK : failed(job, "out of memory");
}

static int run(struct job *job)
{
    switch (luna_run(&job->request, NULL, &job->arena, &job->result, &job->faults)) {
    case LUNA_RUN_OK:
        return CLI_OK;
    case LUNA_RUN_FAULTS:
        return print_faults(job, name_input(job), CLI_FAILED);
    case LUNA_RUN_CANCELLED:
    case LUNA_RUN_MEMORY:
        break;
    }
    return failed(job, "out of memory");
}

static int write_answer(struct job *job, enum kalman_format format)
{
    if (format == KALMAN_FORMAT_JSON) {
        luna_encode_json(&job->request, &job->result, job->line.precision, &job->answer);
        luna_buf_putc(&job->answer, '\n');
    } else {
        luna_encode_csv(&job->request, &job->result, job->line.precision, &job->answer);
    }
    if (job->answer.overflow)
        return failed(job, "out of memory");
    /* main() checks the stream once, when it flushes it. */
    fwrite(job->answer.data, 1, job->answer.len, stdout);
    return CLI_OK;
}

static int filter(struct job *job)
{
    int status = read_file(job);
    if (status != CLI_OK)
        return status;
    enum kalman_format format = guess_format(job);
    status = decode(job, format);
    if (status == CLI_OK)
        status = run(job);
    if (status == CLI_OK)
        status = write_answer(
            job, job->line.output_format != KALMAN_FORMAT_GUESS ? job->line.output_format : format);
    return status;
}

int cmd_kalman(int argc, char **argv)
{
    struct job job = {.line = {.path = NULL}};
    int status = CLI_USAGE;
    luna_buf_init(&job.body, file_bytes_max);
    luna_buf_init(&job.answer, SIZE_MAX / 2);
    luna_arena_init(&job.arena, 65536, SIZE_MAX / 2);
    luna_faults_init(&job.faults, &job.arena);
    switch (kalman_line_read(argc, argv, &job.line)) {
    case KALMAN_LINE_RUN:
        status = filter(&job);
        break;
    case KALMAN_LINE_HELP:
        kalman_line_print_help();
        status = CLI_OK;
        break;
    case KALMAN_LINE_WRONG:
        fputs("Try: luna kalman --help\n", stderr);
        break;
    }
    kalman_line_done(&job.line);
    luna_buf_done(&job.body);
    luna_buf_done(&job.answer);
    luna_arena_done(&job.arena);
    return status;
}
