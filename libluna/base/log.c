#include "luna/base/log.h"

#include "log_output.h"
#include "luna/base/clock.h"
#include "luna/base/digits.h"
#include "luna/base/escape.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A write(2) of up to PIPE_BUF bytes to a pipe is atomic. TAIL_BYTES are reserved to close a
 * truncated line. */
enum { LINE_BYTES = PIPE_BUF, TAIL_BYTES = 32, STORMS_MAX = 16, NS_PER_MS = 1000000 };

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool cut;
};

static const char *log_program = "luna";
static enum luna_log_level log_level = LUNA_LOG_INFO;
static enum luna_log_format log_format = LUNA_LOG_JSON;

/* An event with recent warnings or errors, for the rate limit. */
struct storm {
    const char *event; /* NULL: free */
    enum luna_log_level level;
    int64_t began_ns;
    unsigned written, dropped;
};

static struct storm storms[STORMS_MAX];
static pid_t storms_pid; /* the process that `storms` belongs to: a forked child starts empty */
static bool any_dropped;

/* Lines that this process could not write since it last said so. */
static struct {
    pid_t pid; /* whose they are: a forked child starts with none */
    unsigned lines;
} dropped;

static atomic_ullong *dropped_total; /* NULL: not shown anywhere */

static const char *const level_names[] = {"debug", "info", "warning", "error"};

struct luna_log_field luna_log_string(const char *key, const char *text)
{
    return (struct luna_log_field){.key = key,
                                   .type = LUNA_LOG_FIELD_STRING,
                                   .text = text,
                                   .text_len = text != NULL ? strlen(text) : 0};
}

void luna_log_configure(const char *program, enum luna_log_level level, enum luna_log_format format)
{
    log_program = program;
    log_level = level;
    log_format = format;
    if (format == LUNA_LOG_AUTO)
        log_format = isatty(STDERR_FILENO) ? LUNA_LOG_TEXT : LUNA_LOG_JSON;
}

void luna_log_count_dropped(atomic_ullong *counter)
{
    dropped_total = counter;
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

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_int(struct line *line, int64_t number)
{
    char text[LUNA_DECIMAL_BYTES];
    put(line, text, luna_decimal_print(number, text));
}

static void put_quoted(struct line *line, const char *text, size_t len)
{
    put_text(line, "\"");
    for (size_t at = 0; at < len && !line->cut;) {
        size_t run = luna_escape_plain_run(text + at, len - at);
        put(line, text + at, run);
        at += run;
        if (at == len)
            break;
        char escaped[LUNA_ESCAPE_BYTES];
        size_t used = 0;
        size_t size = luna_escape_json(text + at, len - at, escaped, &used);
        put(line, escaped, size);
        at += used;
    }
    put_text(line, "\"");
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
        put_int(line, field->number);
    else if (field->type == LUNA_LOG_FIELD_BOOL)
        put_text(line, field->number != 0 ? "true" : "false");
    else if (field->text == NULL)
        put_text(line, "null");
    else if (log_format == LUNA_LOG_TEXT && is_bare(field->text, field->text_len))
        put(line, field->text, field->text_len);
    else
        put_quoted(line, field->text, field->text_len);
}

/* Formats the date once per second: all but the milliseconds is the same for many lines. */
static void put_time(struct line *line)
{
    static time_t seconds = -1;
    static char date[sizeof "2026-01-01T00:00:00."];
    int64_t wall_ms = luna_clock_wall_ms();
    if (wall_ms / 1000 != seconds) {
        struct tm utc;
        seconds = (time_t)(wall_ms / 1000);
        gmtime_r(&seconds, &utc);
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S.", &utc);
    }
    int ms = (int)(wall_ms % 1000);
    const char rest[] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10),
                         'Z'};
    put_text(line, date);
    put(line, rest, sizeof rest);
}

static void put_head(struct line *line, enum luna_log_level level, const char *event)
{
    if (log_format == LUNA_LOG_TEXT) {
        put_time(line);
        put_text(line, " ");
        put_text(line, level_names[level]);
        put_text(line, " ");
        put_text(line, log_program);
        put_text(line, "[");
        put_int(line, getpid());
        put_text(line, "] ");
        put_text(line, event);
        return;
    }
    put_text(line, "{\"ts\":\"");
    put_time(line);
    put_text(line, "\",\"level\":\"");
    put_text(line, level_names[level]);
    put_text(line, "\",\"program\":");
    put_quoted(line, log_program, strlen(log_program));
    put_text(line, ",\"pid\":");
    put_int(line, getpid());
    put_text(line, ",\"event\":");
    put_quoted(line, event, strlen(event));
}

/* A field that does not fit is omitted, so that a truncated line is still valid JSON. */
static void put_field(struct line *line, const struct luna_log_field *field)
{
    size_t before = line->len;
    if (log_format == LUNA_LOG_TEXT) {
        put_text(line, " ");
        put_text(line, field->key);
        put_text(line, "=");
    } else {
        put_text(line, ",\"");
        put_text(line, field->key);
        put_text(line, "\":");
    }
    put_value(line, field);
    if (line->cut)
        line->len = before;
}

static bool write_line(enum luna_log_level level, const char *event,
                       const struct luna_log_field *fields, size_t count)
{
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
    const char *tail =
        any_cut ? (text ? " cut=true\n" : ",\"cut\":true}\n") : (text ? "\n" : "}\n");
    size_t tail_len = strlen(tail); /* < TAIL_BYTES, which put() leaves free */
    memcpy(line.text + line.len, tail, tail_len);
    line.len += tail_len;
    return log_output_write(line.text, line.len);
}

static void count_dropped(void)
{
    if (dropped.pid != getpid()) {
        dropped.pid = getpid();
        dropped.lines = 0;
    }
    dropped.lines++;
    if (dropped_total != NULL)
        atomic_fetch_add_explicit(dropped_total, 1, memory_order_relaxed);
}

/* Says how many lines are missing, where they are missing. False: the output takes nothing yet. */
static bool report_dropped(void)
{
    const struct luna_log_field field = LUNA_LOG_I("lines", dropped.lines);
    if (dropped.lines == 0 || dropped.pid != getpid())
        return true;
    if (!write_line(LUNA_LOG_ERROR, "log_lines_dropped", &field, 1))
        return false;
    dropped.lines = 0;
    return true;
}

static void write_or_drop(enum luna_log_level level, const char *event,
                          const struct luna_log_field *fields, size_t count)
{
    if (!report_dropped() || !write_line(level, event, fields, count))
        count_dropped();
}

/* Writes what was dropped and frees the entry. */
static void end_storm(struct storm *storm)
{
    const struct luna_log_field fields[] = {LUNA_LOG_S("of", storm->event),
                                            LUNA_LOG_I("lines", storm->dropped)};
    if (storm->dropped > 0 && luna_log_enabled(storm->level))
        write_or_drop(storm->level, "suppressed", fields, sizeof fields / sizeof fields[0]);
    *storm = (struct storm){0};
}

static bool is_over(const struct storm *storm, int64_t now_ns)
{
    return now_ns - storm->began_ns >= LUNA_LOG_STORM_MS * (int64_t)NS_PER_MS;
}

static void end_storms(bool all)
{
    if (!any_dropped || storms_pid != getpid())
        return;
    int64_t now_ns = luna_clock_mono_ns();
    any_dropped = false;
    for (int i = 0; i < STORMS_MAX; i++) {
        if (storms[i].dropped > 0 && (all || is_over(&storms[i], now_ns)))
            end_storm(&storms[i]);
        any_dropped = any_dropped || storms[i].dropped > 0;
    }
}

/* The entry of the event; else a free one, or the oldest, which is ended first. */
static struct storm *storm_of(const char *event)
{
    struct storm *oldest = &storms[0];
    if (storms_pid != getpid()) {
        memset(storms, 0, sizeof storms);
        any_dropped = false;
        storms_pid = getpid();
    }
    for (int i = 0; i < STORMS_MAX; i++) {
        if (storms[i].event != NULL && strcmp(storms[i].event, event) == 0)
            return &storms[i];
        if (storms[i].event == NULL || storms[i].began_ns < oldest->began_ns)
            oldest = &storms[i];
    }
    end_storm(oldest);
    return oldest;
}

/* Counts one line of this event; true when the rate limit lets it through. */
static bool storm_count(enum luna_log_level level, const char *event)
{
    struct storm *storm = storm_of(event);
    int64_t now_ns = luna_clock_mono_ns();
    if (storm->event != NULL && is_over(storm, now_ns))
        end_storm(storm);
    if (storm->event == NULL)
        *storm = (struct storm){.event = event, .level = level, .began_ns = now_ns};
    if (storm->written < LUNA_LOG_STORM_LINES) {
        storm->written++;
        return true;
    }
    storm->dropped++;
    any_dropped = true;
    return false;
}

void luna_log_fields(enum luna_log_level level, const char *event,
                     const struct luna_log_field *fields, size_t count)
{
    if (!luna_log_enabled(level))
        return;
    int saved_errno = errno;
    if (level < LUNA_LOG_WARNING || storm_count(level, event))
        write_or_drop(level, event, fields, count);
    end_storms(false);
    errno = saved_errno;
}

void luna_log_tick(void)
{
    int saved_errno = errno;
    end_storms(false);
    (void)report_dropped();
    errno = saved_errno;
}

void luna_log_flush(void)
{
    end_storms(true);
    (void)report_dropped();
}
