#include "booking/booker.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION_MAJOR_MIN = 7 };

static enum luna_code info(struct luna_booker *booker, const char *section, const char *field,
                           char ret_value[32], struct luna_error *err)
{
    return luna_redis_info(booker->counters, section, field, luna_booker_redis_deadline(booker),
                           ret_value, 32, err);
}

static enum luna_code check_version(struct luna_booker *booker, struct luna_error *err)
{
    char version[32];
    enum luna_code code = info(booker, "server", "redis_version", version, err);
    if (code == LUNA_OK && strtol(version, NULL, 10) < VERSION_MAJOR_MIN)
        code = luna_error_set(err, LUNA_ECONFIG,
                              "Redis is version %s; the fence needs 7.0 or later, which "
                              "forgets scripts when it restarts",
                              version);
    return code;
}

static enum luna_code check_role(struct luna_booker *booker, struct luna_error *err)
{
    char role[32];
    enum luna_code code = info(booker, "replication", "role", role, err);
    if (code == LUNA_OK && strcmp(role, "master") != 0)
        code = luna_error_set(err, LUNA_ECONFIG,
                              "Redis is a replica (role %s): quotas are charged on the master only",
                              role);
    return code;
}

static enum luna_code check_eviction(struct luna_booker *booker, struct luna_error *err)
{
    char policy[32];
    enum luna_code code = info(booker, "memory", "maxmemory_policy", policy, err);
    if (code == LUNA_OK && strcmp(policy, "noeviction") != 0)
        code = luna_error_set(err, LUNA_ECONFIG,
                              "Redis would evict quotas (maxmemory-policy %s): set "
                              "\"maxmemory-policy noeviction\" in "
                              "redis.conf, or CONFIG SET it, and restart quota-syncd",
                              policy);
    return code;
}

static enum luna_code check_persistence(struct luna_booker *booker, struct luna_error *err)
{
    char aof[32];
    enum luna_code code = info(booker, "persistence", "aof_enabled", aof, err);
    if (code == LUNA_OK && strcmp(aof, "1") != 0)
        code = luna_error_set(err, LUNA_ECONFIG,
                              "Redis keeps no append-only file: set \"appendonly yes\" in "
                              "redis.conf, or CONFIG SET it, "
                              "and restart quota-syncd");
    return code;
}

enum luna_code luna_booking_check_redis(struct luna_booker *booker, struct luna_error *err)
{
    luna_booker_purpose(booker, LUNA_PURPOSE_CHECK);
    enum luna_code code = check_version(booker, err);
    if (code == LUNA_OK)
        code = check_role(booker, err);
    if (code == LUNA_OK && !booker->unsafe_redis)
        code = check_eviction(booker, err);
    if (code == LUNA_OK && !booker->unsafe_redis)
        code = check_persistence(booker, err);
    return code;
}
