#include "commands/top_frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_BYTES = 256, MS_PER_S = 1000, BYTES_PER_KIB = 1024 };

struct canvas {
    struct luna_buf *out;
    int rows_left;
    int columns;
};

static void line(struct canvas *canvas, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(struct canvas *canvas, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    if (canvas->rows_left <= 0)
        return;
    va_start(args, fmt);
    /* NOLINT(clang-analyzer-valist.Uninitialized) */
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len >= (int)sizeof text)
        len = sizeof text - 1;
    if (len > canvas->columns)
        len = canvas->columns;
    luna_buf_append(canvas->out, text, len > 0 ? (size_t)len : 0);
    luna_buf_putc(canvas->out, '\n');
    canvas->rows_left--;
}

static int64_t rate(int64_t now, int64_t before, int64_t interval_ms)
{
    return interval_ms > 0 && now >= before ? (now - before) * MS_PER_S / interval_ms : 0;
}

static void draw_minute(struct canvas *canvas, const struct pool_status *now)
{
    const struct pool_minute *minute = &now->minute;
    if (minute->ms == 0) { /* the monitor has just started, or counts no minute */
        line(canvas, "last minute: not counted yet");
        return;
    }
    line(canvas,
         "last %" PRId64 " s: requests %" PRId64 " (%" PRId64 "/s)  5xx %" PRId64 "  shed %" PRId64
         "  disconnected %" PRId64 "  slow %" PRId64 "   points %" PRId64 "/s  units %" PRId64 "/s",
         minute->ms / MS_PER_S, minute->requests, rate(minute->requests, 0, minute->ms),
         minute->failed, minute->shed, minute->client_left, minute->slow,
         rate(minute->points, 0, minute->ms), rate(minute->units, 0, minute->ms));
    line(canvas,
         "last %" PRId64 " s: wait p50/p99 %" PRId64 "/%" PRId64 " us  answer p50/p99 %" PRId64
         "/%" PRId64 " us  errors: Redis %" PRId64 "  PostgreSQL %" PRId64,
         minute->ms / MS_PER_S, minute->queue_wait_p50_us, minute->queue_wait_p99_us,
         minute->duration_p50_us, minute->duration_p99_us, minute->redis_errors,
         minute->postgresql_errors);
}

static void draw_head(struct canvas *canvas, const struct pool_status *now,
                      const struct pool_status *before, int64_t interval_ms)
{
    const struct pool_status *from = before != NULL ? before : now;
    line(canvas, "luna top  %s%s%s  up %" PRId64 " s  generation %" PRId64,
         now->ready ? "ready" : "NOT READY: ", now->ready ? "" : now->reason,
         now->crash_looping ? "  CRASH LOOP" : "", now->uptime_ms / MS_PER_S, now->generation);
    line(canvas,
         "workers %" PRId64 " target (%" PRId64 " to %" PRId64 "), %" PRId64
         " busy   backlog %" PRId64 " of %" PRId64,
         now->target, now->min, now->max, now->busy, now->backlog_depth, now->backlog_max);
    line(canvas,
         "requests %" PRId64 "/s  points %" PRId64 "/s  units %" PRId64 "/s  shed %" PRId64
         "/s  disconnected %" PRId64 "/s",
         rate(now->requests, from->requests, interval_ms),
         rate(now->points, from->points, interval_ms), rate(now->units, from->units, interval_ms),
         rate(now->shed, from->shed, interval_ms),
         rate(now->client_left, from->client_left, interval_ms));
    draw_minute(canvas, now);
    line(canvas,
         "crashes %" PRId64 "  kills %" PRId64 "  recycled %" PRId64 "  reloads %" PRId64
         " (%" PRId64 " rolled back)  upgrades %" PRId64 " (%" PRId64 " rolled back)",
         now->crashes, now->kills, now->recycles, now->reloads, now->reload_rollbacks,
         now->upgrades, now->upgrade_rollbacks);
}

static int by_busy_time(const void *a, const void *b)
{
    const struct pool_worker *left = *(const struct pool_worker *const *)a;
    const struct pool_worker *right = *(const struct pool_worker *const *)b;
    if (left->busy != right->busy)
        return left->busy ? -1 : 1;
    if (left->busy_ms != right->busy_ms)
        return left->busy_ms > right->busy_ms ? -1 : 1;
    return left->slot < right->slot ? -1 : 1;
}

static void draw_keys(struct canvas *canvas, const struct pool_status *now)
{
    if (now->key_count == 0)
        return;
    line(canvas, "%10s %-16s %s", "account", "key", "busiest keys: use of one worker, in percent");
    for (size_t i = 0; i < now->key_count; i++)
        line(canvas, "%10" PRId64 " %-16s %" PRId64 ".%" PRId64, now->keys[i].account_id,
             now->keys[i].key, now->keys[i].busy_ms_per_s / 10, now->keys[i].busy_ms_per_s % 10);
}

void top_frame_draw(const struct pool_status *now, const struct pool_status *before,
                    int64_t interval_ms, int rows, int columns, struct luna_buf *out)
{
    struct canvas canvas = {out, rows, columns};
    const struct pool_worker *order[POOL_WORKERS_MAX];
    for (size_t i = 0; i < now->worker_count; i++)
        order[i] = &now->workers[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    qsort(order, now->worker_count, sizeof order[0], by_busy_time);
    draw_head(&canvas, now, before, interval_ms);
    draw_keys(&canvas, now);
    line(&canvas, "%4s %8s %-9s %10s %8s %-8s %8s %10s %s", "slot", "pid", "state", "requests",
         "KiB", "phase", "ms", "account", "request");
    for (size_t i = 0; i < now->worker_count; i++) {
        const struct pool_worker *w = order[i];
        if (w->busy)
            line(&canvas,
                 "%4" PRId64 " %8" PRId64 " %-9s %10" PRId64 " %8" PRId64 " %-8s %8" PRId64
                 " %10" PRId64 " %s",
                 w->slot, w->pid, w->state, w->requests, w->resident_bytes / BYTES_PER_KIB,
                 w->phase, w->busy_ms, w->account_id, w->request_id);
        else
            line(&canvas, "%4" PRId64 " %8" PRId64 " %-9s %10" PRId64 " %8" PRId64, w->slot, w->pid,
                 w->state, w->requests, w->resident_bytes / BYTES_PER_KIB);
    }
}
