#include "monitor/status.h"

#include "luna/base/clock.h"
#include "monitor/readiness.h"
#include "monitor/totals.h"

#include <string.h>

enum { NS_PER_MS = 1000000, NS_PER_US = 1000 };

#define RELAXED memory_order_relaxed

static const char *state_name(int state)
{
    static const char *const names[] = {"none",     "starting", "ready",
                                        "draining", "killed",   "backoff"};
    return state >= 0 && state <= WORKER_BACKOFF ? names[state] : "unknown";
}

/* The bound of the bucket in which the share of the samples is reached, in µs; 0 when there are
 * none. */
static long long quantile_us(const uint64_t *buckets, double share)
{
    uint64_t total = 0;
    uint64_t so_far = 0;
    for (int i = 0; i < SCOREBOARD_BUCKETS; i++)
        total += buckets[i];
    for (int i = 0; i < SCOREBOARD_BUCKETS - 1 && total > 0; i++) {
        so_far += buckets[i];
        if ((double)so_far >= share * (double)total)
            return scoreboard_bucket_ns(i) / NS_PER_US;
    }
    return total > 0 ? scoreboard_bucket_ns(SCOREBOARD_BUCKETS - 2) / NS_PER_US : 0;
}

static void put_request(const struct scoreboard_worker *worker, const struct names *names,
                        int64_t now_ns, struct luna_buf *out)
{
    struct breadcrumb crumb;
    if (!scoreboard_read(worker, &crumb)) {
        luna_buf_puts(out, "null");
        return;
    }
    luna_buf_puts(out, "{\"request_id\":");
    luna_buf_put_json_string(out, crumb.request_id, strlen(crumb.request_id));
    luna_buf_printf(out,
                    ",\"account_id\":%lld,\"route\":\"%s\",\"phase\":\"%s\",\"body_bytes\":%lld,"
                    "\"busy_ms\":%lld}",
                    (long long)crumb.account_id, names_route(names, crumb.route),
                    phase_name(crumb.phase), (long long)crumb.body_bytes,
                    (long long)((now_ns - crumb.accepted_ns) / NS_PER_MS));
}

static void put_worker(const struct scoreboard *board, const struct names *names, int slot,
                       int64_t now_ns, struct luna_buf *out)
{
    const struct scoreboard_master *master = &board->master[slot];
    const struct scoreboard_worker *worker = &board->worker[slot];
    static const char *const stores[] = {"unknown", "ok", "trouble", "clocks", "journal"};
    unsigned store_state = atomic_load_explicit(&worker->stores, RELAXED);
    luna_buf_printf(
        out,
        "{\"slot\":%d,\"pid\":%d,\"state\":\"%s\",\"generation\":%u,\"age_ms\":%lld,\"requests\":%"
        "llu,"
        "\"resident_bytes\":%llu,\"heartbeat_age_ms\":%lld,\"stores\":\"%s\",\"request\":",
        slot, atomic_load_explicit(&master->pid, RELAXED),
        state_name(atomic_load_explicit(&master->state, RELAXED)),
        atomic_load_explicit(&master->generation, RELAXED),
        (long long)((now_ns - atomic_load_explicit(&master->started_ns, RELAXED)) / NS_PER_MS),
        (unsigned long long)atomic_load_explicit(&worker->requests, RELAXED),
        (unsigned long long)atomic_load_explicit(&worker->resident_bytes, RELAXED),
        (long long)((now_ns - atomic_load_explicit(&worker->heartbeat_ns, RELAXED)) / NS_PER_MS),
        stores[store_state <= STORES_JOURNAL ? store_state : 0]);
    put_request(worker, names, now_ns, out);
    luna_buf_putc(out, '}');
}

static void put_workers(const struct scoreboard *board, const struct names *names, int64_t now_ns,
                        struct luna_buf *out)
{
    const char *comma = "";
    luna_buf_puts(out, "\"workers\":[");
    for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
        if (atomic_load_explicit(&board->master[i].state, RELAXED) == WORKER_NONE)
            continue;
        luna_buf_puts(out, comma);
        put_worker(board, names, i, now_ns, out);
        comma = ",";
    }
    luna_buf_puts(out, "]");
}

static void put_pool(const struct scoreboard_pool *pool, struct luna_buf *out)
{
#define GET(member) atomic_load_explicit(&pool->member, RELAXED)
    luna_buf_printf(
        out,
        "\"pool\":{\"generation\":%u,\"target\":%d,\"min\":%d,\"max\":%d,\"backlog_depth\":%d,"
        "\"backlog_max\":%d,\"crash_looping\":%s,\"stopping\":%s,",
        GET(generation), GET(target), GET(pool_min), GET(pool_max), GET(backlog_depth),
        GET(backlog_max), GET(crash_looping) ? "true" : "false", GET(draining) ? "true" : "false");
    luna_buf_printf(
        out,
        "\"crashes\":%llu,\"kills\":%llu,\"recycles\":%llu,\"reloads\":%llu,\"reload_rollbacks\":%"
        "llu,"
        "\"upgrades\":%llu,\"upgrade_rollbacks\":%llu,\"scaled_up\":%llu,\"scaled_down\":%llu},",
        GET(crashes), GET(hard_kills), GET(recycles), GET(reloads), GET(reload_rollbacks),
        GET(upgrades), GET(upgrade_rollbacks), GET(scaled_up), GET(scaled_down));
#undef GET
}

static void put_totals(const struct totals *totals, struct luna_buf *out)
{
    luna_buf_printf(
        out,
        "\"totals\":{\"requests\":%llu,\"busy\":%d,\"bytes_in\":%llu,\"bytes_out\":%llu,\"points\":"
        "%llu,"
        "\"units\":%llu,\"shed\":%llu,\"client_left\":%llu,\"slow\":%llu,\"starts\":%llu,",
        (unsigned long long)totals->requests, totals->busy, (unsigned long long)totals->bytes_in,
        (unsigned long long)totals->bytes_out, (unsigned long long)totals->points,
        (unsigned long long)totals->units, (unsigned long long)totals->shed,
        (unsigned long long)totals->client_left, (unsigned long long)totals->slow,
        (unsigned long long)totals->starts);
    luna_buf_printf(
        out,
        "\"queue_wait_p50_us\":%lld,\"queue_wait_p99_us\":%lld,\"duration_p50_us\":%lld,"
        "\"duration_p99_us\":%lld,",
        quantile_us(totals->wait_buckets, 0.5), quantile_us(totals->wait_buckets, 0.99),
        quantile_us(totals->duration_buckets, 0.5), quantile_us(totals->duration_buckets, 0.99));
    luna_buf_puts(out, "\"statuses\":{");
    for (int i = 0; i < SCOREBOARD_STATUSES; i++)
        luna_buf_printf(out, "%s\"%d\":%llu", i > 0 ? "," : "", scoreboard_status_at(i),
                        (unsigned long long)totals->statuses[i]);
    luna_buf_puts(out, "}},");
}

static void put_recent(const struct recent *recent, const struct totals *totals, int64_t now_ns,
                       struct luna_buf *out)
{
    struct recent_counts counts;
    int64_t since_ns = recent_since_ns(recent, totals, now_ns, &counts);
    luna_buf_printf(
        out,
        "\"last_minute\":{\"ms\":%lld,\"requests\":%llu,\"failed\":%llu,\"points\":%llu,"
        "\"units\":%llu,\"shed\":%llu,\"client_left\":%llu,\"slow\":%llu,"
        "\"redis_errors\":%llu,\"postgresql_errors\":%llu,",
        (long long)(since_ns / NS_PER_MS), (unsigned long long)counts.requests,
        (unsigned long long)counts.failed, (unsigned long long)counts.points,
        (unsigned long long)counts.units, (unsigned long long)counts.shed,
        (unsigned long long)counts.client_left, (unsigned long long)counts.slow,
        (unsigned long long)counts.redis_errors, (unsigned long long)counts.postgresql_errors);
    luna_buf_printf(
        out,
        "\"queue_wait_p50_us\":%lld,\"queue_wait_p99_us\":%lld,\"duration_p50_us\":%lld,"
        "\"duration_p99_us\":%lld},",
        quantile_us(counts.wait_buckets, 0.5), quantile_us(counts.wait_buckets, 0.99),
        quantile_us(counts.duration_buckets, 0.5), quantile_us(counts.duration_buckets, 0.99));
}

static void put_busiest(const struct busiest *busiest, struct luna_buf *out)
{
    struct busiest_share list[BUSIEST_SHOWN];
    size_t count = busiest_list(busiest, list);
    luna_buf_puts(out, "\"busiest_keys\":[");
    for (size_t i = 0; i < count; i++) {
        luna_buf_printf(out, "%s{\"account_id\":%lld,\"key\":", i > 0 ? "," : "",
                        (long long)list[i].account_id);
        luna_buf_put_json_string(out, list[i].key, strlen(list[i].key));
        luna_buf_printf(out, ",\"busy_ms_per_s\":%lld}", (long long)list[i].busy_ms_per_s);
    }
    luna_buf_puts(out, "],");
}

void status_put(const struct scoreboard *board, const struct names *names,
                const struct recent *recent, const struct busiest *busiest, int64_t now_ns,
                struct luna_buf *out)
{
    struct totals totals;
    totals_add_up(board, &totals);
    enum readiness readiness = readiness_of(board, now_ns);
    luna_buf_printf(out, "{\"ready\":%s,\"reason\":\"%s\",\"uptime_ms\":%lld,",
                    readiness == READINESS_OK ? "true" : "false", readiness_text(readiness),
                    (long long)(luna_clock_wall_ms() -
                                atomic_load_explicit(&board->pool.started_wall_ms, RELAXED)));
    put_pool(&board->pool, out);
    put_totals(&totals, out);
    put_recent(recent, &totals, now_ns, out);
    put_busiest(busiest, out);
    put_workers(board, names, now_ns, out);
    luna_buf_puts(out, "}\n");
}
