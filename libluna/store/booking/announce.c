#include "booking/announce.h"

#include <assert.h>
#include <stdio.h>

static enum luna_code same_connection(const struct luna_booker *booker, uint64_t connection,
                                      struct luna_error *err)
{
    return luna_redis_generation(booker->counters) == connection
               ? LUNA_OK
               : luna_error_set(err, LUNA_EUNAVAILABLE,
                                "Redis: the connection was lost while announcing scripts");
}

/* Those that workers run, with texts that no earlier loading had. */
static enum luna_code load_shared(struct luna_booker *booker, uint64_t connection,
                                  struct luna_fence_record *record, struct luna_error *err)
{
    booker->loading++;
    for (int i = 0; i < LUNA_SCRIPTS_SHARED; i++) {
        enum luna_script script = (enum luna_script)i;
        enum luna_code code = luna_booker_load_script(
            booker, script, luna_script_is_fenced(script) ? record->incarnation : 0, record->sha[i],
            err);
        if (code == LUNA_OK)
            code = same_connection(booker, connection, err);
        if (code != LUNA_OK)
            return code;
    }
    return LUNA_OK;
}

enum luna_code luna_booking_announce(struct luna_booker *booker, uint64_t connection,
                                     const char *run_id, int64_t incarnation,
                                     struct luna_error *err)
{
    struct luna_fence_record record = {.incarnation = incarnation,
                                       .durability = booker->durability};
    assert(incarnation > 0);
    snprintf(record.run_id, sizeof record.run_id, "%s", run_id);
    luna_script_build(record.build);
    enum luna_code code = load_shared(booker, connection, &record, err);
    if (code == LUNA_OK)
        code = luna_fence_record_write(booker->counters, &record,
                                       luna_booker_redis_deadline(booker), err);
    return code == LUNA_OK ? same_connection(booker, connection, err) : code;
}

/* A fence of another daemon may flush the scripts at any time, and nothing may be charged from then
 * on (I2). The old scripts are never loaded again, so if they are still there after the new ones
 * and handover.lua were loaded, no flush came before. If one comes after, it flushes handover.lua
 * too, and nothing is announced. What was loaded and not announced, no worker can name. */
enum luna_code luna_booking_hand_over(struct luna_booker *booker, uint64_t connection,
                                      const struct luna_fence_record *from, struct luna_error *err)
{
    struct luna_fence_record record = *from;
    char sha[LUNA_SCRIPT_SHA_BYTES];
    bool goes_on = false;
    assert(from->incarnation > 0 && from->durability == booker->durability);
    luna_script_build(record.build);
    enum luna_code code = load_shared(booker, connection, &record, err);
    if (code == LUNA_OK)
        code = luna_booker_load_script(booker, LUNA_SCRIPT_HANDOVER, from->incarnation, sha, err);
    if (code == LUNA_OK)
        code = luna_fence_record_has_scripts(booker->counters, from,
                                             luna_booker_redis_deadline(booker), &goes_on, err);
    if (code == LUNA_OK)
        code = same_connection(booker, connection, err);
    if (code == LUNA_OK && !goes_on)
        code = luna_error_set(err, LUNA_ECONFLICT, "Redis: the scripts were flushed meanwhile");
    if (code == LUNA_OK)
        code = luna_fence_record_replace(booker->counters, sha, from->build, &record,
                                         luna_booker_redis_deadline(booker), err);
    return code;
}
