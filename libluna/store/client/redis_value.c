#include "client/redis_value.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void luna_redis_begin(struct luna_redis_command *command, const char *name)
{
    command->argc = 0;
    command->args_at = 0;
    command->number_count = 0;
    command->overflow = false;
    luna_redis_arg(command, name);
}

static void add_argument(struct luna_redis_command *command, const char *bytes, size_t len)
{
    if (command->argc == LUNA_REDIS_ARGS_MAX) {
        command->overflow = true;
        return;
    }
    command->argv[command->argc] = bytes;
    command->lens[command->argc++] = len;
}

void luna_redis_arg(struct luna_redis_command *command, const char *text)
{
    add_argument(command, text, strlen(text));
}

/* NULL, and the command overflows, when it holds as many numbers as it can. */
static char *number_room(struct luna_redis_command *command)
{
    if (command->number_count == (int)(sizeof command->numbers / sizeof command->numbers[0])) {
        command->overflow = true;
        return NULL;
    }
    return command->numbers[command->number_count++];
}

void luna_redis_arg_int(struct luna_redis_command *command, int64_t number)
{
    char *text = number_room(command);
    if (text != NULL)
        add_argument(command, text, luna_decimal_print(number, text));
}

void luna_redis_args_begin(struct luna_redis_command *command)
{
    command->args_at = command->argc;
}

void luna_redis_arg_bytes_at(struct luna_redis_command *command, size_t place, const char *bytes,
                             size_t len)
{
    int at = command->args_at + (int)place;
    assert(command->args_at > 0 && at < LUNA_REDIS_ARGS_MAX);
    while (command->argc < at)
        command->argv[command->argc++] = NULL;
    if (command->argc == at)
        command->argc++;
    command->argv[at] = bytes;
    command->lens[at] = len;
}

void luna_redis_arg_at(struct luna_redis_command *command, size_t place, const char *text)
{
    luna_redis_arg_bytes_at(command, place, text, strlen(text));
}

void luna_redis_arg_int_at(struct luna_redis_command *command, size_t place, int64_t number)
{
    char *text = number_room(command);
    if (text != NULL)
        luna_redis_arg_bytes_at(command, place, text, luna_decimal_print(number, text));
}

void luna_redis_args_from(const struct luna_redis_command *command, size_t place)
{
    assert(command->argc - command->args_at == (int)place);
}

/* "$5\r\n" and the like; returns where it ends. */
static char *put_length(char *at, char kind, size_t length)
{
    *at++ = kind;
    at += luna_decimal_print((int64_t)length, at);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

void luna_redis_format(const struct luna_redis_command *command, struct luna_buf *out)
{
    enum { FRAME_BYTES = LUNA_DECIMAL_BYTES + 5 }; /* kind, length, two line ends */
    size_t bytes = FRAME_BYTES;
    luna_buf_clear(out);
    for (int i = 0; i < command->argc; i++)
        bytes += command->lens[i] + FRAME_BYTES;
    char *start = luna_buf_reserve(out, bytes);
    if (start == NULL)
        return;
    char *at = put_length(start, '*', (size_t)command->argc);
    for (int i = 0; i < command->argc; i++) {
        assert(command->argv[i] != NULL); /* an argument of the script was left out */
        at = put_length(at, '$', command->lens[i]);
        memcpy(at, command->argv[i], command->lens[i]);
        at += command->lens[i];
        *at++ = '\r';
        *at++ = '\n';
    }
    luna_buf_advance(out, (size_t)(at - start));
}

/* struct luna_reply is hiredis's redisReply under an opaque name for the rest of the store. */
static const redisReply *raw(const struct luna_reply *reply)
{
    return (const redisReply *)reply;
}

void luna_reply_free(struct luna_reply *reply)
{
    if (reply != NULL)
        freeReplyObject(reply);
}

const char *luna_reply_error(const struct luna_reply *reply)
{
    return raw(reply)->type == REDIS_REPLY_ERROR ? raw(reply)->str : NULL;
}

bool luna_reply_blames_key(const struct luna_reply *reply)
{
    static const char *const texts[] = {"WRONGTYPE", "is not an integer", "would overflow",
                                        "attempt to ", "bad argument"};
    const char *error = luna_reply_error(reply);
    for (size_t i = 0; error != NULL && i < sizeof texts / sizeof texts[0]; i++)
        if (strstr(error, texts[i]) != NULL)
            return true;
    return false;
}

size_t luna_reply_count(const struct luna_reply *reply)
{
    return reply != NULL && raw(reply)->type == REDIS_REPLY_ARRAY ? raw(reply)->elements : 0;
}

const struct luna_reply *luna_reply_at(const struct luna_reply *reply, size_t index)
{
    return index < luna_reply_count(reply) ? (const struct luna_reply *)raw(reply)->element[index]
                                           : NULL;
}

static bool is_text(const struct luna_reply *reply)
{
    return reply != NULL &&
           (raw(reply)->type == REDIS_REPLY_STRING || raw(reply)->type == REDIS_REPLY_STATUS);
}

int64_t luna_reply_int(const struct luna_reply *reply, int64_t fallback)
{
    if (reply != NULL && raw(reply)->type == REDIS_REPLY_INTEGER)
        return raw(reply)->integer;
    if (!is_text(reply) || raw(reply)->len == 0)
        return fallback;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(raw(reply)->str, &end, 10);
    return errno == 0 && *end == '\0' ? value : fallback;
}

const char *luna_reply_text(const struct luna_reply *reply)
{
    return is_text(reply) ? raw(reply)->str : "";
}

size_t luna_reply_len(const struct luna_reply *reply)
{
    return is_text(reply) ? (size_t)raw(reply)->len : 0;
}
size_t luna_reply_numbers(const struct luna_reply *reply, int64_t *out, size_t max)
{
    size_t count = is_text(reply) ? (size_t)raw(reply)->len / sizeof *out : 0;
    for (size_t i = 0; i < count && i < max; i++) {
        uint64_t number = 0;
        memcpy(&number, luna_reply_text(reply) + i * sizeof number, sizeof number);
        out[i] = (int64_t)le64toh(number);
    }
    return count < max ? count : max;
}
