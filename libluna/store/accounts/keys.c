#include "accounts/operator.h"
#include "client/digest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { NETWORK_BYTES = 64 };

static enum luna_code check_times(unsigned scopes, int64_t not_before_ms, int64_t expires_ms,
                                  struct luna_error *err)
{
    if (scopes == 0 || (scopes & ~(unsigned)LUNA_SCOPES_ALL) != 0)
        return luna_error_set(err, LUNA_EINVAL,
                              "a key needs one or more of the scopes model, read, keys");
    if (expires_ms != 0 && (expires_ms <= luna_clock_wall_ms() || expires_ms <= not_before_ms))
        return luna_error_set(err, LUNA_EINVAL, "the key would expire before it becomes valid");
    return LUNA_OK;
}

static bool networks_valid(const char *list)
{
    int count = 0;
    for (const char *at = list; *at != '\0'; count++) {
        char network[NETWORK_BYTES];
        size_t len = strcspn(at, ";");
        if (len >= sizeof network)
            return false;
        memcpy(network, at, len);
        network[len] = '\0';
        if (!luna_network_valid(network))
            return false;
        at += len + (at[len] == ';');
    }
    return count <= LUNA_KEY_NETWORKS_MAX;
}

static enum luna_code check_texts(const struct luna_key_spec *spec, struct luna_error *err)
{
    if (spec->networks != NULL && !networks_valid(spec->networks))
        return luna_error_set(err, LUNA_EINVAL,
                              "a key has up to %d addresses or networks, like 192.0.2.0/24",
                              LUNA_KEY_NETWORKS_MAX);
    if (spec->metadata != NULL && strlen(spec->metadata) > LUNA_KEY_METADATA_BYTES_MAX)
        return luna_error_set(err, LUNA_EINVAL, "a key's metadata has up to %d bytes of JSON",
                              LUNA_KEY_METADATA_BYTES_MAX);
    return LUNA_OK;
}

static enum luna_code check_limits(const struct luna_key_spec *spec, struct luna_error *err)
{
    if (spec->rate_per_s < 0 || spec->rate_per_s > LUNA_KEY_RATE_MAX || spec->rate_burst < 0 ||
        spec->rate_burst > LUNA_KEY_RATE_MAX || (spec->rate_per_s == 0) != (spec->rate_burst == 0))
        return luna_error_set(err, LUNA_EINVAL,
                              "a key's rate and burst are both set, from 1 to %d, or none is",
                              LUNA_KEY_RATE_MAX);
    return check_texts(spec, err);
}

/* `by_maker` takes the maker's digest as one parameter more. */
static enum luna_code run_for_maker(const struct luna_operator *op, const char *by_operator,
                                    const char *by_maker, struct luna_pg_params *params,
                                    int64_t *ret_number, struct luna_error *err)
{
    assert(params->count < LUNA_PG_PARAMS_MAX);
    if (op->maker == NULL)
        return luna_operator_run(op, by_operator, params, ret_number, err);
    luna_pg_param_text(params, op->maker);
    return luna_operator_run(op, by_maker, params, ret_number, err);
}

static enum luna_code run_for_key(const struct luna_operator *op, struct luna_pg_params *params,
                                  struct luna_made_key *ret_made, struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    if (op->maker != NULL)
        luna_pg_param_text(params, op->maker);
    enum luna_code code = luna_pg_query(
        op->database, luna_pg_deadline(op->database),
        op->maker != NULL
            ? "SELECT key_id, expires_ms FROM luna_key_make_by($1, $2::uuid, $3, $4, $5, $6, $7, "
              "$8, $9, $10, $11, $12, $13, $14::uuid)"
            : "SELECT key_id, expires_ms FROM luna_key_make($1, $2::uuid, $3, $4, $5, $6, $7, "
              "$8, $9, $10, $11, $12, $13)",
        params, &result, err);
    if (code != LUNA_OK)
        return code;
    assert(luna_pg_rows(result) == 1);
    ret_made->id = luna_pg_int(result, 0, 0);
    ret_made->expires_ms = luna_pg_int(result, 0, 1);
    luna_pg_result_free(result);
    return LUNA_OK;
}

enum luna_code luna_key_create(const struct luna_operator *op, int64_t account_id,
                               const struct luna_key_spec *spec, struct luna_made_key *ret_made,
                               struct luna_error *err)
{
    struct luna_new_key fresh;
    struct luna_pg_params params = {.count = 0};
    enum luna_code code = check_times(spec->scopes, spec->not_before_ms, spec->expires_ms, err);
    if (code == LUNA_OK)
        code = check_limits(spec, err);
    if (code == LUNA_OK)
        code = luna_operator_key(op, &fresh, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_text(&params, fresh.digest.text);
    luna_pg_param_int(&params, luna_operator_pepper_id(op));
    luna_pg_param_text(&params, fresh.prefix);
    luna_pg_param_int(&params, spec->scopes);
    luna_pg_param_int(&params, spec->not_before_ms);
    luna_pg_param_int(&params, spec->expires_ms);
    luna_pg_param_text(&params, spec->name != NULL ? spec->name : "");
    luna_pg_param_text(&params, spec->metadata != NULL ? spec->metadata : "{}");
    luna_pg_param_text(&params, spec->networks != NULL ? spec->networks : "");
    luna_pg_param_int(&params, spec->rate_per_s);
    luna_pg_param_int(&params, spec->rate_burst);
    luna_pg_param_text(&params, op->actor);
    code = run_for_key(op, &params, ret_made, err);
    if (code == LUNA_OK)
        code = luna_operator_push(op, account_id, false, err);
    if (code == LUNA_OK)
        ret_made->key = fresh.key;
    luna_key_text_wipe(&fresh.key);
    return code;
}

enum luna_code luna_account_rotate_key(const struct luna_operator *op, int64_t account_id,
                                       int64_t overlap_s, struct luna_key_text *ret_key,
                                       struct luna_error *err)
{
    struct luna_new_key fresh;
    struct luna_pg_params params = {.count = 0};
    enum luna_code code = luna_operator_check_overlap(overlap_s, err);
    if (code == LUNA_OK)
        code = luna_operator_key(op, &fresh, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_text(&params, fresh.digest.text);
    luna_pg_param_int(&params, luna_operator_pepper_id(op));
    luna_pg_param_text(&params, fresh.prefix);
    luna_pg_param_int(&params, overlap_s);
    luna_pg_param_text(&params, op->actor);
    code = luna_operator_run(op, "SELECT luna_primary_renew($1, $2::uuid, $3, $4, $5, $6)", &params,
                             NULL, err);
    /* PostgreSQL has the new key now, whether Redis has received it or not: return it. */
    if (code == LUNA_OK) {
        *ret_key = fresh.key;
        code = luna_operator_push(op, account_id, true, err);
    }
    luna_key_text_wipe(&fresh.key);
    return code;
}

static void param_unless_unchanged(struct luna_pg_params *params, int64_t number)
{
    if (number == LUNA_KEY_UNCHANGED)
        luna_pg_param_text(params, NULL);
    else
        luna_pg_param_int(params, number);
}

enum luna_code luna_key_set(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                            const struct luna_key_spec *change, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    if (change->rate_per_s > LUNA_KEY_RATE_MAX || change->rate_burst > LUNA_KEY_RATE_MAX)
        return luna_error_set(err, LUNA_EINVAL, "a key's rate and burst are at most %d",
                              LUNA_KEY_RATE_MAX);
    enum luna_code code = check_texts(change, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, key_id);
    param_unless_unchanged(&params,
                           change->scopes != 0 ? (int64_t)change->scopes : LUNA_KEY_UNCHANGED);
    luna_pg_param_text(&params, change->name);
    luna_pg_param_text(&params, change->metadata);
    luna_pg_param_text(&params, change->networks);
    param_unless_unchanged(&params, change->rate_per_s);
    param_unless_unchanged(&params, change->rate_burst);
    luna_pg_param_text(&params, op->actor);
    code = run_for_maker(op, "SELECT luna_key_set($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                         "SELECT luna_key_set_by($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::uuid)",
                         &params, NULL, err);
    return code == LUNA_OK ? luna_operator_push(op, account_id, true, err) : code;
}

enum luna_code luna_key_replace(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                                int64_t overlap_s, struct luna_key_text *ret_key,
                                int64_t *ret_key_id, struct luna_error *err)
{
    struct luna_new_key fresh;
    struct luna_pg_params params = {.count = 0};
    enum luna_code code = luna_operator_check_overlap(overlap_s, err);
    if (code == LUNA_OK)
        code = luna_operator_key(op, &fresh, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, key_id);
    luna_pg_param_text(&params, fresh.digest.text);
    luna_pg_param_int(&params, luna_operator_pepper_id(op));
    luna_pg_param_text(&params, fresh.prefix);
    luna_pg_param_int(&params, overlap_s);
    luna_pg_param_text(&params, op->actor);
    code = run_for_maker(op, "SELECT luna_key_renew($1, $2, $3::uuid, $4, $5, $6, $7)",
                         "SELECT luna_key_renew_by($1, $2, $3::uuid, $4, $5, $6, $7, $8::uuid)",
                         &params, ret_key_id, err);
    /* PostgreSQL has replaced the old key, whether Redis has received it or not: return the new
     * one. */
    if (code == LUNA_OK) {
        *ret_key = fresh.key;
        code = luna_operator_push(op, account_id, true, err);
    }
    luna_key_text_wipe(&fresh.key);
    return code;
}

/* What key_from_row() reads, of api_keys k and accounts a. */
#define KEY_COLUMNS                                                                                \
    "k.id, k.prefix, k.digest = a.api_key, k.scopes, luna_ms(k.created_at), "                      \
    "luna_ms(k.not_before), luna_ms(k.expires_at), luna_ms(k.revoked_at), "                        \
    "luna_ms(k.last_used_at), "                                                                    \
    "k.rate_per_s, k.rate_burst, k.name, array_to_string(k.allowed, ';'), k.metadata"

static struct luna_key key_from_row(const struct luna_pg_result *result, int row)
{
    struct luna_key key = {.id = luna_pg_int(result, row, 0),
                           .primary = luna_pg_bool(result, row, 2),
                           .scopes = (unsigned)luna_pg_int(result, row, 3),
                           .created_ms = luna_pg_int(result, row, 4),
                           .not_before_ms = luna_pg_int(result, row, 5),
                           .expires_ms = luna_pg_int(result, row, 6),
                           .revoked_ms = luna_pg_int(result, row, 7),
                           .used_ms = luna_pg_int(result, row, 8),
                           .rate_per_s = luna_pg_int(result, row, 9),
                           .rate_burst = luna_pg_int(result, row, 10)};
    assert(row >= 0 && row < luna_pg_rows(result));
    snprintf(key.prefix, sizeof key.prefix, "%s", luna_pg_text(result, row, 1));
    snprintf(key.name, sizeof key.name, "%s", luna_pg_text(result, row, 11));
    snprintf(key.networks, sizeof key.networks, "%s", luna_pg_text(result, row, 12));
    snprintf(key.metadata, sizeof key.metadata, "%s", luna_pg_text(result, row, 13));
    return key;
}

enum luna_code luna_key_list(struct luna_database *database, int64_t account_id,
                             const struct luna_key_filter *filter,
                             bool (*each)(void *context, const struct luna_key *key), void *context,
                             struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    assert(each != NULL);
    static const struct luna_key_filter all = {.status = LUNA_KEYS_ALL};
    /* The numbers below are those of enum luna_key_status. */
    const struct luna_key_filter *wanted = filter != NULL ? filter : &all;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, wanted->after_id);
    luna_pg_param_int(&params, wanted->count_max > 0 ? wanted->count_max : INT64_MAX);
    luna_pg_param_int(&params, wanted->status);
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT " KEY_COLUMNS " FROM api_keys k JOIN accounts a ON a.id = k.account_id "
        "WHERE k.account_id = $1::bigint AND k.id > $2::bigint AND $4::int IN (0, CASE "
        "WHEN k.revoked_at IS NOT NULL THEN 3 WHEN k.expires_at <= now() THEN 2 ELSE 1 END) "
        "ORDER BY k.id LIMIT $3::bigint",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    for (int row = 0; row < luna_pg_rows(result); row++) {
        const struct luna_key key = key_from_row(result, row);
        if (!each(context, &key))
            break;
    }
    luna_pg_result_free(result);
    return LUNA_OK;
}

enum luna_code luna_key_get(struct luna_database *database, int64_t account_id, int64_t key_id,
                            struct luna_key *ret_key, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, key_id);
    enum luna_code code = luna_pg_query(database, luna_pg_deadline(database),
                                        "SELECT " KEY_COLUMNS
                                        " FROM api_keys k JOIN accounts a ON a.id = k.account_id "
                                        "WHERE k.id = $2::bigint AND k.account_id = $1::bigint",
                                        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    assert(luna_pg_rows(result) <= 1);
    if (luna_pg_rows(result) == 1)
        *ret_key = key_from_row(result, 0);
    else
        code = luna_error_set(err, LUNA_ENOTFOUND, "account %lld has no key %lld",
                              (long long)account_id, (long long)key_id);
    luna_pg_result_free(result);
    return code;
}

enum luna_code luna_key_revoke(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                               const char *reason, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, key_id);
    luna_pg_param_text(&params, op->actor);
    luna_pg_param_text(&params, reason != NULL ? reason : "");
    enum luna_code code =
        run_for_maker(op, "SELECT luna_key_revoke($1, $2, $3, $4)",
                      "SELECT luna_key_revoke_by($1, $2, $3, $4, $5::uuid)", &params, NULL, err);
    return code == LUNA_OK ? luna_operator_push(op, account_id, true, err) : code;
}

/* "": the text does not have the form of a key, or there is no such pepper. */
static void digest_under(const unsigned char *pepper, size_t pepper_len, const char *key_text,
                         size_t key_text_len, struct luna_key_digest *ret_digest)
{
    struct luna_digest_key key;
    ret_digest->text[0] = '\0';
    if (pepper == NULL || pepper_len == 0)
        return;
    luna_digest_key_make(pepper, pepper_len, &key);
    if (!luna_key_digest(key_text, key_text_len, &key, ret_digest))
        ret_digest->text[0] = '\0';
    luna_digest_wipe(&key, sizeof key);
}

enum luna_code luna_key_find(const struct luna_operator *op, int64_t account_id,
                             const char *key_text, size_t key_text_len, int64_t *ret_key_id,
                             struct luna_error *err)
{
    struct luna_key_digest digest, earlier;
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    enum luna_code code = luna_digest_init(err);
    if (code != LUNA_OK)
        return code;
    digest_under(op->pepper, op->pepper_len, key_text, key_text_len, &digest);
    digest_under(op->previous != NULL ? op->previous->bytes : NULL,
                 op->previous != NULL ? op->previous->len : 0, key_text, key_text_len, &earlier);
    if (digest.text[0] == '\0')
        return luna_error_set(err, LUNA_EINVAL,
                              "not an API key: expected luna_live_… or a version 4 UUID");
    luna_pg_param_int(&params, account_id);
    luna_pg_param_text(&params, digest.text);
    luna_pg_param_text(&params, earlier.text[0] != '\0' ? earlier.text : digest.text);
    code = luna_pg_query(op->database, luna_pg_deadline(op->database),
                         "SELECT id FROM api_keys WHERE account_id = $1::bigint AND digest IN "
                         "($2::uuid, $3::uuid)",
                         &params, &result, err);
    if (code != LUNA_OK)
        return code;
    if (luna_pg_rows(result) == 1)
        *ret_key_id = luna_pg_int(result, 0, 0);
    else
        code = luna_error_set(err, LUNA_ENOTFOUND, "account %lld has no such key",
                              (long long)account_id);
    luna_pg_result_free(result);
    return code;
}
