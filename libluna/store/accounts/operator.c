#include "accounts/operator.h"

#include "accounts/config_push.h"
#include "client/digest.h"
#include "luna/store/pepper.h"
#include "quota/fence_record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { OVERLAP_S_MAX = 7 * 24 * 3600 };

enum luna_code luna_operator_run(const struct luna_operator *op, const char *sql,
                                 const struct luna_pg_params *params, int64_t *ret_number,
                                 struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    assert(op->database != NULL && op->actor != NULL);
    enum luna_code code =
        luna_pg_query(op->database, luna_pg_deadline(op->database), sql, params, &result, err);
    if (code != LUNA_OK)
        return code;
    assert(ret_number == NULL || luna_pg_rows(result) == 1); /* a function's value is one row */
    if (ret_number != NULL)
        *ret_number = luna_pg_int(result, 0, 0);
    luna_pg_result_free(result);
    return LUNA_OK;
}

/* For a maker the caller is a worker, which may not EVAL. An older quota-syncd loads no such
 * script, and its Redis has no users that forbid EVAL. */
static enum luna_code push(const struct luna_operator *op, int64_t account_id,
                           struct luna_error *err)
{
    struct luna_fence_record record = {.incarnation = 0};
    assert(op->counters != NULL && account_id > 0);
    struct luna_deadline deadline = luna_deadline_in_ms(luna_redis_timeout_ms(op->counters));
    enum luna_code code = LUNA_OK;
    if (op->maker != NULL)
        code = luna_fence_record_read(op->counters, deadline, &record, err);
    const char *sha = record.sha[LUNA_SCRIPT_PUSH];
    return code == LUNA_OK ? luna_config_push_account(op->database, op->counters,
                                                      sha[0] != '\0' ? sha : NULL, account_id, err)
                           : code;
}

enum luna_code luna_operator_push(const struct luna_operator *op, int64_t account_id, bool at_once,
                                  struct luna_error *err)
{
    struct luna_error why = {.code = LUNA_OK};
    enum luna_code code = LUNA_EUNAVAILABLE;
    if (op->counters == NULL)
        luna_error_set(&why, LUNA_EUNAVAILABLE, "no Redis is configured");
    else
        code = push(op, account_id, &why);
    if (code == LUNA_OK || !at_once)
        return LUNA_OK;
    return luna_error_set(
        err, LUNA_EUNAVAILABLE,
        "saved in PostgreSQL, but not delivered to Redis, so it may not be in effect "
        "yet; quota-syncd will deliver it, or run the command again: %.120s",
        why.msg);
}

/* What a seed made under the previous pepper is made again, and no second key under this one. */
static enum luna_code prefer_earlier(const struct luna_operator *op, struct luna_new_key *fresh,
                                     struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_new_key earlier;
    struct luna_digest_key pepper;
    luna_digest_key_make(op->previous->bytes, op->previous->len, &pepper);
    luna_key_derive(op->seed, &pepper, &earlier.key);
    luna_key_prefix(&earlier.key, earlier.prefix);
    bool sound =
        luna_key_digest(earlier.key.text, strlen(earlier.key.text), &pepper, &earlier.digest);
    luna_digest_wipe(&pepper, sizeof pepper);
    assert(sound);
    (void)sound;
    luna_pg_param_text(&params, earlier.digest.text);
    enum luna_code code = luna_pg_query(
        op->database, luna_pg_deadline(op->database),
        "SELECT id FROM api_keys WHERE digest = $1::uuid OR earlier_digest = $1::uuid", &params,
        &result, err);
    if (code == LUNA_OK) {
        if (luna_pg_rows(result) > 0)
            *fresh = earlier;
        luna_pg_result_free(result);
    }
    luna_key_text_wipe(&earlier.key);
    return code;
}

enum luna_code luna_operator_key(const struct luna_operator *op, struct luna_new_key *ret_fresh,
                                 struct luna_error *err)
{
    struct luna_new_key fresh;
    if (op->pepper == NULL || op->pepper_len < LUNA_PEPPER_BYTES_MIN)
        return luna_error_set(err, LUNA_ECONFIG,
                              "making a key needs the workers' key pepper, %d bytes or more",
                              LUNA_PEPPER_BYTES_MIN);
    enum luna_code code = luna_digest_init(err);
    if (code != LUNA_OK)
        return code;
    struct luna_digest_key pepper;
    luna_digest_key_make(op->pepper, op->pepper_len, &pepper);
    if (op->seed != NULL)
        luna_key_derive(op->seed, &pepper, &fresh.key);
    else
        luna_key_generate(&fresh.key);
    luna_key_prefix(&fresh.key, fresh.prefix);
    if (luna_key_digest(fresh.key.text, strlen(fresh.key.text), &pepper, &fresh.digest))
        *ret_fresh = fresh;
    else
        code = luna_error_set(err, LUNA_EIO, "the new key does not have the form of a key");
    luna_digest_wipe(&pepper, sizeof pepper);
    luna_key_text_wipe(&fresh.key);
    if (code == LUNA_OK && op->seed != NULL && op->previous != NULL && op->previous->len > 0)
        code = prefer_earlier(op, ret_fresh, err);
    return code;
}

int luna_operator_pepper_id(const struct luna_operator *op)
{
    return op->pepper_id > 0 ? op->pepper_id : 1;
}

enum luna_code luna_operator_check_overlap(int64_t overlap_s, struct luna_error *err)
{
    if (overlap_s >= 0 && overlap_s <= OVERLAP_S_MAX)
        return LUNA_OK;
    return luna_error_set(err, LUNA_EINVAL, "an overlap of %lld s is outside the range 0 to %d",
                          (long long)overlap_s, OVERLAP_S_MAX);
}
