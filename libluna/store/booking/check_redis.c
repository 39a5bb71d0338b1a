#include "booking/booker.h"

#include <assert.h>
#include <stdio.h>
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

/* "" when Redis does not have the setting; LUNA_ECONFIG when it does not say. */
static enum luna_code read_setting(struct luna_booker *booker, const char *name, char ret_value[32],
                                   struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "CONFIG");
    luna_redis_arg(&command, "GET");
    luna_redis_arg(&command, name);
    enum luna_code code = luna_redis_call(booker->counters, &command,
                                          luna_booker_redis_deadline(booker), &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_error(reply) != NULL)
        code = luna_error_set(err, LUNA_ECONFIG,
                              "strict mode needs to read Redis's setting %s: give quota-syncd's "
                              "user +config|get (%s)",
                              name, luna_reply_error(reply));
    snprintf(ret_value, 32, "%s", luna_reply_text(luna_reply_at(reply, 1)));
    luna_reply_free(reply);
    return code;
}

static enum luna_code check_settings(struct luna_booker *booker, struct luna_error *err)
{
    static const struct {
        const char *name, *wanted;
    } settings[] = {
        {"appendonly", "yes"}, {"appendfsync", "always"}, {"no-appendfsync-on-rewrite", "no"}};
    enum luna_code code = LUNA_OK;
    assert(booker->durability == LUNA_DURABILITY_STRICT); /* what fails here stops all charges */
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && code == LUNA_OK; i++) {
        char value[32];
        code = read_setting(booker, settings[i].name, value, err);
        if (code == LUNA_OK && strcmp(value, settings[i].wanted) != 0)
            code = luna_error_set(err, LUNA_ECONFIG,
                                  "LUNA_DURABILITY=strict needs \"%s %s\" in redis.conf, and Redis "
                                  "has \"%s\": set it and restart Redis, or CONFIG SET it",
                                  settings[i].name, settings[i].wanted, value);
    }
    return code;
}

enum luna_code luna_booker_check_strict(struct luna_booker *booker, struct luna_error *err)
{
    struct luna_error ignored;
    if (booker->durability != LUNA_DURABILITY_STRICT)
        return LUNA_OK;
    enum luna_code code = check_settings(booker, err);
    /* Workers must not continue with a Redis that forgets. If this fails, Redis is unavailable. */
    if (code == LUNA_ECONFIG && luna_booker_flush_scripts(booker, &ignored) != LUNA_OK)
        return LUNA_ECONFIG;
    return code;
}

enum luna_code luna_booking_redis_memory(struct luna_booker *booker,
                                         struct luna_redis_memory *ret_memory,
                                         struct luna_error *err)
{
    char used[32];
    char max[32];
    luna_booker_purpose(booker, LUNA_PURPOSE_CHECK);
    enum luna_code code = info(booker, "memory", "used_memory", used, err);
    if (code == LUNA_OK)
        code = info(booker, "memory", "maxmemory", max, err);
    if (code == LUNA_OK)
        *ret_memory = (struct luna_redis_memory){.used_bytes = strtoll(used, NULL, 10),
                                                 .max_bytes = strtoll(max, NULL, 10)};
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
    return code == LUNA_OK ? luna_booker_check_strict(booker, err) : code;
}
