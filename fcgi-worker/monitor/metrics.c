#include "monitor/metrics.h"

#include "luna/base/process_metrics.h"
#include "luna/modelling/run.h"
#include "monitor/readiness.h"
#include "monitor/totals.h"

#include <stdio.h>
#include <string.h>

#define RELAXED memory_order_relaxed

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, US_PER_S = 1000000, NS_PER_US = 1000 };

static void declare(struct luna_buf *out, const char *name, const char *type, const char *help)
{
    luna_buf_printf(out, "# HELP luna_worker_%s %s\n# TYPE luna_worker_%s %s\n", name, help, name,
                    type);
}

/* Whole numbers only: printf would write a decimal point of the locale. */
static void put_seconds(struct luna_buf *out, uint64_t ns)
{
    luna_buf_printf(out, "%llu.%09llu\n", (unsigned long long)(ns / NS_PER_S),
                    (unsigned long long)(ns % NS_PER_S));
}

static void put_counter(struct luna_buf *out, const char *name, uint64_t value, const char *help)
{
    declare(out, name, "counter", help);
    luna_buf_printf(out, "luna_worker_%s %llu\n", name, (unsigned long long)value);
}

static void put_gauge(struct luna_buf *out, const char *name, long long value, const char *help)
{
    declare(out, name, "gauge", help);
    luna_buf_printf(out, "luna_worker_%s %lld\n", name, value);
}

/* A bucket's bound in seconds as Prometheus writes it, without trailing zeros, so that queries can
 * name it. */
static void put_bound(struct luna_buf *out, int64_t bound_us)
{
    char text[48];
    int len = snprintf(text, sizeof text, "%lld.%06lld", (long long)(bound_us / US_PER_S),
                       (long long)(bound_us % US_PER_S));
    while (text[len - 1] == '0' && text[len - 2] != '.')
        text[--len] = '\0';
    luna_buf_puts(out, text);
}

/* `route` NULL: the histogram has no label. */
static void put_histogram(struct luna_buf *out, const char *name, const char *route,
                          const uint64_t *buckets, uint64_t sum_ns)
{
    char label[64] = "";
    char first[80] = "";
    uint64_t so_far = 0;
    if (route != NULL) {
        (void)snprintf(label, sizeof label, "{route=\"%s\"}", route);
        (void)snprintf(first, sizeof first, "route=\"%s\",", route);
    }
    for (int i = 0; i < SCOREBOARD_BUCKETS; i++) {
        so_far += buckets[i];
        luna_buf_printf(out, "luna_worker_%s_bucket{%sle=\"", name, first);
        if (i < SCOREBOARD_BUCKETS - 1)
            put_bound(out, scoreboard_bucket_ns(i) / NS_PER_US);
        else
            luna_buf_puts(out, "+Inf");
        luna_buf_printf(out, "\"} %llu\n", (unsigned long long)so_far);
    }
    luna_buf_printf(out, "luna_worker_%s_count%s %llu\nluna_worker_%s_sum%s ", name, label,
                    (unsigned long long)so_far, name, label);
    put_seconds(out, sum_ns);
}

static void put_requests(struct luna_buf *out, const struct totals *totals)
{
    declare(out, "requests_total", "counter",
            "Requests answered, by HTTP status; 499: the client disconnected first.");
    for (int i = 0; i < SCOREBOARD_STATUSES; i++) {
        int status = scoreboard_status_at(i);
        if (status != 0)
            luna_buf_printf(out, "luna_worker_requests_total{status=\"%d\"} ", status);
        else
            luna_buf_puts(out, "luna_worker_requests_total{status=\"other\"} ");
        luna_buf_printf(out, "%llu\n", (unsigned long long)totals->statuses[i]);
    }
    declare(out, "queue_wait_seconds", "histogram",
            "Time from nginx's timestamp to the worker's accept.");
    put_histogram(out, "queue_wait_seconds", NULL, totals->wait_buckets, totals->wait_ns);
    declare(out, "request_duration_seconds", "histogram",
            "Time from accept to the answer's last byte.");
    put_histogram(out, "request_duration_seconds", NULL, totals->duration_buckets,
                  totals->duration_ns);
    declare(out, "phase_seconds_total", "counter", "Time spent in each phase of a request.");
    for (int i = PHASE_IDLE + 1; i < PHASE_COUNT; i++) {
        luna_buf_printf(out, "luna_worker_phase_seconds_total{phase=\"%s\",blocked=\"%s\"} ",
                        phase_name((enum phase)i),
                        phase_is_blocked((enum phase)i) ? "true" : "false");
        put_seconds(out, totals->phase_ns[i]);
    }
    put_counter(out, "request_bytes_total", totals->bytes_in, "Bytes of request bodies received.");
    put_counter(out, "response_bytes_total", totals->bytes_out, "Bytes of response bodies sent.");
    put_counter(out, "points_total", totals->points, "Observations in valid requests.");
    put_counter(out, "units_total", totals->units, "Quota units charged.");
    put_counter(out, "shed_total", totals->shed,
                "Requests refused with 503 because they had waited too long.");
    put_counter(out, "client_left_total", totals->client_left,
                "Requests whose client disconnected before the answer.");
    put_counter(out, "dropped_total", totals->dropped,
                "Connections without a request, or from a user or address that may not connect.");
    put_counter(out, "cold_total", totals->cold,
                "Requests that had to load their account from PostgreSQL.");
    put_counter(out, "quarantined_total", totals->quarantined,
                "Requests refused because their body had crashed workers.");
    put_counter(out, "unjournalled_total", totals->unjournalled,
                "Requests refused with 503 because the journal of charges could not be written.");
    put_counter(out, "slow_total", totals->slow, "Requests slower than LUNA_SLOW_MS.");
}

/* The routes that exist, and the last number, under which requests without a route count. */
static bool is_shown(const struct names *names, int route)
{
    return route == SCOREBOARD_ROUTES - 1 || names->routes[route] != NULL;
}

/* A label's values are the table of routes and the table of statuses: never what a client sent. */
static void put_routes(struct luna_buf *out, const struct names *names, const struct totals *totals)
{
    declare(out, "route_requests_total", "counter", "Requests answered, by route and HTTP status.");
    for (int i = 0; i < SCOREBOARD_ROUTES; i++) {
        if (!is_shown(names, i))
            continue;
        for (int j = 0; j < SCOREBOARD_STATUSES; j++) {
            luna_buf_printf(out, "luna_worker_route_requests_total{route=\"%s\",status=\"",
                            names_route(names, i));
            if (scoreboard_status_at(j) != 0)
                luna_buf_printf(out, "%d", scoreboard_status_at(j));
            else
                luna_buf_puts(out, "other");
            luna_buf_printf(out, "\"} %llu\n", (unsigned long long)totals->route_statuses[i][j]);
        }
    }
    declare(out, "route_duration_seconds", "histogram",
            "Time from accept to the answer's last byte, by route.");
    for (int i = 0; i < SCOREBOARD_ROUTES; i++)
        if (is_shown(names, i))
            put_histogram(out, "route_duration_seconds", names_route(names, i),
                          totals->route_buckets[i], totals->route_ns[i]);
}

static void put_problems(struct luna_buf *out, const struct names *names,
                         const struct totals *totals)
{
    declare(out, "problems_total", "counter", "Requests answered with an error, by code.");
    for (int i = 0; i < SCOREBOARD_PROBLEMS; i++)
        if (names->problems[i] != NULL)
            luna_buf_printf(out, "luna_worker_problems_total{code=\"%s\"} %llu\n",
                            names->problems[i], (unsigned long long)totals->problems[i]);
}

static void declare_filter(struct luna_buf *out, const char *name, const char *help)
{
    luna_buf_printf(out, "# HELP luna_filter_%s %s\n# TYPE luna_filter_%s counter\n", name, help,
                    name);
}

/* By the requested model, "auto" included. Again the names of a table, not the client's. */
static void put_models(struct luna_buf *out, const struct totals *totals)
{
    declare_filter(out, "series_total", "Series that went through a model, by outcome.");
    for (int i = 0; i < SCOREBOARD_MODELS; i++)
        for (int j = 0; j < RUN_OUTCOMES && luna_model_name(i) != NULL; j++)
            luna_buf_printf(out, "luna_filter_series_total{model=\"%s\",outcome=\"%s\"} %llu\n",
                            luna_model_name(i), run_name((enum run_outcome)j),
                            (unsigned long long)totals->model_series[i][j]);
    declare_filter(out, "points_total", "Observations that went through a model.");
    for (int i = 0; i < SCOREBOARD_MODELS; i++)
        if (luna_model_name(i) != NULL)
            luna_buf_printf(out, "luna_filter_points_total{model=\"%s\"} %llu\n",
                            luna_model_name(i), (unsigned long long)totals->model_points[i]);
    declare_filter(out, "seconds_total", "Time spent in a model, fitting included.");
    for (int i = 0; i < SCOREBOARD_MODELS; i++) {
        if (luna_model_name(i) == NULL)
            continue;
        luna_buf_printf(out, "luna_filter_seconds_total{model=\"%s\"} ", luna_model_name(i));
        put_seconds(out, totals->model_ns[i]);
    }
}

static void put_workers(struct luna_buf *out, const struct totals *totals)
{
    static const char *const states[] = {NULL,       "starting", "ready",
                                         "draining", "killed",   "backoff"};
    declare(out, "processes", "gauge", "Worker processes, by state.");
    for (int i = WORKER_STARTING; i <= WORKER_BACKOFF; i++)
        luna_buf_printf(out, "luna_worker_processes{state=\"%s\"} %d\n", states[i],
                        totals->workers[i]);
    declare(out, "busy", "gauge", "Worker processes with a request in progress, by phase.");
    for (int i = PHASE_IDLE + 1; i < PHASE_COUNT; i++)
        luna_buf_printf(out, "luna_worker_busy{phase=\"%s\"} %d\n", phase_name((enum phase)i),
                        totals->phases[i]);
    put_gauge(out, "resident_bytes", (long long)totals->resident_bytes,
              "Private resident memory of all workers.");
    put_counter(out, "starts_total", totals->starts, "Worker processes started.");
}

static void put_clock(struct luna_buf *out, const char *clock, int64_t offset_ms)
{
    luna_buf_printf(out, "luna_worker_clock_offset_seconds{clock=\"%s\"} %s", clock,
                    offset_ms < 0 ? "-" : "");
    put_seconds(out, (uint64_t)(offset_ms < 0 ? -offset_ms : offset_ms) * NS_PER_MS);
}

static void put_clocks(struct luna_buf *out, const struct scoreboard *board)
{
    const struct luna_clocks *clocks = &board->clocks;
    declare(out, "clock_offset_seconds", "gauge",
            "Clock of a store, when a worker last asked, or of the gateway, by its recent "
            "requests, minus this host's.");
    put_clock(out, "redis", atomic_load_explicit(&clocks->redis_offset_ms, RELAXED));
    put_clock(out, "postgresql", atomic_load_explicit(&clocks->database_offset_ms, RELAXED));
    put_clock(out, "gateway", atomic_load_explicit(&board->gateway_offset_ms, RELAXED));
}

static void put_pool(struct luna_buf *out, const struct scoreboard_pool *pool)
{
#define GET(member) atomic_load_explicit(&pool->member, RELAXED)
    put_gauge(out, "target", GET(target), "Intended number of workers.");
    put_gauge(out, "target_min", GET(pool_min), "Minimum of the intended number of workers.");
    put_gauge(out, "target_max", GET(pool_max), "Maximum of the intended number of workers.");
    put_gauge(out, "generation", GET(generation),
              "Generation: grows with every reload and upgrade.");
    put_gauge(out, "backlog_depth", GET(backlog_depth),
              "Connections waiting in the socket's queue; -1: unknown.");
    put_gauge(out, "backlog_max", GET(backlog_max),
              "Capacity of the socket's queue, in connections; -1: unknown.");
    put_gauge(out, "crash_looping", GET(crash_looping),
              "1 while respawns are slowed down because too many workers died.");
    put_counter(out, "crashes_total", GET(crashes),
                "Workers ended by a signal that the master did not send.");
    put_counter(out, "kills_total", GET(hard_kills),
                "Workers that the master killed because they exceeded a time limit.");
    put_counter(out, "recycles_total", GET(recycles),
                "Workers replaced because of their number of requests, age or memory.");
    put_counter(out, "reloads_total", GET(reloads), "Reloads that succeeded.");
    put_counter(out, "reload_rollbacks_total", GET(reload_rollbacks), "Reloads rolled back.");
    put_counter(out, "upgrades_total", GET(upgrades), "Binary upgrades that succeeded.");
    put_counter(out, "upgrade_rollbacks_total", GET(upgrade_rollbacks),
                "Binary upgrades rolled back.");
    put_counter(out, "scaled_up_total", GET(scaled_up), "Times the target was raised.");
    put_counter(out, "scaled_down_total", GET(scaled_down), "Times the target was lowered.");
#undef GET
}

void metrics_put(const struct scoreboard *board, const struct names *names, int64_t now_ns,
                 struct luna_buf *out)
{
    struct totals totals;
    totals_add_up(board, &totals);
    luna_metrics_put_build(out, "fcgi-worker", LUNA_VERSION);
    luna_metrics_put_process(out);
    put_gauge(out, "ready", readiness_of(board, now_ns) == READINESS_OK,
              "1 when /readyz answers 200.");
    put_gauge(out, "alive", readiness_is_alive(board, now_ns), "1 when /livez answers 200.");
    put_counter(out, "log_lines_dropped_total",
                atomic_load_explicit(&board->log.lines_dropped, RELAXED),
                "Log lines that were dropped because nothing read them.");
    put_requests(out, &totals);
    put_routes(out, names, &totals);
    put_problems(out, names, &totals);
    put_models(out, &totals);
    luna_store_meter_put(&totals.stores, LUNA_METER_WORKER, out);
    put_clocks(out, board);
    put_workers(out, &totals);
    put_pool(out, &board->pool);
    declare(out, "start_time_seconds", "gauge", "When the pool started, since 1970-01-01 UTC.");
    luna_buf_puts(out, "luna_worker_start_time_seconds ");
    put_seconds(out,
                (uint64_t)atomic_load_explicit(&board->pool.started_wall_ms, RELAXED) * NS_PER_MS);
}
