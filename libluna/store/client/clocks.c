#include "client/clocks.h"

#include "client/pg.h"
#include "client/redis.h"

enum { NS_PER_MS = 1000000 };
#define SECONDS_MAX (LUNA_SCRIPT_NUMBER_MAX / 1000)

static int64_t mono_ms(void)
{
    return luna_clock_mono_ns() / NS_PER_MS;
}

void luna_clocks_note_redis(struct luna_clocks *clocks, int64_t redis_ms)
{
    atomic_store_explicit(&clocks->redis_offset_ms, redis_ms - luna_clock_wall_ms(),
                          memory_order_relaxed);
}

void luna_clocks_note_database(struct luna_clocks *clocks, int64_t database_ms)
{
    atomic_store_explicit(&clocks->database_minus_mono_ms, database_ms - mono_ms(),
                          memory_order_relaxed);
    atomic_store_explicit(&clocks->database_offset_ms, database_ms - luna_clock_wall_ms(),
                          memory_order_relaxed);
}

int64_t luna_clocks_database_ms(const struct luna_clocks *clocks)
{
    long long ahead_ms =
        atomic_load_explicit(&clocks->database_minus_mono_ms, memory_order_relaxed);
    return ahead_ms == 0 ? 0 : ahead_ms + mono_ms();
}

bool luna_clocks_agree(const struct luna_clocks *clocks, int64_t redis_ms, int64_t max_ms)
{
    int64_t database_ms = luna_clocks_database_ms(clocks);
    return database_ms == 0 ||
           (redis_ms <= database_ms + max_ms && redis_ms >= database_ms - max_ms);
}

enum luna_code luna_clocks_ask_redis(struct luna_clocks *clocks, struct luna_counters *counters,
                                     struct luna_deadline deadline, int64_t *ret_redis_ms,
                                     struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "TIME");
    luna_redis_purpose(counters, LUNA_PURPOSE_PROBE);
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    int64_t seconds = luna_reply_int(luna_reply_at(reply, 0), -1);
    int64_t redis_ms = luna_reply_int(luna_reply_at(reply, 1), 0) / 1000;
    luna_reply_free(reply);
    if (seconds < 0 || seconds > SECONDS_MAX || redis_ms < 0 || redis_ms >= 1000)
        return luna_error_set(err, LUNA_EPROTOCOL, "Redis: its TIME is no time");
    redis_ms += seconds * 1000;
    luna_clocks_note_redis(clocks, redis_ms);
    *ret_redis_ms = redis_ms;
    return LUNA_OK;
}

enum luna_code luna_clocks_ask_database(struct luna_clocks *clocks, struct luna_database *database,
                                        struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    luna_pg_purpose(database, LUNA_PURPOSE_PROBE);
    enum luna_code code =
        luna_pg_query(database, deadline, "SELECT luna_ms(clock_timestamp())", NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    luna_clocks_note_database(clocks, luna_pg_int(result, 0, 0));
    luna_pg_result_free(result);
    return LUNA_OK;
}
