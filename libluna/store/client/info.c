#include "client/info.h"

#include <stdio.h>
#include <string.h>

enum luna_code luna_info_read(struct luna_cache *cache, const char *section,
                              struct luna_deadline deadline, struct luna_info *ret_info,
                              struct luna_error *err)
{
    struct luna_redis_command command;
    luna_redis_begin(&command, "INFO");
    luna_redis_arg(&command, section);
    return luna_redis_want(cache, &command, deadline, &ret_info->reply, err);
}

void luna_info_done(struct luna_info *info)
{
    luna_reply_free(info->reply);
    info->reply = NULL;
}

void luna_info_field(const struct luna_info *info, const char *name, char *out, size_t out_bytes)
{
    size_t name_len = strlen(name);
    out[0] = '\0';
    for (const char *line = luna_reply_text(info->reply); *line != '\0';) {
        size_t len = strcspn(line, "\r\n");
        if (len > name_len && line[name_len] == ':' && memcmp(line, name, name_len) == 0)
            snprintf(out, out_bytes, "%.*s", (int)(len - name_len - 1), line + name_len + 1);
        line += len;
        line += strspn(line, "\r\n");
    }
}
