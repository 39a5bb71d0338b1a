/*
 * outbox.c: delivers operators' changes that Redis has not received yet, by version; a delivery may
 * be repeated.
 */
#include "accounts/config_push.h"
#include "booking/booker.h"

#include <assert.h>

enum { PUSH_BATCH = 200 };

/* One batch of the outbox. */
struct pushing {
    struct luna_booker *booker;
    int64_t last_id;     /* the rows up to this one have had their turn */
    struct luna_buf ids; /* delivered rows */
    int rows, delivered;
};

/* An account whose Redis entries cannot be read keeps its row, and the others are delivered. */
static enum luna_code take_reply(struct pushing *pushing, int64_t id, struct luna_error *err)
{
    struct luna_counters *counters = pushing->booker->counters;
    struct luna_reply *reply = NULL;
    enum luna_code code =
        luna_redis_take(counters, luna_booker_redis_deadline(pushing->booker), &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_error(reply) == NULL) {
        luna_pg_array_add(&pushing->ids, id);
        pushing->delivered++;
    } else if (!luna_reply_blames_key(reply)) {
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: %s", luna_reply_error(reply));
    }
    luna_reply_free(reply);
    return code;
}

static enum luna_code push_rows(struct pushing *pushing, const struct luna_pg_result *result,
                                struct luna_error *err)
{
    struct luna_booker *booker = pushing->booker;
    enum luna_code code = LUNA_OK;
    int sent = 0;
    assert(luna_pg_rows(result) > 0 && luna_pg_rows(result) <= PUSH_BATCH);
    for (; sent < luna_pg_rows(result) && code == LUNA_OK; sent++)
        code = luna_config_push_send(booker->counters, NULL, result, sent, 1,
                                     luna_booker_redis_deadline(booker), err);
    for (int i = 0; i < sent && code == LUNA_OK; i++)
        code = take_reply(pushing, luna_pg_int(result, i, 0), err);
    /* Replies that were not taken would be taken for those of later commands. */
    if (code != LUNA_OK)
        luna_redis_drop(booker->counters);
    return code;
}

static enum luna_code mark_done(struct luna_booker *booker, struct luna_buf *ids,
                                struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    const char *text = luna_pg_array_end(ids);
    if (text == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for the outbox");
    luna_pg_param_text(&params, text);
    enum luna_code code = luna_pg_query(booker->database, luna_pg_deadline(booker->database),
                                        "SELECT luna_outbox_done($1)", &params, &result, err);
    if (code == LUNA_OK)
        luna_pg_result_free(result);
    return code;
}

static enum luna_code push_batch(struct pushing *pushing, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, pushing->last_id);
    luna_pg_param_int(&params, PUSH_BATCH);
    struct luna_database *database = pushing->booker->database;
    enum luna_code code = luna_pg_query(database, luna_pg_deadline(database),
                                        "SELECT o.id, " LUNA_CONFIG_COLUMNS " FROM config_outbox o "
                                        "JOIN account_config c USING (account_id) WHERE o.id > $1 "
                                        "ORDER BY o.id LIMIT $2::int",
                                        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    pushing->delivered = 0;
    pushing->rows = luna_pg_rows(result);
    luna_pg_array_begin(&pushing->ids);
    if (pushing->rows > 0) {
        pushing->last_id = luna_pg_int(result, pushing->rows - 1, 0);
        code = push_rows(pushing, result, err);
    }
    if (code == LUNA_OK && pushing->delivered > 0)
        code = mark_done(pushing->booker, &pushing->ids, err);
    luna_pg_result_free(result);
    return code;
}

enum luna_code luna_booking_push(struct luna_booker *booker, struct luna_deadline until,
                                 int64_t *ret_pushed, struct luna_error *err)
{
    struct pushing pushing = {.booker = booker};
    int64_t pushed = 0;
    enum luna_code code = luna_booker_check(booker, err);
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_PUSH);
    luna_buf_init(&pushing.ids, 1 << 20);
    do {
        code = push_batch(&pushing, err);
        pushed += pushing.delivered;
    } while (code == LUNA_OK && pushing.rows == PUSH_BATCH && luna_booker_between_batches(booker) &&
             !luna_deadline_passed(until));
    luna_buf_done(&pushing.ids);
    if (code == LUNA_OK)
        *ret_pushed = pushed;
    return code;
}
