#include "monitor/totals.h"

#define RELAXED memory_order_relaxed

static bool is_alive(int state)
{
    return state == WORKER_READY || state == WORKER_DRAINING || state == WORKER_STARTING;
}

#define ADD(member) totals->member += atomic_load_explicit(&worker->member, RELAXED)
static void add_routes(const struct scoreboard_worker *worker, struct totals *totals)
{
    for (int i = 0; i < SCOREBOARD_ROUTES; i++) {
        ADD(route_ns[i]);
        for (int j = 0; j < SCOREBOARD_STATUSES; j++)
            ADD(route_statuses[i][j]);
        for (int j = 0; j < SCOREBOARD_BUCKETS; j++)
            ADD(route_buckets[i][j]);
    }
}

static void add_models(const struct scoreboard_worker *worker, struct totals *totals)
{
    for (int i = 0; i < SCOREBOARD_MODELS; i++) {
        for (int j = 0; j < RUN_OUTCOMES; j++)
            totals->model_series[i][j] +=
                atomic_load_explicit(&worker->models[i].series[j], RELAXED);
        totals->model_points[i] += atomic_load_explicit(&worker->models[i].points, RELAXED);
        totals->model_ns[i] += atomic_load_explicit(&worker->models[i].ns, RELAXED);
    }
}

static void add_counters(const struct scoreboard_worker *worker, struct totals *totals)
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
    ADD(unjournalled);
}
#undef ADD

/* Every request has one route, so that what is counted by route need not be counted again. */
static void sum_routes(struct totals *totals)
{
    for (int i = 0; i < SCOREBOARD_ROUTES; i++) {
        totals->duration_ns += totals->route_ns[i];
        for (int j = 0; j < SCOREBOARD_STATUSES; j++)
            totals->statuses[j] += totals->route_statuses[i][j];
        for (int j = 0; j < SCOREBOARD_BUCKETS; j++)
            totals->duration_buckets[j] += totals->route_buckets[i][j];
    }
}

static void add_gauges(const struct scoreboard_worker *worker, struct totals *totals)
{
    unsigned phase = atomic_load_explicit(&worker->phase, RELAXED);
    unsigned stores = atomic_load_explicit(&worker->stores, RELAXED);
    totals->resident_bytes += atomic_load_explicit(&worker->resident_bytes, RELAXED);
    totals->busy += atomic_load_explicit(&worker->accepted_ns, RELAXED) != 0;
    totals->stores_ok += stores == STORES_OK;
    totals->stores_trouble += stores > STORES_OK;
    if (phase < PHASE_COUNT)
        totals->phases[phase]++;
}

void totals_add_up(const struct scoreboard *board, struct totals *ret_totals)
{
    *ret_totals = (struct totals){0};
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
