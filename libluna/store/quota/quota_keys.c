#include "quota/quota_keys.h"

#include <assert.h>
#include <stdio.h>
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
    char tag[40];
    assert(account_id > 0 && strlen(idempotency_field) <= 64);
    size_t len = (size_t)snprintf(tag, sizeof tag, "{user:%lld:quota}", (long long)account_id);
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
