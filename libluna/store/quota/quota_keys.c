#include "quota/quota_keys.h"

#include "luna/base/digits.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Every array is longer than tag and suffix: the number has at most 19 digits. */
static void join(char *out, const char *tag, size_t tag_len, const char *suffix)
{
    memcpy(out, tag, tag_len);
    memcpy(out + tag_len, suffix, strlen(suffix) + 1);
}

void luna_quota_keys_make(int64_t account_id, const char *idempotency_field,
                          struct luna_quota_keys *ret_keys)
{
    static const char before[] = "{user:", after[] = ":quota}";
    char tag[sizeof before + LUNA_DECIMAL_BYTES + sizeof after];
    assert(account_id > 0 && strlen(idempotency_field) <= 64);
    memcpy(tag, before, sizeof before - 1);
    size_t len = sizeof before - 1;
    len += luna_decimal_print(account_id, tag + len);
    memcpy(tag + len, after, sizeof after - 1);
    len += sizeof after - 1;
    join(ret_keys->quota, tag + 1, len - 2, "");
    join(ret_keys->m, tag, len, ":m");
    join(ret_keys->delta, tag, len, ":delta");
    join(ret_keys->load, tag, len, ":load");
    join(ret_keys->absent, tag, len, ":absent");
    join(ret_keys->answers, tag, len, ":answers");
    join(ret_keys->concurrent, tag, len, ":concurrent");
    join(ret_keys->idempotency, tag, len, ":i:");
    strncat(ret_keys->idempotency, idempotency_field, 64);
}

/* The names in KEYS() of script_texts.def. Those from KEY_dirty on are of no account. */
enum key {
    KEY_m,
    KEY_quota,
    KEY_delta,
    KEY_load,
    KEY_absent,
    KEY_answers,
    KEY_concurrent,
    KEY_idempotency,
    KEY_dirty,
    KEY_fence,
    KEY_used,
    KEY_all_answers
};

static const size_t members[] = {
    [KEY_m] = offsetof(struct luna_quota_keys, m),
    [KEY_quota] = offsetof(struct luna_quota_keys, quota),
    [KEY_delta] = offsetof(struct luna_quota_keys, delta),
    [KEY_load] = offsetof(struct luna_quota_keys, load),
    [KEY_absent] = offsetof(struct luna_quota_keys, absent),
    [KEY_answers] = offsetof(struct luna_quota_keys, answers),
    [KEY_concurrent] = offsetof(struct luna_quota_keys, concurrent),
    [KEY_idempotency] = offsetof(struct luna_quota_keys, idempotency),
};

static const char *const shared[] = {
    [KEY_dirty - KEY_dirty] = LUNA_KEY_DIRTY,
    [KEY_fence - KEY_dirty] = LUNA_KEY_FENCE,
    [KEY_used - KEY_dirty] = LUNA_KEY_USED,
    [KEY_all_answers - KEY_dirty] = LUNA_KEY_ANSWERS,
};

static const struct {
    unsigned char count, keys[8];
} scripts[LUNA_SCRIPTS_COUNT] = {
#define KEYS(script, ...)                                                                          \
    [LUNA_SCRIPT_##script] = {sizeof((unsigned char[]){__VA_ARGS__}), {__VA_ARGS__}},
#include "quota/script_texts.def"
};

void luna_quota_keys_add(const struct luna_quota_keys *keys, enum luna_script script,
                         struct luna_redis_command *command)
{
    assert(script < LUNA_SCRIPTS_COUNT && scripts[script].count > 0);
    assert((keys == NULL) == (script == LUNA_SCRIPT_FENCE || script == LUNA_SCRIPT_HANDOVER));
    luna_redis_arg_int(command, scripts[script].count);
    for (int i = 0; i < scripts[script].count; i++) {
        enum key key = scripts[script].keys[i];
        luna_redis_arg(command, key < KEY_dirty ? (const char *)keys + members[key]
                                                : shared[key - KEY_dirty]);
    }
    luna_redis_args_begin(command);
}

bool luna_quota_keys_parse(const char *quota_key, int64_t *ret_account_id)
{
    if (strncmp(quota_key, "user:", 5) != 0 || quota_key[5] < '1' || quota_key[5] > '9')
        return false;
    char *end = NULL;
    long long id = strtoll(quota_key + 5, &end, 10);
    if (strcmp(end, ":quota") != 0 || id > INT32_MAX)
        return false;
    *ret_account_id = id;
    return true;
}
