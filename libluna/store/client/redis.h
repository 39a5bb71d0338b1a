/*
 * redis.h: the verbs that the rest of the store uses on a luna_counters. Private to the store.
 *
 * The only users of hiredis are redis.c and redis_value.c. A connection that fails in any way is
 * closed at once: a late reply must never be taken for the reply to the next command. The next verb
 * connects again, within its own deadline. The program ignores SIGPIPE.
 */
#ifndef LUNA_STORE_REDIS_H
#define LUNA_STORE_REDIS_H

#include "client/redis_value.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/counters.h"

#include <stddef.h>
#include <stdint.h>

/* One command, one reply. An error reply of Redis is not a failure here: see luna_reply_error().
 * LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. *ret_reply is the caller's: luna_reply_free(). */
enum luna_code luna_redis_call(struct luna_counters *counters, struct luna_redis_command *command,
                               struct luna_deadline deadline, struct luna_reply **ret_reply,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* Several at once: send any number, then take as many replies, in order. */
enum luna_code luna_redis_send(struct luna_counters *counters, struct luna_redis_command *command,
                               struct luna_deadline deadline,
                               struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_redis_take(struct luna_counters *counters, struct luna_deadline deadline,
                               struct luna_reply **ret_reply,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* A call whose error reply is a failure too (LUNA_EUNAVAILABLE, with Redis's text). */
enum luna_code luna_redis_run(struct luna_counters *counters, struct luna_redis_command *command,
                              struct luna_deadline deadline, struct luna_reply **ret_reply,
                              struct luna_error *err) LUNA_MUSTCHECK;
void luna_redis_drop(struct luna_counters *counters);
/* The meter counts the commands from here on under `purpose`. */
void luna_redis_purpose(struct luna_counters *counters, enum luna_purpose purpose);
int luna_redis_timeout_ms(const struct luna_counters *counters);
/* Grows with every connection: what an earlier one showed may no longer be true. */
uint64_t luna_redis_generation(const struct luna_counters *counters);
/* The caller has just seen which server this is. Refusals so far no longer cause the connection to
 * be renewed. */
void luna_redis_trust(struct luna_counters *counters);

/* One field of Redis's INFO; "" when Redis has none of that name. */
enum luna_code luna_redis_info(struct luna_counters *counters, const char *section,
                               const char *field, struct luna_deadline deadline, char *out,
                               size_t out_bytes, struct luna_error *err) LUNA_MUSTCHECK;

#endif
