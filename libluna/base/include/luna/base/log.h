/*
 * log.h: structured log lines, one per event, on standard error or in a file.
 *
 * For programs only; libraries return errors instead. A line is one JSON object, or key=value text
 * for a terminal. Untrusted bytes are escaped. Each line is one write(2), so that lines of several
 * processes do not interleave; errno is preserved. Rate limit: a process writes at most
 * LUNA_LOG_STORM_LINES warnings and errors of one event within LUNA_LOG_STORM_MS; a line
 * `suppressed` then gives the number of lines that were dropped. A line that the output does not
 * take at once is dropped and counted (luna_log_unblock()); a line `log_lines_dropped` gives the
 * number as soon as the output takes lines again.
 *
 *     luna_log(LUNA_LOG_INFO, "worker_started", LUNA_LOG_I("slot", slot), LUNA_LOG_S("socket",
 *       path));
 */
#ifndef LUNA_BASE_LOG_H
#define LUNA_BASE_LOG_H

#include "luna/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum luna_log_level { LUNA_LOG_DEBUG, LUNA_LOG_INFO, LUNA_LOG_WARNING, LUNA_LOG_ERROR };
enum luna_log_format { LUNA_LOG_JSON, LUNA_LOG_TEXT, LUNA_LOG_AUTO }; /* AUTO: TEXT on a terminal */

enum { LUNA_LOG_STORM_LINES = 20, LUNA_LOG_STORM_MS = 10000 };

enum luna_log_field_type { LUNA_LOG_FIELD_STRING, LUNA_LOG_FIELD_INT, LUNA_LOG_FIELD_BOOL };

struct luna_log_field {
    const char *key; /* a literal of letters, digits and _, written without escapes */
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

/* `program` is borrowed for the life of the process. Call at start, to change the level or format,
 * and after luna_log_open() when the format is AUTO. */
void luna_log_configure(const char *program, enum luna_log_level level,
                        enum luna_log_format format);
/* From now on a reader of standard error that has stopped does not stop this process. For daemons,
 * at start, before they give up the rights of root. */
void luna_log_unblock(void);
/* Adds each line that this process and its children drop to `counter`, which must outlive them. */
void luna_log_count_dropped(atomic_ullong *counter);
/* For processes that write one log: after a line that one of them could write only in part, as the
 * disk was full, the next line of any of them begins on a line of its own. `shared` is in their
 * common memory; NULL: this process is alone. */
void luna_log_share_torn(atomic_bool *shared);
/* Redirects standard error, and with it the log, to the file at `path`, which is created if
 * necessary and appended to. It may be a FIFO, with or without a reader, and never blocks. Call it
 * again to reopen the file after a rotation. LUNA_EIO: nothing changes. */
enum luna_code luna_log_open(const char *path, struct luna_error *err) LUNA_MUSTCHECK;
/* Writes the `suppressed` lines of events whose LUNA_LOG_STORM_MS have passed, and
 * `log_lines_dropped`; call it about once a second. */
void luna_log_tick(void);
/* Writes all `suppressed` lines and `log_lines_dropped`; call it before the process exits. */
void luna_log_flush(void);
bool luna_log_enabled(enum luna_log_level level);
/* `event` is a literal: its address is kept. */
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
