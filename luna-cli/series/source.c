#include "series/source.h"

#include "luna/base/escape.h"
#include "terminal/output.h"
#include "terminal/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 65536, FILE_MODE = 0666 };

static const struct {
    enum source_format format;
    const char *name;
    const char *endings[3];
} formats[] = {
    {SOURCE_FORMAT_JSON, "json", {".json"}},
    {SOURCE_FORMAT_CSV, "csv", {".csv", ".tsv"}},
    {SOURCE_FORMAT_NDJSON, "ndjson", {".ndjson", ".jsonl"}},
    {SOURCE_FORMAT_OCTETS, "octets", {NULL}},
};
enum { FORMAT_COUNT = sizeof formats / sizeof formats[0] };

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

enum cli_exit source_failed(const char *path, const char *why)
{
    fputs("luna: ", stderr);
    output_clean(stderr, name_of(path));
    fprintf(stderr, ": %s\n", why);
    return CLI_FAILED;
}

/* 0: not known, of a pipe for example */
static int64_t size_of(int fd)
{
    struct stat stat;
    return fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) ? stat.st_size : 0;
}

static enum cli_exit read_all(const char *path, int fd, struct luna_buf *out)
{
    struct progress progress = {.what = "reading"};
    int64_t size = size_of(fd);
    for (;;) {
        char *at = luna_buf_reserve(out, READ_BYTES);
        ssize_t got = at != NULL ? read(fd, at, READ_BYTES) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            progress_end(&progress);
        if (at == NULL)
            return source_failed(path, "too large");
        if (got < 0)
            return source_failed(path, strerrordesc_np(errno));
        if (got == 0)
            return CLI_OK;
        luna_buf_advance(out, (size_t)got);
        if (size > 0)
            progress_step(&progress, (int64_t)out->len, size);
    }
}

enum cli_exit source_read(const char *path, struct luna_buf *out)
{
    if (strcmp(path, "-") == 0)
        return read_all(path, STDIN_FILENO, out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return source_failed(path, strerrordesc_np(errno));
    enum cli_exit status = read_all(path, fd, out);
    close(fd);
    return status;
}

enum cli_exit source_write(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return source_failed(path, strerrordesc_np(errno));
    int error = 0;
    for (size_t done = 0; done < len && error == 0;) {
        ssize_t wrote = write(fd, bytes + done, len - done);
        if (wrote >= 0)
            done += (size_t)wrote;
        else if (errno != EINTR)
            error = errno;
    }
    if (close(fd) != 0 && error == 0)
        error = errno; /* a full disk may be reported only here */
    return error == 0 ? CLI_OK : source_failed(path, strerrordesc_np(error));
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

enum source_format source_format_named(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(name, formats[i].name) == 0)
            return formats[i].format;
    return SOURCE_FORMAT_GUESS;
}

const char *source_format_name(enum source_format format)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (formats[i].format == format)
            return formats[i].name;
    return "unknown";
}

enum source_format source_format_of_path(const char *path)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        for (int k = 0; formats[i].endings[k] != NULL; k++)
            if (ends_with(path, formats[i].endings[k]))
                return formats[i].format;
    return SOURCE_FORMAT_GUESS;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* One object on each of the first two lines is NDJSON: in a JSON document no line that ends with a
 * closing brace is followed by an opening one without a comma. */
static bool lines_are_objects(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    size_t next = end != NULL ? (size_t)(end - bytes) : len;
    size_t last = next;
    while (last > 0 && is_space(bytes[last - 1]))
        last--;
    while (next < len && is_space(bytes[next]))
        next++;
    return last > 0 && bytes[last - 1] == '}' && next < len && bytes[next] == '{';
}

/* A table cannot start with a bracket. */
enum source_format source_format_guess(const char *path, const char *bytes, size_t len)
{
    enum source_format named = source_format_of_path(path);
    size_t at = 0;
    if (named != SOURCE_FORMAT_GUESS)
        return named;
    while (at < len && is_space(bytes[at]))
        at++;
    if (at == len || (bytes[at] != '{' && bytes[at] != '['))
        return SOURCE_FORMAT_CSV;
    if (bytes[at] == '{' && lines_are_objects(bytes + at, len - at))
        return SOURCE_FORMAT_NDJSON;
    return SOURCE_FORMAT_JSON;
}

/* A message quotes the file, whose control bytes must not reach a terminal. */
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

enum cli_exit source_print_faults(const struct luna_faults *faults, const char *where,
                                  enum cli_exit status)
{
    fputs("luna: ", stderr);
    output_clean(stderr, name_of(where));
    fputs(":\n", stderr);
    for (size_t i = 0; i < faults->count; i++)
        print_fault(&faults->list[i]);
    if (faults->more)
        fputs("  … and maybe further errors\n", stderr);
    return status;
}
