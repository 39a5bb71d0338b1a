/*
 * log.h: one event, one line, on standard error or in a file.
 *
 * Programs only; libraries return errors instead. A line is JSON (one object) or key=value for a
 * terminal. Untrusted bytes are escaped. A line is written with one write(2), so lines of several
 * processes do not mix; errno is preserved. A storm does not fill the disk: of the warnings and
 * errors of one event a process writes at most LUNA_LOG_STORM_LINES within LUNA_LOG_STORM_MS; how
 * many more there were stands in a line `suppressed` afterwards.
 *
 *     luna_log(LUNA_LOG_INFO, "worker_started", LUNA_LOG_I("slot", slot), LUNA_LOG_S("socket",
 *       path));
 */
#ifndef LUNA_BASE_LOG_H
#define LUNA_BASE_LOG_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum luna_log_level { LUNA_LOG_DEBUG, LUNA_LOG_INFO, LUNA_LOG_WARNING, LUNA_LOG_ERROR };
enum luna_log_format { LUNA_LOG_JSON, LUNA_LOG_TEXT, LUNA_LOG_AUTO }; /* AUTO: TEXT on a terminal */

enum { LUNA_LOG_STORM_LINES = 20, LUNA_LOG_STORM_MS = 10000 };

enum luna_log_field_type { LUNA_LOG_FIELD_STRING, LUNA_LOG_FIELD_INT, LUNA_LOG_FIELD_BOOL };

struct luna_log_field {
    const char *key; /* ours: letters, digits and _, written as it is */
    enum luna_log_field_type type;
    const char *text; /* FIELD_STRING; NULL prints null */
    size_t text_len;
    int64_t number; /* FIELD_INT, FIELD_BOOL */
};

#define LUNA_LOG_S(key_, text_) luna_log_string((key_), (text_))
#define LUNA_LOG_N(key_, text_, len_)                                                              \
    ((struct luna_log_field){                                                                      \
        .key = (key_), .type = LUNA_LOG_FIELD_STRING, .text = (text_), .text_len = (len_)})
#define LUNA_LOG_I(key_, number_)                                                                  \
    ((struct luna_log_field){                                                                      \
        .key = (key_), .type = LUNA_LOG_FIELD_INT, .number = (int64_t)(number_)})
#define LUNA_LOG_B(key_, number_)                                                                  \
    ((struct luna_log_field){.key = (key_), .type = LUNA_LOG_FIELD_BOOL, .number = (number_)})

struct luna_log_field luna_log_string(const char *key, const char *text);

/* `program` is borrowed for the life of the process. Call once at start, again to change the level
 * or format, or after luna_log_open() when the format is AUTO. */
void luna_log_configure(const char *program, enum luna_log_level level,
                        enum luna_log_format format);
/* From here on lines, and all else that goes to standard error, are appended to the file at `path`,
 * which is made when it is not there. The same call again follows a file that was renamed.
 * LUNA_EIO: everything stays as it was. */
enum luna_code luna_log_open(const char *path, struct luna_error *err) LUNA_MUSTCHECK;
/* Says what was suppressed and whose time is over: every second or so, so that the end of a
 * storm shows. */
void luna_log_tick(void);
/* Says it at once: at a process's end. */
void luna_log_flush(void);
bool luna_log_enabled(enum luna_log_level level);
/* `event` is a literal: it is remembered. */
void luna_log_fields(enum luna_log_level level, const char *event,
                     const struct luna_log_field *fields, size_t count);

#define luna_log(level_, event_, ...)                                                              \
    do {                                                                                           \
        if (luna_log_enabled(level_)) {                                                            \
            const struct luna_log_field luna_log_fields_[] = {__VA_ARGS__};                        \
            luna_log_fields((level_), (event_), luna_log_fields_,                                  \
                            sizeof luna_log_fields_ / sizeof luna_log_fields_[0]);                 \
        }                                                                                          \
    } while (0)

#endif
