#include "account_row.h"
#include "key.h"

#include <stdio.h>

enum { OVERLAP_S_MAX = 7 * 24 * 3600 };

enum luna_code luna_key_replace(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                                int64_t overlap_s, struct luna_key_text *ret_key, int64_t *ret_key_id,
                                struct luna_error *err)
{
    struct luna_key_text key;
    struct luna_key_digest digest;
    struct luna_pg_params params = {.count = 0};
    char prefix[LUNA_KEY_PREFIX_BYTES];
    if (overlap_s < 0 || overlap_s > OVERLAP_S_MAX)
        return luna_error_set(err, LUNA_EINVAL, "an overlap of %lld s is not in 0 … %d", (long long)overlap_s,
                              OVERLAP_S_MAX);
    enum luna_code code = luna_operator_key(op, &key, &digest, err);
    if (code != LUNA_OK)
        return code;
    snprintf(prefix, sizeof prefix, "%.8s", key.text);
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, key_id);
    luna_pg_param_text(&params, digest.text);
    luna_pg_param_text(&params, prefix);
    luna_pg_param_int(&params, overlap_s);
    luna_pg_param_text(&params, op->actor);
    code = luna_operator_run(op, "SELECT luna_key_replace($1, $2, $3::uuid, $4, $5, $6)", &params, ret_key_id,
                             err);
    /* The old key is on its way out, whether Redis has heard of it or not: the new one must not be lost. */
    if (code == LUNA_OK) {
        *ret_key = key;
        code = luna_operator_push(op, account_id, true, err);
    }
    luna_key_text_wipe(&key);
    return code;
}
