/*
 * outbox.c: delivers operators' changes that Redis has not received yet, by version; a delivery may
 * be repeated.
 */
#include "accounts/config_push.h"
#include "booking/booker.h"

#include <assert.h>

enum { PUSH_BATCH = 200 };

static enum luna_code push_rows(struct luna_booker *booker, const struct luna_pg_result *result,
                                struct luna_buf *ids, struct luna_error *err)
{
    enum luna_code code = LUNA_OK;
    int sent = 0;
    assert(luna_pg_rows(result) > 0 && luna_pg_rows(result) <= PUSH_BATCH);
    luna_pg_array_begin(ids);
    for (; sent < luna_pg_rows(result) && code == LUNA_OK; sent++) {
        code = luna_config_push_send(booker->counters, NULL, result, sent, 1,
                                     luna_booker_redis_deadline(booker), err);
        luna_pg_array_add(ids, luna_pg_int(result, sent, 0));
    }
    for (int i = 0; i < sent && code == LUNA_OK; i++)
        code = luna_config_push_take(booker->counters, luna_booker_redis_deadline(booker), err);
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

static enum luna_code push_batch(struct luna_booker *booker, int *ret_count, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_buf ids;
    luna_pg_param_int(&params, PUSH_BATCH);
    enum luna_code code =
        luna_pg_query(booker->database, luna_pg_deadline(booker->database),
                      "SELECT o.id, " LUNA_CONFIG_COLUMNS " FROM config_outbox o "
                      "JOIN account_config c USING (account_id) ORDER BY o.id LIMIT $1",
                      &params, &result, err);
    if (code != LUNA_OK)
        return code;
    luna_buf_init(&ids, 1 << 20);
    int count = luna_pg_rows(result);
    if (count > 0)
        code = push_rows(booker, result, &ids, err);
    if (code == LUNA_OK && count > 0)
        code = mark_done(booker, &ids, err);
    luna_buf_done(&ids);
    luna_pg_result_free(result);
    if (code == LUNA_OK)
        *ret_count = count;
    return code;
}

enum luna_code luna_booking_push(struct luna_booker *booker, struct luna_deadline until,
                                 int64_t *ret_pushed, struct luna_error *err)
{
    int64_t pushed = 0;
    int count = 0;
    enum luna_code code = luna_booker_check(booker, err);
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_PUSH);
    do {
        code = push_batch(booker, &count, err);
        if (code != LUNA_OK)
            return code;
        pushed += count;
    } while (count == PUSH_BATCH && luna_booker_between_batches(booker) &&
             !luna_deadline_passed(until));
    *ret_pushed = pushed;
    return LUNA_OK;
}
