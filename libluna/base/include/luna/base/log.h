/*
 * log.h: one event, one line, on standard error.
 *
 * Programs only; libraries return errors instead. A line is JSON (one object) or key=value for a terminal.
 * Untrusted bytes are escaped. A line is written with one write(2), so lines of several processes do not mix;
 * errno is preserved.
 *
 *     luna_log(LUNA_LOG_INFO, "worker_started", LUNA_LOG_I("slot", slot), LUNA_LOG_S("socket", path));
 */
#ifndef LUNA_BASE_LOG_H
#define LUNA_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum luna_log_level { LUNA_LOG_DEBUG, LUNA_LOG_INFO, LUNA_LOG_WARNING, LUNA_LOG_ERROR };
enum luna_log_format { LUNA_LOG_JSON, LUNA_LOG_TEXT };

enum luna_log_field_type { LUNA_LOG_FIELD_STRING, LUNA_LOG_FIELD_INT, LUNA_LOG_FIELD_BOOL };

struct luna_log_field {
    const char *key;
    enum luna_log_field_type type;
    const char *text; /* FIELD_STRING; NULL prints null */
    size_t text_len;
    int64_t number; /* FIELD_INT, FIELD_BOOL */
};

#define LUNA_LOG_S(key_, text_) luna_log_string((key_), (text_))
#define LUNA_LOG_N(key_, text_, len_)                                                                        \
    ((struct luna_log_field){                                                                                \
        .key = (key_), .type = LUNA_LOG_FIELD_STRING, .text = (text_), .text_len = (len_)})
#define LUNA_LOG_I(key_, number_)                                                                            \
    ((struct luna_log_field){.key = (key_), .type = LUNA_LOG_FIELD_INT, .number = (int64_t)(number_)})
#define LUNA_LOG_B(key_, number_)                                                                            \
    ((struct luna_log_field){.key = (key_), .type = LUNA_LOG_FIELD_BOOL, .number = (number_)})

struct luna_log_field luna_log_string(const char *key, const char *text);

/* `program` is borrowed for the life of the process. Call once at start, again to change the level or format.
 */
void luna_log_configure(const char *program, enum luna_log_level level, enum luna_log_format format);
bool luna_log_enabled(enum luna_log_level level);
void luna_log_fields(enum luna_log_level level, const char *event, const struct luna_log_field *fields,
                     size_t count);

#define luna_log(level_, event_, ...)                                                                        \
    do {                                                                                                     \
        if (luna_log_enabled(level_)) {                                                                      \
            const struct luna_log_field luna_log_fields_[] = {__VA_ARGS__};                                  \
            luna_log_fields((level_), (event_), luna_log_fields_,                                            \
                            sizeof luna_log_fields_ / sizeof luna_log_fields_[0]);                           \
        }                                                                                                    \
    } while (0)

#endif
