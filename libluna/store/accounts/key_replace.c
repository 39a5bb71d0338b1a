#include "accounts/account_row.h"
#include "accounts/key.h"

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
    luna_pg_param_text(&params, fresh.prefix);
    luna_pg_param_int(&params, overlap_s);
    luna_pg_param_text(&params, op->actor);
    code = luna_operator_run(op, "SELECT luna_key_replace($1, $2, $3::uuid, $4, $5, $6)", &params,
                             ret_key_id, err);
    /* The old key is on its way out, whether Redis has heard of it or not: the new one must not
     * be lost. */
    if (code == LUNA_OK) {
        *ret_key = fresh.key;
        code = luna_operator_push(op, account_id, true, err);
    }
    luna_key_text_wipe(&fresh.key);
    return code;
}
