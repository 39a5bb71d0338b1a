/*
 * info.h: Redis's INFO, field by field. Private to the store.
 */
#ifndef LUNA_STORE_INFO_H
#define LUNA_STORE_INFO_H

#include "client/redis.h"

struct luna_info {
    struct luna_reply *reply;
};

enum luna_code luna_info_read(struct luna_cache *cache, const char *section,
                              struct luna_deadline deadline, struct luna_info *ret_info,
                              struct luna_error *err) LUNA_MUSTCHECK;
void luna_info_done(struct luna_info *info);
/* "" when there is no such field. */
void luna_info_field(const struct luna_info *info, const char *name, char *out, size_t out_bytes);

#endif
