#include "luna/base/log.h"

#include "luna/base/clock.h"
#include "luna/base/escape.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* PIPE_BUF is what one write(2) to a pipe keeps whole; the tail is kept free for closing a line that was cut.
 */
enum { LINE_BYTES = PIPE_BUF, TAIL_BYTES = 32 };

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool cut;
};

static const char *log_program = "luna";
static enum luna_log_level log_level = LUNA_LOG_INFO;
static enum luna_log_format log_format = LUNA_LOG_JSON;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

struct luna_log_field luna_log_string(const char *key, const char *text)
{
    return (struct luna_log_field){
        .key = key, .type = LUNA_LOG_FIELD_STRING, .text = text, .text_len = text != NULL ? strlen(text) : 0};
}

void luna_log_configure(const char *program, enum luna_log_level level, enum luna_log_format format)
{
    log_program = program;
    log_level = level;
    log_format = format;
}

bool luna_log_enabled(enum luna_log_level level)
{
    return level >= log_level;
}

static void put(struct line *line, const char *bytes, size_t len)
{
    if (line->cut || len > LINE_BYTES - TAIL_BYTES - line->len) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

static void put_format(struct line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_format(struct line *line, const char *fmt, ...)
{
    char text[128];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len > 0)
        put(line, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static void put_quoted(struct line *line, const char *text, size_t len)
{
    put(line, "\"", 1);
    for (size_t at = 0; at < len && !line->cut;) {
        char escaped[LUNA_ESCAPE_BYTES];
        size_t used = 0;
        size_t size = luna_escape_json(text + at, len - at, escaped, &used);
        put(line, escaped, size);
        at += used;
    }
    put(line, "\"", 1);
}

static bool is_bare(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && (c == '\0' || strchr("._:/@+-%,", c) == NULL))
            return false;
    }
    return len > 0;
}

static void put_value(struct line *line, const struct luna_log_field *field)
{
    if (field->type == LUNA_LOG_FIELD_INT)
        put_format(line, "%lld", (long long)field->number);
    else if (field->type == LUNA_LOG_FIELD_BOOL)
        put_format(line, "%s", field->number != 0 ? "true" : "false");
    else if (field->text == NULL)
        put(line, "null", 4);
    else if (log_format == LUNA_LOG_TEXT && is_bare(field->text, field->text_len))
        put(line, field->text, field->text_len);
    else
        put_quoted(line, field->text, field->text_len);
}

static void put_time(struct line *line)
{
    int64_t wall_ms = luna_clock_wall_ms();
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    put_format(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
               utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(wall_ms % 1000));
}

static void put_head(struct line *line, enum luna_log_level level, const char *event)
{
    if (log_format == LUNA_LOG_TEXT) {
        put_time(line);
        put_format(line, " %s %s[%d] %s", level_names[level], log_program, (int)getpid(), event);
        return;
    }
    put(line, "{\"ts\":\"", 7);
    put_time(line);
    put_format(line, "\",\"level\":\"%s\",\"program\":", level_names[level]);
    put_quoted(line, log_program, strlen(log_program));
    put_format(line, ",\"pid\":%d,\"event\":", (int)getpid());
    put_quoted(line, event, strlen(event));
}

/* A field that does not fit is left out whole, so that a cut line is still one valid object. */
static void put_field(struct line *line, const struct luna_log_field *field)
{
    size_t before = line->len;
    if (log_format == LUNA_LOG_TEXT) {
        put(line, " ", 1);
        put(line, field->key, strlen(field->key));
        put(line, "=", 1);
    } else {
        put(line, ",", 1);
        put_quoted(line, field->key, strlen(field->key));
        put(line, ":", 1);
    }
    put_value(line, field);
    if (line->cut)
        line->len = before;
}

void luna_log_fields(enum luna_log_level level, const char *event, const struct luna_log_field *fields,
                     size_t count)
{
    if (!luna_log_enabled(level))
        return;
    int saved_errno = errno;
    struct line line;
    line.len = 0;
    line.cut = false;
    bool any_cut = false;
    put_head(&line, level, event);
    for (size_t i = 0; i < count; i++) {
        put_field(&line, &fields[i]);
        any_cut = any_cut || line.cut;
        line.cut = false;
    }
    bool text = log_format == LUNA_LOG_TEXT;
    const char *tail = any_cut ? (text ? " cut=true\n" : ",\"cut\":true}\n") : (text ? "\n" : "}\n");
    size_t tail_len = strlen(tail); /* < TAIL_BYTES, which put() kept free */
    memcpy(line.text + line.len, tail, tail_len);
    line.len += tail_len;
    ssize_t written = 0;
    do {
        written = write(STDERR_FILENO, line.text, line.len);
    } while (written < 0 && errno == EINTR);
    errno = saved_errno;
}
