#include "metrics.h"

#include <inttypes.h>
#include <stddef.h>

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

void metrics_put_prometheus(const struct syncd_metrics *metrics, struct luna_buf *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *metric = &table[i];
        luna_buf_printf(out, "# HELP luna_syncd_%s %s.\n# TYPE luna_syncd_%s %s\nluna_syncd_%s %" PRId64 "\n",
                        metric->name, metric->help, metric->name, metric->kind, metric->name,
                        value_of(metrics, metric));
    }
}

void metrics_put_json(const struct syncd_metrics *metrics, struct luna_buf *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        luna_buf_printf(out, "%s\"%s\": %" PRId64, i == 0 ? "" : ", ", table[i].name,
                        value_of(metrics, &table[i]));
}
