#include "session/pool_status.h"

#include "session/http_get.h"

#include <jansson.h>
#include <stdio.h>

enum { TIMEOUT_MS = 3000 };

static int64_t number(const json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static bool truth(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *value = json_string_value(json_object_get(object, name));
    (void)snprintf(out, size, "%s", value != NULL ? value : "");
}

static void read_pool(const json_t *pool, struct pool_status *status)
{
    status->generation = number(pool, "generation");
    status->target = number(pool, "target");
    status->min = number(pool, "min");
    status->max = number(pool, "max");
    status->backlog_depth = number(pool, "backlog_depth");
    status->backlog_max = number(pool, "backlog_max");
    status->crash_looping = truth(pool, "crash_looping");
    status->stopping = truth(pool, "stopping");
    status->crashes = number(pool, "crashes");
    status->kills = number(pool, "kills");
    status->recycles = number(pool, "recycles");
    status->reloads = number(pool, "reloads");
    status->reload_rollbacks = number(pool, "reload_rollbacks");
    status->upgrades = number(pool, "upgrades");
    status->upgrade_rollbacks = number(pool, "upgrade_rollbacks");
}

static void read_totals(const json_t *totals, struct pool_status *status)
{
    status->requests = number(totals, "requests");
    status->busy = number(totals, "busy");
    status->points = number(totals, "points");
    status->units = number(totals, "units");
    status->shed = number(totals, "shed");
    status->client_left = number(totals, "client_left");
    status->slow = number(totals, "slow");
    status->starts = number(totals, "starts");
    status->queue_wait_p50_us = number(totals, "queue_wait_p50_us");
    status->queue_wait_p99_us = number(totals, "queue_wait_p99_us");
    status->duration_p50_us = number(totals, "duration_p50_us");
    status->duration_p99_us = number(totals, "duration_p99_us");
}

static struct pool_minute read_minute(const json_t *minute)
{
    return (struct pool_minute){.ms = number(minute, "ms"),
                                .requests = number(minute, "requests"),
                                .failed = number(minute, "failed"),
                                .points = number(minute, "points"),
                                .units = number(minute, "units"),
                                .shed = number(minute, "shed"),
                                .client_left = number(minute, "client_left"),
                                .slow = number(minute, "slow"),
                                .redis_errors = number(minute, "redis_errors"),
                                .postgresql_errors = number(minute, "postgresql_errors"),
                                .queue_wait_p50_us = number(minute, "queue_wait_p50_us"),
                                .queue_wait_p99_us = number(minute, "queue_wait_p99_us"),
                                .duration_p50_us = number(minute, "duration_p50_us"),
                                .duration_p99_us = number(minute, "duration_p99_us")};
}

static void read_keys(const json_t *keys, struct pool_status *status)
{
    size_t count = json_array_size(keys);
    status->key_count = count < POOL_KEYS_MAX ? count : POOL_KEYS_MAX;
    for (size_t i = 0; i < status->key_count; i++) {
        const json_t *item = json_array_get(keys, i);
        status->keys[i].account_id = number(item, "account_id");
        status->keys[i].busy_ms_per_s = number(item, "busy_ms_per_s");
        text(item, "key", status->keys[i].key, sizeof status->keys[i].key);
    }
}

static void read_worker(const json_t *item, struct pool_worker *worker)
{
    const json_t *request = json_object_get(item, "request");
    *worker = (struct pool_worker){.slot = number(item, "slot"),
                                   .pid = number(item, "pid"),
                                   .generation = number(item, "generation"),
                                   .requests = number(item, "requests"),
                                   .resident_bytes = number(item, "resident_bytes"),
                                   .busy = json_is_object(request),
                                   .account_id = number(request, "account_id"),
                                   .busy_ms = number(request, "busy_ms"),
                                   .body_bytes = number(request, "body_bytes")};
    text(item, "state", worker->state, sizeof worker->state);
    text(request, "phase", worker->phase, sizeof worker->phase);
    text(request, "route", worker->route, sizeof worker->route);
    text(request, "request_id", worker->request_id, sizeof worker->request_id);
}

static void read_workers(const json_t *workers, struct pool_status *status)
{
    size_t count = json_array_size(workers);
    status->worker_count = count < POOL_WORKERS_MAX ? count : POOL_WORKERS_MAX;
    for (size_t i = 0; i < status->worker_count; i++)
        read_worker(json_array_get(workers, i), &status->workers[i]);
}

enum luna_code pool_status_read(const char *page, size_t len, struct pool_status *ret_status,
                                struct luna_error *err)
{
    json_t *root = json_loadb(page, len, 0, NULL);
    if (!json_is_object(json_object_get(root, "pool"))) {
        json_decref(root);
        return luna_error_set(err, LUNA_EPROTOCOL,
                              "the response is not the /status page of a worker pool");
    }
    *ret_status =
        (struct pool_status){.ready = truth(root, "ready"), .uptime_ms = number(root, "uptime_ms")};
    text(root, "reason", ret_status->reason, sizeof ret_status->reason);
    read_pool(json_object_get(root, "pool"), ret_status);
    read_totals(json_object_get(root, "totals"), ret_status);
    ret_status->minute = read_minute(json_object_get(root, "last_minute"));
    read_keys(json_object_get(root, "busiest_keys"), ret_status);
    read_workers(json_object_get(root, "workers"), ret_status);
    json_decref(root);
    return LUNA_OK;
}

enum luna_code pool_status_get(const char *address, struct luna_buf *page,
                               struct pool_status *ret_status, struct luna_error *err)
{
    int http_status = 0;
    luna_buf_clear(page);
    enum luna_code code =
        http_get(address, "/status", luna_deadline_in_ms(TIMEOUT_MS), &http_status, page, err);
    if (code == LUNA_OK && http_status != 200)
        code = luna_error_set(err, LUNA_EPROTOCOL, "%s: /status returned HTTP status %d", address,
                              http_status);
    return code == LUNA_OK ? pool_status_read(page->data, page->len, ret_status, err) : code;
}
