/* Closes a period that has ended by Redis's clock, if PostgreSQL's clock agrees. */
#include "quota/admitter.h"
#include "quota/script_words.h"

static enum luna_roll run_script(struct luna_admitter *admitter, int64_t account_id,
                                 struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_quota_keys_make(account_id, "", &keys);
    luna_admitter_begin(&command, LUNA_SCRIPT_ROLL, &keys);
    luna_redis_arg_int_at(&command, LUNA_ARG(ROLL, database_ms),
                          luna_clocks_database_ms(admitter->clocks.clocks) +
                              admitter->clocks.offset_max_ms);
    if (luna_admitter_script(admitter, LUNA_SCRIPT_ROLL, &command, deadline, &reply, err) !=
        LUNA_OK)
        return LUNA_ROLL_FAILED;
    int64_t answer = luna_reply_int(reply, LUNA_ROLL_NOT_LOADED);
    luna_reply_free(reply);
    switch (answer) {
    case LUNA_ROLL_CURRENT:
        return LUNA_ROLL_DONE;
    case LUNA_ROLL_NOT_LOADED:
        return LUNA_ROLL_COLD;
    case LUNA_ROLL_TOO_EARLY:
        return LUNA_ROLL_CONTRADICTED;
    default:
        luna_error_set(err, LUNA_EPROTOCOL, "roll.lua replied %lld", (long long)answer);
        return LUNA_ROLL_FAILED;
    }
}

enum luna_roll luna_period_roll(struct luna_admitter *admitter, int64_t account_id,
                                struct luna_deadline deadline, struct luna_error *err)
{
    if (luna_clocks_database_ms(admitter->clocks.clocks) == 0 &&
        luna_clocks_ask_database(admitter->clocks.clocks, admitter->database, deadline, err) !=
            LUNA_OK)
        return LUNA_ROLL_FAILED;
    enum luna_roll roll = run_script(admitter, account_id, deadline, err);
    if (roll == LUNA_ROLL_CONTRADICTED &&
        luna_clock_fence_recheck(&admitter->clocks, deadline, err))
        roll = run_script(admitter, account_id, deadline, err);
    return roll;
}
