/*
 * redis.h: the verbs that the rest of the store uses on a luna_cache. Private to the store.
 *
 * The only users of hiredis are redis.c and redis_reply.c. A connection that fails in any way is
 * closed at once: a late answer must never be taken for the answer to the next question. The next
 * verb connects anew, within its own deadline. The program ignores SIGPIPE.
 */
#ifndef LUNA_STORE_REDIS_H
#define LUNA_STORE_REDIS_H

#include "luna/base/clock.h"
#include "luna/base/digits.h"
#include "luna/base/error.h"
#include "luna/store/cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LUNA_REDIS_ARGS_MAX = 512 };

/* A command being put together: borrowed texts, or numbers that it keeps itself. */
struct luna_redis_command {
    const char *argv[LUNA_REDIS_ARGS_MAX];
    size_t lens[LUNA_REDIS_ARGS_MAX];
    int argc;
    char numbers[48][LUNA_DECIMAL_BYTES];
    int number_count;
    bool overflow;
};
void luna_redis_begin(struct luna_redis_command *command, const char *name);
void luna_redis_arg(struct luna_redis_command *command, const char *text);
void luna_redis_arg_int(struct luna_redis_command *command, int64_t number);

struct luna_reply; /* hiredis's */

/* One command, one answer. An error answer of Redis is not a failure here: see luna_reply_error().
 * LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. *ret_reply is the caller's: luna_reply_free(). */
enum luna_code luna_redis_call(struct luna_cache *cache, struct luna_redis_command *command,
                               struct luna_deadline deadline, struct luna_reply **ret_reply,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* Several at once: send any number, then take as many answers, in order. */
enum luna_code luna_redis_send(struct luna_cache *cache, struct luna_redis_command *command,
                               struct luna_deadline deadline,
                               struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_redis_take(struct luna_cache *cache, struct luna_deadline deadline,
                               struct luna_reply **ret_reply,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* A call whose error answer is a failure too (LUNA_EUNAVAILABLE, with Redis's text). */
enum luna_code luna_redis_want(struct luna_cache *cache, struct luna_redis_command *command,
                               struct luna_deadline deadline, struct luna_reply **ret_reply,
                               struct luna_error *err) LUNA_MUSTCHECK;
void luna_redis_drop(struct luna_cache *cache);
/* What the commands from here on are for, in the meter. */
void luna_redis_purpose(struct luna_cache *cache, enum luna_purpose purpose);
int luna_redis_timeout_ms(const struct luna_cache *cache);
/* Grows with every connection made: what was true of an earlier one need not be true now. */
uint64_t luna_redis_generation(const struct luna_cache *cache);

void luna_reply_free(struct luna_reply *reply);
/* Redis's own error text, or NULL. */
const char *luna_reply_error(const struct luna_reply *reply);
size_t luna_reply_count(const struct luna_reply *reply); /* 0 when not an array */
/* NULL past the end */
const struct luna_reply *luna_reply_at(const struct luna_reply *reply, size_t index);
/* An integer, or a text that is one; `fallback` for anything else and for NULL. */
int64_t luna_reply_int(const struct luna_reply *reply, int64_t fallback);
/* NUL-terminated; "" when not a text. Valid as long as the reply. */
const char *luna_reply_text(const struct luna_reply *reply);
/* Up to `max` numbers of 64 bits, little-endian, out of a text; how many there are. */
size_t luna_reply_numbers(const struct luna_reply *reply, int64_t *out, size_t max);

#endif
