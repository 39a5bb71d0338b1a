#include "quota/config_keys.h"

#include <stdio.h>
#include <string.h>

enum { DIGEST_LEN = 36 };

bool luna_config_keys_parse(const char *column, struct luna_config_keys *ret_keys)
{
    ret_keys->count = 0;
    for (const char *item = column; *item != '\0';) {
        size_t len = strcspn(item, ",");
        int n = ret_keys->count;
        if (n == LUNA_CONFIG_KEYS_MAX || len < DIGEST_LEN + 2 || item[DIGEST_LEN] != ' ' ||
            len - DIGEST_LEN - 1 >= sizeof ret_keys->values[0])
            return false;
        snprintf(ret_keys->fields[n], sizeof ret_keys->fields[n], "k:%.*s", DIGEST_LEN, item);
        snprintf(ret_keys->values[n], sizeof ret_keys->values[n], "%.*s",
                 (int)(len - DIGEST_LEN - 1), item + DIGEST_LEN + 1);
        ret_keys->count++;
        item += len + (item[len] == ',' ? 1 : 0);
    }
    return true;
}

void luna_config_keys_add(const struct luna_config_keys *keys, struct luna_redis_command *command)
{
    for (int i = 0; i < keys->count; i++) {
        luna_redis_arg(command, keys->fields[i]);
        luna_redis_arg(command, keys->values[i]);
    }
}

const char *luna_config_period(const char *kind)
{
    return strcmp(kind, "day") == 0 ? "1" : strcmp(kind, "month") == 0 ? "2" : "0";
}
