#include "metrics.h"

#include "luna/base/process_metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct metric {
    const char *name;
    const char *kind;
    const char *help;
    size_t offset;
};

static const struct metric table[] = {
#define X(member, kind, help) {#member, #kind, help, offsetof(struct syncd_metrics, member)},
    SYNCD_METRIC_TABLE(X)
#undef X
};

enum { METRIC_COUNT = sizeof table / sizeof table[0] };

static int64_t value_of(const struct syncd_metrics *metrics, const struct metric *metric)
{
    return *(const int64_t *)(const void *)((const char *)metrics + metric->offset);
}

static bool is_in_ms(const char *name)
{
    size_t len = strlen(name);
    return len > 3 && strcmp(name + len - 3, "_ms") == 0;
}

/* The base unit of Prometheus is the second: member x_ms becomes luna_syncd_x_seconds. */
static void put_time(const struct metric *metric, int64_t value_ms, struct luna_buf *out)
{
    int stem = (int)strlen(metric->name) - 3;
    uint64_t ms = value_ms < 0 ? -(uint64_t)value_ms : (uint64_t)value_ms;
    luna_buf_printf(out,
                    "# HELP luna_syncd_%.*s_seconds %s.\n# TYPE luna_syncd_%.*s_seconds %s\n"
                    "luna_syncd_%.*s_seconds %s%" PRIu64 ".%03u\n",
                    stem, metric->name, metric->help, stem, metric->name, metric->kind, stem,
                    metric->name, value_ms < 0 ? "-" : "", ms / 1000, (unsigned)(ms % 1000));
}

void metrics_put_prometheus(const struct syncd_metrics *metrics, struct luna_buf *out)
{
    luna_metrics_put_build(out, "quota-syncd", LUNA_VERSION);
    luna_metrics_put_process(out);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *metric = &table[i];
        if (is_in_ms(metric->name))
            put_time(metric, value_of(metrics, metric), out);
        else
            luna_buf_printf(
                out,
                "# HELP luna_syncd_%s %s.\n# TYPE luna_syncd_%s %s\nluna_syncd_%s %" PRId64 "\n",
                metric->name, metric->help, metric->name, metric->kind, metric->name,
                value_of(metrics, metric));
    }
    luna_store_meter_put(&metrics->stores, LUNA_METER_SYNCD, out);
}

void metrics_put_json(const struct syncd_metrics *metrics, struct luna_buf *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        luna_buf_printf(out, "%s\"%s\": %" PRId64, i == 0 ? "" : ", ", table[i].name,
                        value_of(metrics, &table[i]));
}
