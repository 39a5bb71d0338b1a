#include "luna/store/meter.h"

#include <inttypes.h>
#include <stddef.h>

enum { NS_PER_S = 1000000000 };

#define RELAXED memory_order_relaxed

/* From a local Redis to the longest timeouts; the last bucket has no bound. */
static const struct {
    int64_t ns;
    const char *label;
} bounds[LUNA_METER_BUCKETS] = {{100000, "0.0001"},  {250000, "0.00025"}, {500000, "0.0005"},
                                {1000000, "0.001"},  {2500000, "0.0025"}, {5000000, "0.005"},
                                {10000000, "0.01"},  {25000000, "0.025"}, {50000000, "0.05"},
                                {100000000, "0.1"},  {250000000, "0.25"}, {500000000, "0.5"},
                                {1000000000, "1.0"}, {5000000000, "5.0"}, {INT64_MAX, "+Inf"}};

static const struct {
    const char *name;
    unsigned redis, postgresql;
} purposes[] = {
#define X(symbol, name, redis, postgresql) {name, redis, postgresql},
    LUNA_PURPOSE_TABLE(X)
#undef X
};

static const char *const errors[] = {
#define X(symbol, name) name,
    LUNA_METER_ERROR_TABLE(X)
#undef X
};

/* One writer: a load and a store are enough, and cheaper than a locked add. */
static void add(atomic_ullong *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, RELAXED) + amount, RELAXED);
}

void luna_meter_time(struct luna_meter *meter, enum luna_purpose purpose, int64_t duration_ns)
{
    int bucket = 0;
    if (meter == NULL)
        return;
    while (duration_ns > bounds[bucket].ns)
        bucket++;
    add(&meter->times[purpose].buckets[bucket], 1);
    add(&meter->times[purpose].sum_ns, duration_ns > 0 ? (uint64_t)duration_ns : 0);
}

void luna_meter_error(struct luna_meter *meter, enum luna_meter_error kind)
{
    if (meter != NULL)
        add(&meter->errors[kind], 1);
}

void luna_meter_connect(struct luna_meter *meter)
{
    if (meter != NULL)
        add(&meter->connects, 1);
}

/* Only counters: they can be added up without their names. */
_Static_assert(sizeof(struct luna_store_meter) % sizeof(atomic_ullong) == 0,
               "a meter is an array of counters");

void luna_store_meter_add(struct luna_store_meter *total, const struct luna_store_meter *part)
{
    atomic_ullong *sums = (atomic_ullong *)(void *)total;
    const atomic_ullong *counters = (const atomic_ullong *)(const void *)part;
    for (size_t i = 0; i < sizeof *total / sizeof *sums; i++)
        add(&sums[i], atomic_load_explicit(&counters[i], RELAXED));
}

static uint64_t value_of(const atomic_ullong *counter)
{
    return atomic_load_explicit(counter, RELAXED);
}

static void declare(struct luna_buf *out, const char *store, const char *name, const char *type,
                    const char *help)
{
    luna_buf_printf(out, "# HELP luna_%s_%s %s\n# TYPE luna_%s_%s %s\n", store, name, help, store,
                    name, type);
}

static void put_times(struct luna_buf *out, const char *store, const char *name,
                      const char *purpose, const struct luna_meter_times *times)
{
    uint64_t so_far = 0;
    for (int i = 0; i < LUNA_METER_BUCKETS; i++) {
        so_far += value_of(&times->buckets[i]);
        luna_buf_printf(out, "luna_%s_%s_bucket{operation=\"%s\",le=\"%s\"} %" PRIu64 "\n", store,
                        name, purpose, bounds[i].label, so_far);
    }
    uint64_t sum_ns = value_of(&times->sum_ns);
    luna_buf_printf(out,
                    "luna_%s_%s_count{operation=\"%s\"} %" PRIu64
                    "\nluna_%s_%s_sum{operation=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n",
                    store, name, purpose, so_far, store, name, purpose, sum_ns / NS_PER_S,
                    sum_ns % NS_PER_S);
}

static void put_errors(struct luna_buf *out, const char *store, const struct luna_meter *meter,
                       enum luna_meter_error count)
{
    declare(out, store, "errors_total", "counter", "Errors by kind.");
    for (unsigned i = 0; i < count; i++)
        luna_buf_printf(out, "luna_%s_errors_total{kind=\"%s\"} %" PRIu64 "\n", store, errors[i],
                        value_of(&meter->errors[i]));
    declare(out, store, "connects_total", "counter", "Connections opened.");
    luna_buf_printf(out, "luna_%s_connects_total %" PRIu64 "\n", store, value_of(&meter->connects));
}

void luna_store_meter_put(const struct luna_store_meter *meter, enum luna_meter_program program,
                          struct luna_buf *out)
{
    declare(out, "redis", "request_duration_seconds", "histogram",
            "Round trips to Redis by purpose, failed ones included.");
    for (int i = 0; i < LUNA_PURPOSES; i++)
        if (purposes[i].redis & program)
            put_times(out, "redis", "request_duration_seconds", purposes[i].name,
                      &meter->redis.times[i]);
    put_errors(out, "redis", &meter->redis, LUNA_METER_ERRORS);
    declare(out, "postgresql", "query_duration_seconds", "histogram",
            "Statements of PostgreSQL by purpose, failed ones included.");
    for (int i = 0; i < LUNA_PURPOSES; i++)
        if (purposes[i].postgresql & program)
            put_times(out, "postgresql", "query_duration_seconds", purposes[i].name,
                      &meter->postgresql.times[i]);
    /* LUNA_METER_FENCED is the last, and only Redis has it */
    put_errors(out, "postgresql", &meter->postgresql, LUNA_METER_FENCED);
}
