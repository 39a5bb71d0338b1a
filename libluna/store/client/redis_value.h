/*
 * redis_value.h: what goes into a command and what comes out of its reply. Private to the store.
 */
#ifndef LUNA_STORE_REDIS_VALUE_H
#define LUNA_STORE_REDIS_VALUE_H

#include "luna/base/buf.h"
#include "luna/base/digits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LUNA_REDIS_ARGS_MAX = 512 };

/* A command: texts are borrowed, numbers are held here. */
struct luna_redis_command {
    const char *argv[LUNA_REDIS_ARGS_MAX];
    size_t lens[LUNA_REDIS_ARGS_MAX];
    int argc;
    int args_at; /* where the arguments of a script begin */
    char numbers[48][LUNA_DECIMAL_BYTES];
    int number_count;
    bool overflow;
};
void luna_redis_begin(struct luna_redis_command *command, const char *name);
void luna_redis_arg(struct luna_redis_command *command, const char *text);
void luna_redis_arg_int(struct luna_redis_command *command, int64_t number);
/* The arguments of a script, each at its place: ARGS of quota/script_texts.def. They may be given
 * in any order, and all must be given; `_begin` when its keys are there. */
void luna_redis_args_begin(struct luna_redis_command *command);
void luna_redis_arg_at(struct luna_redis_command *command, size_t place, const char *text);
void luna_redis_arg_bytes_at(struct luna_redis_command *command, size_t place, const char *bytes,
                             size_t len);
void luna_redis_arg_int_at(struct luna_redis_command *command, size_t place, int64_t number);
/* What is added from here on follows from `place` on. */
void luna_redis_args_from(const struct luna_redis_command *command, size_t place);
/* Writes the command as Redis reads it; `out` overflows when it is too long. hiredis would do so in
 * 400 instructions an argument. */
void luna_redis_format(const struct luna_redis_command *command, struct luna_buf *out);

struct luna_reply; /* hiredis's */
void luna_reply_free(struct luna_reply *reply);
/* Redis's own error text, or NULL. */
const char *luna_reply_error(const struct luna_reply *reply);
/* An error about what a key holds: only commands that use this key fail. */
bool luna_reply_blames_key(const struct luna_reply *reply);
size_t luna_reply_count(const struct luna_reply *reply); /* 0 when not an array */
/* NULL past the end */
const struct luna_reply *luna_reply_at(const struct luna_reply *reply, size_t index);
/* The scripts count in doubles: no number of theirs is further from 0. */
#define LUNA_SCRIPT_NUMBER_MAX ((int64_t)1 << 53)
static inline bool luna_is_script_number(int64_t number)
{
    return number >= -LUNA_SCRIPT_NUMBER_MAX && number <= LUNA_SCRIPT_NUMBER_MAX;
}
/* An integer, or a text with one; `fallback` for anything else and for NULL. */
int64_t luna_reply_int(const struct luna_reply *reply, int64_t fallback);
/* NUL-terminated; "" when not a text. Valid as long as the reply. */
const char *luna_reply_text(const struct luna_reply *reply);
/* Of a text. */
size_t luna_reply_len(const struct luna_reply *reply);
/* Reads up to `max` 64-bit numbers, little-endian, from a text; returns how many it has. */
size_t luna_reply_numbers(const struct luna_reply *reply, int64_t *out, size_t max);

#endif
