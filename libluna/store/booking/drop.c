/*
 * drop.c: accounts that leave Redis: one at a time, and those that were deleted.
 */
#include "booking/booker.h"
#include "quota/quota_keys.h"
#include "quota/script_words.h"

#include <assert.h>

enum { DELETED_MAX = 100, ARRAY_BYTES_MAX = 64 * 1024 };

enum luna_code luna_booker_drop(struct luna_booker *booker, int64_t account_id, int64_t epoch,
                                int64_t c, int64_t r, bool *ret_dropped, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_quota_keys keys;
    assert(booker->term > 0); /* nobody but the leader knows what is booked */
    luna_quota_keys_make(account_id, "", &keys);
    luna_redis_begin(&command, "EVAL");
    luna_redis_arg(&command, luna_script_unfenced(LUNA_SCRIPT_DROP));
    luna_quota_keys_add(&keys, LUNA_SCRIPT_DROP, &command);
    luna_redis_arg_int_at(&command, LUNA_ARG(DROP, epoch), epoch);
    luna_redis_arg_int_at(&command, LUNA_ARG(DROP, charged), c);
    luna_redis_arg_int_at(&command, LUNA_ARG(DROP, refunded), r);
    enum luna_code code = luna_redis_call(booker->counters, &command,
                                          luna_booker_redis_deadline(booker), &reply, err);
    if (code != LUNA_OK)
        return code;
    /* What cannot be read stays, and is in nobody's way: the round names it. */
    if (luna_reply_error(reply) != NULL && !luna_reply_blames_key(reply))
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: dropping an account: %s",
                              luna_reply_error(reply));
    *ret_dropped = luna_reply_int(reply, LUNA_DROP_KEPT) == LUNA_DROP_DROPPED;
    luna_reply_free(reply);
    return code;
}

/* If this program is killed between the two stores, an epoch stays open that has nothing left to
 * book; the next fence closes it. */
static enum luna_code close_epochs(struct luna_booker *booker, struct luna_buf *accounts,
                                   struct luna_buf *epochs, int64_t *ret_closed,
                                   struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    const char *account_array = luna_pg_array_end(accounts);
    const char *epoch_array = luna_pg_array_end(epochs);
    assert(account_array != NULL && epoch_array != NULL); /* DELETED_MAX numbers fit */
    luna_pg_param_int(&params, booker->term);
    luna_pg_param_int(&params, booker->incarnation);
    luna_pg_param_text(&params, account_array);
    luna_pg_param_text(&params, epoch_array);
    return luna_booker_query_int(booker, "SELECT luna_deleted_close($1, $2, $3, $4)", &params,
                                 ret_closed, err);
}

static enum luna_code drop_rows(struct luna_booker *booker, const struct luna_pg_result *result,
                                int64_t *ret_closed, struct luna_error *err)
{
    struct luna_buf accounts, epochs;
    enum luna_code code = LUNA_OK;
    bool any = false;
    luna_buf_init(&accounts, ARRAY_BYTES_MAX);
    luna_buf_init(&epochs, ARRAY_BYTES_MAX);
    luna_pg_array_begin(&accounts);
    luna_pg_array_begin(&epochs);
    for (int row = 0; row < luna_pg_rows(result) && code == LUNA_OK; row++) {
        bool dropped = false;
        code = luna_booker_drop(booker, luna_pg_int(result, row, 0), luna_pg_int(result, row, 1),
                                luna_pg_int(result, row, 2), luna_pg_int(result, row, 3), &dropped,
                                err);
        if (code != LUNA_OK || !dropped)
            continue;
        any = true;
        luna_pg_array_add(&accounts, luna_pg_int(result, row, 0));
        luna_pg_array_add(&epochs, luna_pg_int(result, row, 1));
    }
    if (any) {
        struct luna_error ignored; /* the error that ended the loop is reported */
        enum luna_code closed =
            close_epochs(booker, &accounts, &epochs, ret_closed, code == LUNA_OK ? err : &ignored);
        code = code == LUNA_OK ? closed : code;
    }
    luna_buf_done(&accounts);
    luna_buf_done(&epochs);
    return code;
}

enum luna_code luna_booker_close_deleted(struct luna_booker *booker, int64_t *ret_closed,
                                         struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, DELETED_MAX);
    /* No request that the account had when it was deleted runs for so long. In any order: one that
     * cannot be dropped is in nobody's way. */
    enum luna_code code = luna_pg_query(
        booker->database, luna_pg_deadline(booker->database),
        "SELECT id, quota_epoch, sync_c, sync_r FROM accounts WHERE deleted_at < now() - interval "
        "'15 minutes' AND epoch_open ORDER BY random() LIMIT $1",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    code = drop_rows(booker, result, ret_closed, err);
    luna_pg_result_free(result);
    return code;
}
