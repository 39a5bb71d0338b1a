#include "monitor/monitor.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "luna/http/listener.h"
#include "shared/exit_code.h"
#include "shared/log_file.h"
#include "shared/signals.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define RELAXED memory_order_relaxed

enum { FOLLOW_MS = 1000 }; /* how soon a renamed log file is let go */

static void answer(void *context, const char *path, struct luna_http_reply *reply)
{
    const struct scoreboard *board = context;
    const char *reason = NULL;
    int64_t now_ns = luna_clock_mono_ns();
    if (strcmp(path, "/livez") == 0) {
        reply->status = 200;
        reply->content_type = "application/json";
        luna_buf_puts(reply->body, "{\"status\":\"alive\"}\n");
    } else if (strcmp(path, "/readyz") == 0) {
        bool ready = monitor_is_ready(board, now_ns, &reason);
        reply->status = ready ? 200 : 503;
        reply->content_type = "application/json";
        luna_buf_printf(reply->body, "{\"status\":\"%s\",\"reason\":\"%s\"}\n",
                        ready ? "ready" : "not ready", reason);
    } else if (strcmp(path, "/metrics") == 0) {
        reply->status = 200;
        reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
        monitor_put_metrics(board, now_ns, reply->body);
    } else if (strcmp(path, "/status") == 0) {
        reply->status = 200;
        reply->content_type = "application/json";
        monitor_put_status(board, now_ns, reply->body);
    }
}

enum luna_code monitor_check_address(const char *address, struct luna_error *err)
{
    struct luna_http_listener *listener = NULL;
    enum luna_code code = luna_http_listener_open(address, answer, NULL, &listener, err);
    luna_http_listener_close(listener);
    if (code != LUNA_EINVAL)
        return LUNA_OK;
    luna_error_wrap(err, "LUNA_MONITOR_LISTEN");
    err->code = LUNA_ECONFIG;
    return LUNA_ECONFIG;
}

int monitor_main(struct scoreboard *board, const char *address, int leash_fd)
{
    struct luna_http_listener *listener = NULL;
    struct luna_error err = {0};
    signals_block_all();
    if (luna_http_listener_open(address, answer, board, &listener, &err) != LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "monitor_cannot_start",
                 LUNA_LOG_S("setting", "LUNA_MONITOR_LISTEN"), LUNA_LOG_S("reason", err.msg));
        return WORKER_EXIT_CONFIG;
    }
    luna_log(LUNA_LOG_INFO, "monitor_started",
             LUNA_LOG_I("port", luna_http_listener_port(listener)));
    struct pollfd watched[] = {{.fd = luna_http_listener_fd(listener), .events = POLLIN},
                               {.fd = leash_fd, .events = POLLIN}};
    while (watched[1].revents == 0) {
        if (poll(watched, 2, FOLLOW_MS) > 0 && watched[0].revents != 0)
            luna_http_listener_serve(listener);
        log_file_follow(board);
    }
    luna_http_listener_close(listener);
    return WORKER_EXIT_CLEAN;
}

static bool is_alive(int state)
{
    return state == WORKER_READY || state == WORKER_DRAINING || state == WORKER_STARTING;
}

#define ADD(member) totals->member += atomic_load_explicit(&worker->member, RELAXED)
static void add_routes(const struct scoreboard_worker *worker, struct monitor_totals *totals)
{
    for (int i = 0; i < SCOREBOARD_ROUTES; i++) {
        ADD(route_ns[i]);
        for (int j = 0; j < SCOREBOARD_STATUSES; j++)
            ADD(route_statuses[i][j]);
        for (int j = 0; j < SCOREBOARD_BUCKETS; j++)
            ADD(route_buckets[i][j]);
    }
}

static void add_models(const struct scoreboard_worker *worker, struct monitor_totals *totals)
{
    for (int i = 0; i < SCOREBOARD_MODELS; i++) {
        for (int j = 0; j < RUN_OUTCOMES; j++)
            totals->model_series[i][j] +=
                atomic_load_explicit(&worker->models[i].series[j], RELAXED);
        totals->model_points[i] += atomic_load_explicit(&worker->models[i].points, RELAXED);
        totals->model_ns[i] += atomic_load_explicit(&worker->models[i].ns, RELAXED);
    }
}

static void add_counters(const struct scoreboard_worker *worker, struct monitor_totals *totals)
{
    ADD(requests);
    for (int i = 0; i < PHASE_COUNT; i++)
        ADD(phase_ns[i]);
    for (int i = 0; i < SCOREBOARD_PROBLEMS; i++)
        ADD(problems[i]);
    for (int i = 0; i < SCOREBOARD_BUCKETS; i++)
        ADD(wait_buckets[i]);
    ADD(wait_ns);
    ADD(bytes_in);
    ADD(bytes_out);
    ADD(points);
    ADD(units);
    ADD(shed);
    ADD(client_left);
    ADD(dropped);
    ADD(cold);
    ADD(quarantined);
    ADD(slow);
}
#undef ADD

/* Every request has one route, so that what is counted by route need not be counted again. */
static void sum_routes(struct monitor_totals *totals)
{
    for (int i = 0; i < SCOREBOARD_ROUTES; i++) {
        totals->duration_ns += totals->route_ns[i];
        for (int j = 0; j < SCOREBOARD_STATUSES; j++)
            totals->statuses[j] += totals->route_statuses[i][j];
        for (int j = 0; j < SCOREBOARD_BUCKETS; j++)
            totals->duration_buckets[j] += totals->route_buckets[i][j];
    }
}

static void add_gauges(const struct scoreboard_worker *worker, struct monitor_totals *totals)
{
    unsigned phase = atomic_load_explicit(&worker->phase, RELAXED);
    unsigned stores = atomic_load_explicit(&worker->stores, RELAXED);
    totals->resident_bytes += atomic_load_explicit(&worker->resident_bytes, RELAXED);
    totals->busy += atomic_load_explicit(&worker->accepted_ns, RELAXED) != 0;
    totals->stores_ok += stores == STORES_OK;
    totals->stores_trouble += stores == STORES_TROUBLE;
    if (phase < PHASE_COUNT)
        totals->phases[phase]++;
}

void monitor_add_up(const struct scoreboard *board, struct monitor_totals *ret_totals)
{
    *ret_totals = (struct monitor_totals){0};
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        const struct scoreboard_master *master = &board->master[i];
        int state = atomic_load_explicit(&master->state, RELAXED);
        ret_totals->starts += atomic_load_explicit(&master->starts, RELAXED);
        if (state >= WORKER_NONE && state <= WORKER_BACKOFF)
            ret_totals->workers[state]++;
        if (atomic_load_explicit(&master->starts, RELAXED) == 0)
            continue; /* never used */
        add_counters(&board->worker[i], ret_totals);
        add_routes(&board->worker[i], ret_totals);
        add_models(&board->worker[i], ret_totals);
        luna_store_meter_add(&ret_totals->stores, &board->worker[i].stores_meter);
        if (is_alive(state))
            add_gauges(&board->worker[i], ret_totals);
    }
    sum_routes(ret_totals);
}

/* A worker that took a request, or looked round idle, a short while ago can take the next one. */
static bool moves(const struct scoreboard *board, int slot, int64_t now_ns, int64_t stall_ns)
{
    return atomic_load_explicit(&board->master[slot].state, RELAXED) == WORKER_READY &&
           now_ns - atomic_load_explicit(&board->worker[slot].heartbeat_ns, RELAXED) < stall_ns;
}

/* What the last of the moving workers to meet the stores found. */
struct last_news {
    int64_t at_ns;
    unsigned stores;
};

static void hear(const struct scoreboard_worker *worker, struct last_news *news)
{
    int64_t at_ns = atomic_load_explicit(&worker->stores_ns, RELAXED);
    if (at_ns <= news->at_ns)
        return;
    news->at_ns = at_ns;
    news->stores = atomic_load_explicit(&worker->stores, RELAXED);
}

bool monitor_is_ready(const struct scoreboard *board, int64_t now_ns, const char **ret_reason)
{
    int64_t stall_ns = atomic_load_explicit(&board->pool.ready_stall_ns, RELAXED);
    struct last_news news = {0};
    int ready = 0;
    int moving = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        ready += atomic_load_explicit(&board->master[i].state, RELAXED) == WORKER_READY;
        if (!moves(board, i, now_ns, stall_ns))
            continue;
        moving++;
        hear(&board->worker[i], &news);
    }
    *ret_reason = "ok";
    if (atomic_load_explicit(&board->pool.draining, RELAXED))
        *ret_reason = "stopping";
    else if (ready == 0)
        *ret_reason = "no worker is ready";
    else if (moving == 0)
        *ret_reason = "no worker has moved for too long";
    else if (news.stores == STORES_TROUBLE)
        *ret_reason = "Redis or PostgreSQL cannot be reached";
    return strcmp(*ret_reason, "ok") == 0;
}
