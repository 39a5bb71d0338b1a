/*
 * key_uses.c: takes from Redis when keys were used (admit.lua notes it every few minutes a key) to
 * PostgreSQL, and moves to the present pepper the digests of keys that were sent meanwhile.
 *
 * A note that comes between the reading and the removal here is lost; the next one is not.
 */
#include "booking/booker.h"
#include "quota/quota_keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 500, ARRAY_BYTES_MAX = 1 << 17 };
static_assert(BATCH + 2 <= LUNA_REDIS_ARGS_MAX, "forget() could not name all notes");

#define DIGEST_FORM "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
#define PROOF_FORM "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* The columns of one batch, as array literals. */
struct batch {
    struct luna_buf digests, times, peppers, fresh, proofs;
    int count; /* notes that can be read; the others are removed only */
};

struct note {
    char digest[sizeof DIGEST_FORM], fresh[sizeof DIGEST_FORM], proof[sizeof PROOF_FORM];
    long long at_ms;
    int pepper; /* 0: the digest stays */
};

/* `form`: 'x' stands for a hexadecimal digit. */
static bool has_form(const char *text, const char *form)
{
    for (; *form != '\0'; text++, form++)
        if (*text == '\0' ||
            (*form == 'x' ? strchr("0123456789abcdef", *text) == NULL : *text != *form))
            return false;
    return *text == '\0';
}

/* What is not of this form was not written by admit.lua. */
static bool read_note(const char *digest, const char *value, struct note *ret_note)
{
    struct note note = {.pepper = 0};
    int fields =
        sscanf(value, "%18lld %4d %36s %64s", &note.at_ms, &note.pepper, note.fresh, note.proof);
    if (!has_form(digest, DIGEST_FORM) || note.at_ms < 0 || (fields != 1 && fields != 4))
        return false;
    if (fields == 4 && !(has_form(note.fresh, DIGEST_FORM) && has_form(note.proof, PROOF_FORM)))
        return false;
    memcpy(note.digest, digest, sizeof note.digest);
    *ret_note = note;
    return true;
}

static void add_text(struct luna_buf *array, const char *text)
{
    luna_buf_printf(array, "%s%s", array->len > 1 ? "," : "", text);
}

static void add_note(struct batch *batch, const struct note *note)
{
    bool moves = note->pepper > 0;
    add_text(&batch->digests, note->digest);
    luna_pg_array_add(&batch->times, note->at_ms);
    luna_pg_array_add(&batch->peppers, note->pepper);
    add_text(&batch->fresh, moves ? note->fresh : "NULL");
    add_text(&batch->proofs, moves ? note->proof : "NULL");
    batch->count++;
}

static void batch_init(struct batch *batch)
{
    struct luna_buf *const columns[] = {&batch->digests, &batch->times, &batch->peppers,
                                        &batch->fresh, &batch->proofs};
    batch->count = 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        luna_buf_init(columns[i], ARRAY_BYTES_MAX);
        luna_pg_array_begin(columns[i]);
    }
}

static void batch_done(struct batch *batch)
{
    luna_buf_done(&batch->digests);
    luna_buf_done(&batch->times);
    luna_buf_done(&batch->peppers);
    luna_buf_done(&batch->fresh);
    luna_buf_done(&batch->proofs);
}

static enum luna_code save(struct luna_booker *booker, struct batch *batch, int64_t *ret_moved,
                           struct luna_error *err)
{
    struct luna_buf *const columns[] = {&batch->digests, &batch->times, &batch->peppers,
                                        &batch->fresh, &batch->proofs};
    struct luna_pg_params params = {.count = 0};
    assert(booker->term > 0 && batch->count > 0);
    luna_pg_param_int(&params, booker->term);
    luna_pg_param_text(&params, booker->actor);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const char *array = luna_pg_array_end(columns[i]);
        if (array == NULL)
            return luna_error_set(err, LUNA_ENOMEM, "no memory for the uses of keys");
        luna_pg_param_text(&params, array);
    }
    return luna_booker_query_int(booker, "SELECT luna_keys_used($1, $2, $3, $4, $5, $6, $7)",
                                 &params, ret_moved, err);
}

static enum luna_code forget(struct luna_booker *booker, const struct luna_reply *notes,
                             struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "HDEL");
    luna_redis_arg(&command, LUNA_KEY_USED);
    for (size_t i = 0; i + 1 < luna_reply_count(notes); i += 2)
        luna_redis_arg(&command, luna_reply_text(luna_reply_at(notes, i)));
    enum luna_code code =
        luna_redis_run(booker->counters, &command, luna_booker_redis_deadline(booker), &reply, err);
    if (code == LUNA_OK)
        luna_reply_free(reply);
    return code;
}

static enum luna_code take(struct luna_booker *booker, const struct luna_reply *notes,
                           struct luna_key_uses *uses, struct luna_error *err)
{
    struct batch batch;
    struct note note;
    int64_t moved = 0;
    enum luna_code code = LUNA_OK;
    batch_init(&batch);
    for (size_t i = 0; i + 1 < luna_reply_count(notes); i += 2)
        if (read_note(luna_reply_text(luna_reply_at(notes, i)),
                      luna_reply_text(luna_reply_at(notes, i + 1)), &note))
            add_note(&batch, &note);
    if (batch.count > 0)
        code = save(booker, &batch, &moved, err);
    uses->noted += batch.count;
    uses->moved += moved;
    batch_done(&batch);
    return code == LUNA_OK ? forget(booker, notes, err) : code;
}

/* The notes are gone with a key that is not a hash: it was not written by admit.lua either. */
static enum luna_code drop_all(struct luna_booker *booker, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "DEL");
    luna_redis_arg(&command, LUNA_KEY_USED);
    enum luna_code code =
        luna_redis_run(booker->counters, &command, luna_booker_redis_deadline(booker), &reply, err);
    if (code == LUNA_OK)
        luna_reply_free(reply);
    return code;
}

static enum luna_code read_notes(struct luna_booker *booker, struct luna_reply **ret_notes,
                                 struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *notes = NULL;
    luna_redis_begin(&command, "HRANDFIELD");
    luna_redis_arg(&command, LUNA_KEY_USED);
    luna_redis_arg_int(&command, BATCH);
    luna_redis_arg(&command, "WITHVALUES");
    enum luna_code code = luna_redis_call(booker->counters, &command,
                                          luna_booker_redis_deadline(booker), &notes, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_blames_key(notes))
        code = drop_all(booker, err);
    else if (luna_reply_error(notes) != NULL)
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: HRANDFIELD: %s",
                              luna_reply_error(notes));
    if (code == LUNA_OK)
        *ret_notes = notes;
    else
        luna_reply_free(notes);
    return code;
}

enum luna_code luna_booking_key_uses(struct luna_booker *booker, struct luna_deadline until,
                                     struct luna_key_uses *ret_uses, struct luna_error *err)
{
    struct luna_key_uses uses = {.noted = 0};
    size_t count = 0;
    enum luna_code code = luna_booker_check(booker, err);
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_HOUSEKEEP);
    do {
        struct luna_reply *notes = NULL;
        code = read_notes(booker, &notes, err);
        if (code != LUNA_OK)
            return code;
        count = luna_reply_count(notes) / 2;
        code = count > 0 ? take(booker, notes, &uses, err) : LUNA_OK;
        luna_reply_free(notes);
    } while (code == LUNA_OK && count == BATCH && luna_booker_between_batches(booker) &&
             !luna_deadline_passed(until));
    if (code == LUNA_OK)
        *ret_uses = uses;
    return code;
}
