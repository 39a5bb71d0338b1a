#include "quota_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void luna_quota_keys_make(int64_t account_id, const char *idempotency_field, struct luna_quota_keys *ret_keys)
{
    long long id = account_id;
    snprintf(ret_keys->quota, sizeof ret_keys->quota, "user:%lld:quota", id);
    snprintf(ret_keys->m, sizeof ret_keys->m, "{user:%lld:quota}:m", id);
    snprintf(ret_keys->delta, sizeof ret_keys->delta, "{user:%lld:quota}:delta", id);
    snprintf(ret_keys->load, sizeof ret_keys->load, "{user:%lld:quota}:load", id);
    snprintf(ret_keys->absent, sizeof ret_keys->absent, "{user:%lld:quota}:absent", id);
    snprintf(ret_keys->concurrent, sizeof ret_keys->concurrent, "{user:%lld:quota}:concurrent", id);
    snprintf(ret_keys->idempotency, sizeof ret_keys->idempotency, "{user:%lld:quota}:i:%.64s", id,
             idempotency_field);
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
