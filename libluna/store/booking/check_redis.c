#include "booking/booker.h"
#include "client/info.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION_MAJOR_MIN = 7 };

static enum luna_code check_version(struct luna_booker *booker, struct luna_error *err)
{
    struct luna_info info;
    char version[32], role[32];
    enum luna_code code =
        luna_info_read(booker->cache, "server", luna_booker_redis_deadline(booker), &info, err);
    if (code != LUNA_OK)
        return code;
    luna_info_field(&info, "redis_version", version, sizeof version);
    luna_info_done(&info);
    if (strtol(version, NULL, 10) < VERSION_MAJOR_MIN)
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis is version %s; the fence needs 7.0 or later, whose scripts do "
                              "not survive a restart",
                              version);
    code = luna_info_read(booker->cache, "replication", luna_booker_redis_deadline(booker), &info,
                          err);
    if (code != LUNA_OK)
        return code;
    luna_info_field(&info, "role", role, sizeof role);
    luna_info_done(&info);
    if (strcmp(role, "master") != 0)
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis is a replica (role %s): quotas are charged on the master only",
                              role);
    return LUNA_OK;
}

static enum luna_code check_eviction(struct luna_booker *booker, struct luna_error *err)
{
    struct luna_info info;
    char policy[32];
    enum luna_code code =
        luna_info_read(booker->cache, "memory", luna_booker_redis_deadline(booker), &info, err);
    if (code != LUNA_OK)
        return code;
    luna_info_field(&info, "maxmemory_policy", policy, sizeof policy);
    luna_info_done(&info);
    if (strcmp(policy, "noeviction") != 0)
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis would evict quotas (maxmemory-policy %s): set "
                              "\"maxmemory-policy noeviction\" in "
                              "redis.conf, or CONFIG SET it, and start again",
                              policy);
    return LUNA_OK;
}

static enum luna_code check_persistence(struct luna_booker *booker, struct luna_error *err)
{
    struct luna_info info;
    char aof[8];
    enum luna_code code = luna_info_read(booker->cache, "persistence",
                                         luna_booker_redis_deadline(booker), &info, err);
    if (code != LUNA_OK)
        return code;
    luna_info_field(&info, "aof_enabled", aof, sizeof aof);
    luna_info_done(&info);
    if (strcmp(aof, "1") != 0)
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis keeps no append-only file: set \"appendonly yes\" in "
                              "redis.conf, or CONFIG SET it, "
                              "and start again");
    return LUNA_OK;
}

enum luna_code luna_booking_check_redis(struct luna_booker *booker, struct luna_error *err)
{
    luna_booker_purpose(booker, LUNA_PURPOSE_CHECK);
    enum luna_code code = check_version(booker, err);
    if (code == LUNA_OK && !booker->unsafe_redis)
        code = check_eviction(booker, err);
    if (code == LUNA_OK && !booker->unsafe_redis)
        code = check_persistence(booker, err);
    return code;
}
