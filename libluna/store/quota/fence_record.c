#include "quota/fence_record.h"

#include "client/redis.h"
#include "quota/quota_keys.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum luna_code luna_fence_record_read(struct luna_counters *counters, struct luna_deadline deadline,
                                      struct luna_fence_record *ret_record, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "HMGET");
    luna_redis_arg(&command, LUNA_KEY_FENCE);
    for (int i = 0; i < LUNA_FENCE_FIELDS; i++)
        luna_redis_arg(&command, luna_fence_field((enum luna_fence_field)i));
    for (int i = 0; i < LUNA_SCRIPTS_SHARED; i++)
        luna_redis_arg(&command, luna_script_name((enum luna_script)i));
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    struct luna_fence_record record = {
        .abi = luna_reply_int(luna_reply_at(reply, LUNA_FENCE_AT_abi), 0)};
    if (record.abi == LUNA_SCRIPT_ABI) {
        record.incarnation = luna_reply_int(luna_reply_at(reply, LUNA_FENCE_AT_incarnation), 0);
        snprintf(record.run_id, sizeof record.run_id, "%s",
                 luna_reply_text(luna_reply_at(reply, LUNA_FENCE_AT_run_id)));
        snprintf(record.build, sizeof record.build, "%s",
                 luna_reply_text(luna_reply_at(reply, LUNA_FENCE_AT_build)));
        const char *durability = luna_reply_text(luna_reply_at(reply, LUNA_FENCE_AT_durability));
        if (strcmp(durability, luna_durability_words[LUNA_DURABILITY_STRICT]) == 0)
            record.durability = LUNA_DURABILITY_STRICT;
        for (size_t i = 0; i < LUNA_SCRIPTS_SHARED; i++)
            snprintf(record.sha[i], sizeof record.sha[i], "%s",
                     luna_reply_text(luna_reply_at(reply, LUNA_FENCE_FIELDS + i)));
    }
    luna_reply_free(reply);
    *ret_record = record;
    return LUNA_OK;
}

/* The pairs of all fields but the incarnation. */
static void add_fields(const struct luna_fence_record *record, struct luna_redis_command *command)
{
    luna_redis_arg(command, luna_fence_field(LUNA_FENCE_AT_abi));
    luna_redis_arg_int(command, LUNA_SCRIPT_ABI);
    luna_redis_arg(command, luna_fence_field(LUNA_FENCE_AT_run_id));
    luna_redis_arg(command, record->run_id);
    luna_redis_arg(command, luna_fence_field(LUNA_FENCE_AT_build));
    luna_redis_arg(command, record->build);
    luna_redis_arg(command, luna_fence_field(LUNA_FENCE_AT_durability));
    luna_redis_arg(command, luna_durability_words[record->durability]);
    for (int i = 0; i < LUNA_SCRIPTS_SHARED; i++) {
        luna_redis_arg(command, luna_script_name((enum luna_script)i));
        luna_redis_arg(command, record->sha[i]);
    }
}

enum luna_code luna_fence_record_write(struct luna_counters *counters,
                                       const struct luna_fence_record *record,
                                       struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(record->incarnation > 0);
    luna_redis_begin(&command, "EVAL");
    luna_redis_arg(&command, luna_script_unfenced(LUNA_SCRIPT_FENCE));
    luna_quota_keys_add(NULL, LUNA_SCRIPT_FENCE, &command);
    luna_redis_arg_int_at(&command, LUNA_ARG(FENCE, incarnation), record->incarnation);
    luna_redis_args_from(&command, LUNA_ARG(FENCE, fields));
    add_fields(record, &command);
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_int(reply, LUNA_FENCE_OLDER) != LUNA_FENCE_ANNOUNCED)
        code = luna_error_set(err, LUNA_ECONFLICT,
                              "another quota-syncd has announced a newer incarnation of Redis");
    luna_reply_free(reply);
    return code;
}

enum luna_code luna_fence_record_replace(struct luna_counters *counters, const char *sha,
                                         const char *from, const struct luna_fence_record *record,
                                         struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(record->incarnation > 0 && strcmp(from, record->build) != 0);
    luna_redis_begin(&command, "EVALSHA");
    luna_redis_arg(&command, sha);
    luna_quota_keys_add(NULL, LUNA_SCRIPT_HANDOVER, &command);
    luna_redis_arg_at(&command, LUNA_ARG(HANDOVER, from), from);
    luna_redis_args_from(&command, LUNA_ARG(HANDOVER, fields));
    add_fields(record, &command);
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_int(reply, LUNA_HANDOVER_OTHERS) != LUNA_HANDOVER_ANNOUNCED)
        code = luna_error_set(err, LUNA_ECONFLICT,
                              "another quota-syncd has announced its scripts meanwhile");
    luna_reply_free(reply);
    return code;
}

enum luna_code luna_fence_record_has_scripts(struct luna_counters *counters,
                                             const struct luna_fence_record *record,
                                             struct luna_deadline deadline, bool *ret_has_scripts,
                                             struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "SCRIPT");
    luna_redis_arg(&command, "EXISTS");
    for (int i = 0; i < LUNA_SCRIPTS_SHARED; i++)
        luna_redis_arg(&command, record->sha[i]);
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    bool has_scripts = true;
    for (size_t i = 0; i < LUNA_SCRIPTS_SHARED; i++)
        if (luna_reply_int(luna_reply_at(reply, i), 0) != 1)
            has_scripts = false;
    luna_reply_free(reply);
    *ret_has_scripts = has_scripts;
    return LUNA_OK;
}
