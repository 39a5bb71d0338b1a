#include "worker/worker.h"

#include "api/routes.h"
#include "api/stores.h"
#include "http/token.h"
#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "request/pipeline.h"
#include "shared/exit_code.h"
#include "shared/leash.h"
#include "shared/log_file.h"
#include "shared/signals.h"
#include "worker/process_memory.h"
#include "worker/recycle.h"
#include "worker/sandbox.h"
#include "worker/self_test.h"
#include "worker/store_options.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    HEARTBEAT_MS = 1000,
    PROBE_MS = 5000,      /* how often an idle worker checks that the stores are reachable */
    PROBE_AGAIN_MS = 900, /* after a failure that took no time, which is cheap to repeat */
    PROBE_QUICK_MS = 50,
    PROBE_LIMIT_MS = 2000,
    EXHAUSTED_PAUSE_MS = 100,
    NUDGE_PAUSE_MS = 50,
    SHOWN_EVERY = 64, /* requests */
    NS_PER_MS = 1000000,
    MMAP_THRESHOLD_BYTES = 1024 * 1024,
    KEPT_BYTES = 2 * 1024 * 1024 /* of free memory, while there is work */
};

struct worker {
    const struct worker_options *options;
    struct worker_config config; /* the pool's, and the signing key that it leaves to a default */
    struct scoreboard_worker *slot;
    struct pipeline pipeline;
    struct recycle recycle;
    int epoll_fd;
    bool draining;
    int64_t accepted_ns;
    int64_t probe_due_ns;
    int64_t nudged_ns;
    int64_t rested_at; /* requests served when it last had a second without work */
};

/* Before the accept, not after it: a worker that dies in between would have accepted a connection
 * that the scoreboard does not show. */
static void start_clock(struct worker *worker)
{
    const struct worker_config *config = &worker->config;
    worker->accepted_ns = luna_clock_mono_ns();
    scoreboard_worker_begin(worker->slot, worker->accepted_ns,
                            worker->accepted_ns +
                                (config->request_timeout_ms + config->hard_limit_grace_ms) *
                                    NS_PER_MS);
}

/* Requests wait longer than they should: wakes the master, which may start another worker. */
static void nudge_master(struct worker *worker, int64_t wait_ns)
{
    const uint64_t one = 1;
    int64_t now_ns = luna_clock_mono_ns();
    if (worker->options->nudge_fd < 0 ||
        wait_ns < worker->config.queue_wait_target_ms * NS_PER_MS ||
        now_ns - worker->nudged_ns < NUDGE_PAUSE_MS * (int64_t)NS_PER_MS)
        return;
    worker->nudged_ns = now_ns;
    /* A full counter is a nudge that the master has not read yet, which is as good. */
    ssize_t ignored = write(worker->options->nudge_fd, &one, sizeof one);
    (void)ignored;
}

static void show_memory(struct worker *worker)
{
    atomic_store_explicit(&worker->slot->resident_bytes, process_resident_bytes(),
                          memory_order_relaxed);
}

/* By a worker that has just served: the estimate of one that has not may be from before a clock was
 * set. */
static void show_gateway_clock(struct worker *worker)
{
    atomic_store_explicit(&worker->options->board->gateway_offset_ms,
                          -worker->pipeline.queue_wait.clock_difference_ms, memory_order_relaxed);
}

static void serve(struct worker *worker)
{
    uint64_t waited_before = atomic_load_explicit(&worker->slot->wait_ns, memory_order_relaxed);
    pipeline_serve(&worker->pipeline, worker->accepted_ns);
    fcgi_io_finish(worker->pipeline.io);
    uint64_t waited =
        atomic_load_explicit(&worker->slot->wait_ns, memory_order_relaxed) - waited_before;
    nudge_master(worker, (int64_t)waited);
    recycle_count(&worker->recycle);
    if (worker->recycle.requests % SHOWN_EVERY == 0) {
        show_memory(worker);
        show_gateway_clock(worker);
    }
}

static void drop(struct worker *worker, const struct luna_error *err)
{
    uint64_t dropped = atomic_load_explicit(&worker->slot->dropped, memory_order_relaxed);
    fcgi_io_finish(worker->pipeline.io);
    scoreboard_worker_idle(worker->slot);
    atomic_store_explicit(&worker->slot->dropped, dropped + 1, memory_order_relaxed);
    luna_log(LUNA_LOG_WARNING, "connection_dropped", LUNA_LOG_S("reason", err->msg));
}

/* Takes one connection if there is one. False: wait for the next. */
static bool take_one(struct worker *worker)
{
    struct luna_error err = {0};
    log_file_follow(worker->options->board);
    start_clock(worker);
    switch (fcgi_io_accept(worker->pipeline.io, worker->options->listen_fd, &err)) {
    case FCGI_ACCEPT_OK:
        serve(worker);
        return true;
    case FCGI_ACCEPT_NONE:
        worker->pipeline.queue_wait.empty_ns = worker->accepted_ns;
        scoreboard_worker_idle(worker->slot);
        return false;
    case FCGI_ACCEPT_DROPPED:
        drop(worker, &err);
        return true;
    case FCGI_ACCEPT_EXHAUSTED:
        scoreboard_worker_idle(worker->slot);
        luna_log(LUNA_LOG_ERROR, "accept_failed", LUNA_LOG_S("reason", err.msg));
        (void)poll(NULL, 0, EXHAUSTED_PAUSE_MS);
        return false;
    }
    return false;
}

/* /readyz stays 503 until the next probe. One that waited for a store that hangs is not repeated
 * soon, because the worker serves nobody meanwhile. */
static int64_t probe_pause_ns(enum store_state found, int64_t took_ns)
{
    bool again = found > STORES_OK && took_ns < PROBE_QUICK_MS * (int64_t)NS_PER_MS;
    return (again ? PROBE_AGAIN_MS : PROBE_MS) * (int64_t)NS_PER_MS;
}

static enum luna_code probe_stores(struct worker *worker)
{
    struct luna_error err = {0};
    int64_t began_ns = luna_clock_mono_ns();
    enum luna_code code =
        luna_admitter_probe(worker->pipeline.admitter, luna_deadline_in_ms(PROBE_LIMIT_MS), &err);
    enum store_state found = code == LUNA_OK         ? STORES_OK
                             : code == LUNA_ECLOCKS  ? STORES_CLOCKS
                             : code == LUNA_EJOURNAL ? STORES_JOURNAL
                                                     : STORES_TROUBLE;
    unsigned before = atomic_load_explicit(&worker->slot->stores, memory_order_relaxed);
    int64_t now_ns = luna_clock_mono_ns();
    worker->probe_due_ns = now_ns + probe_pause_ns(found, now_ns - began_ns);
    scoreboard_worker_stores(worker->slot, found, now_ns);
    if (found == STORES_CLOCKS && before != STORES_CLOCKS)
        luna_log(LUNA_LOG_ERROR, "clocks_disagree", LUNA_LOG_S("reason", err.msg));
    if (found == STORES_JOURNAL && before != STORES_JOURNAL)
        luna_log(LUNA_LOG_ERROR, "journal_unwritable", LUNA_LOG_S("reason", err.msg));
    if (found == STORES_TROUBLE && before != STORES_TROUBLE)
        luna_log(LUNA_LOG_WARNING, "stores_unreachable", LUNA_LOG_S("reason", err.msg));
    if (found == STORES_OK && before > STORES_OK)
        luna_log(LUNA_LOG_INFO, "stores_reachable", LUNA_LOG_I("slot", worker->options->slot));
    return code;
}

/* After a second without work, memory that the last requests freed goes back to the system. */
static void rest_after_work(struct worker *worker)
{
    if (worker->rested_at == worker->recycle.requests)
        return;
    worker->rested_at = worker->recycle.requests;
    (void)malloc_trim(0);
    show_gateway_clock(worker);
}

static void do_idle_work(struct worker *worker)
{
    int64_t now_ns = luna_clock_mono_ns();
    rest_after_work(worker);
    atomic_store_explicit(&worker->slot->heartbeat_ns, now_ns, memory_order_relaxed);
    show_memory(worker);
    luna_log_tick();
    if (now_ns >= worker->probe_due_ns)
        (void)probe_stores(worker);
}

/* Waits for a connection, the leash or the next heartbeat. */
static void wait_for_work(struct worker *worker)
{
    struct epoll_event events[2];
    int count = epoll_wait(worker->epoll_fd, events, 2, HEARTBEAT_MS);
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == worker->options->leash_fd)
            worker->draining = true;
    if (count == 0)
        do_idle_work(worker);
}

static int loop(struct worker *worker)
{
    /* accept is tried even when epoll reported nothing: a report that went to a stopped process is
     * lost. */
    while (!worker->draining) {
        bool served = take_one(worker);
        if (served && recycle_check(&worker->recycle)) {
            luna_log(LUNA_LOG_INFO, "worker_recycles", LUNA_LOG_I("slot", worker->options->slot),
                     LUNA_LOG_S("reason", recycle_reason(&worker->recycle)));
            return WORKER_EXIT_RECYCLE;
        }
        if (!served)
            wait_for_work(worker);
        else
            worker->draining = leash_poll(worker->options->leash_fd);
    }
    return WORKER_EXIT_CLEAN;
}

static enum luna_code watch(struct worker *worker, struct luna_error *err)
{
    const struct worker_options *options = worker->options;
    struct epoll_event connection = {.events = EPOLLIN | EPOLLEXCLUSIVE,
                                     .data.fd = options->listen_fd};
    struct epoll_event leash = {.events = EPOLLIN, .data.fd = options->leash_fd};
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll_fd < 0 ||
        epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, options->listen_fd, &connection) != 0 ||
        epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, options->leash_fd, &leash) != 0)
        return luna_error_set(err, LUNA_EIO, "epoll: %s", strerror(errno));
    return LUNA_OK;
}

static enum luna_code open_stores(struct worker *worker, struct luna_error *err)
{
    const struct worker_config *config = &worker->config;
    struct luna_admitter_options options =
        store_options_of(config, (int)config->journal_slot_first + worker->options->slot);
    options.answer_bytes_max = config->answer_bytes_max;
    options.meter = &worker->slot->stores_meter;
    options.breaker = &worker->options->board->breaker;
    options.clocks = &worker->options->board->clocks;
    enum luna_code code = luna_admitter_new(&options, &worker->pipeline.admitter, err);
    return code != LUNA_OK
               ? code
               : api_stores_new(config, &worker->slot->stores_meter,
                                &worker->options->board->breaker, &worker->pipeline.stores, err);
}

static enum luna_code open_connection(struct worker *worker, struct luna_error *err)
{
    const struct worker_config *config = &worker->config;
    struct fcgi_io_options options = {.head_timeout_ms = (int)config->request_timeout_ms};
    enum luna_code code = peers_set_users(&options.peers, config->socket_peers, err);
    if (code == LUNA_OK)
        code = peers_set_networks(&options.peers, config->worker_peers, err);
    return code == LUNA_OK ? fcgi_io_new(&options, &worker->pipeline.io, err) : code;
}

/* Without LUNA_TOKEN_KEYS: of the pepper, and of the one that it replaces, whose tokens are still
 * valid. */
static enum luna_code derive_token_keys(struct worker_config *config, struct luna_error *err)
{
    const struct luna_pepper *previous = &config->previous_pepper;
    if (config->token_keys.count > 0)
        return LUNA_OK;
    enum luna_code code = token_keys_derive(&config->token_keys, (int)config->key_pepper_id,
                                            config->pepper, config->pepper_len, err);
    if (code != LUNA_OK || previous->len == 0)
        return code;
    return token_keys_derive(&config->token_keys, previous->id, previous->bytes, previous->len,
                             err);
}

/* Everything a worker needs before it may serve. Returns an exit status; CLEAN is success. */
static int prepare(struct worker *worker, struct luna_error *err)
{
    /* What a request of ten thousand points needs is kept from one to the next: to fetch it again,
     * page by page, took a tenth of the time. Fixed thresholds: glibc's own grow with what is
     * freed, and a worker would keep the memory of its largest request. */
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    if (self_test_compute(err) != LUNA_OK || watch(worker, err) != LUNA_OK)
        return WORKER_EXIT_SOFTWARE;
    if (derive_token_keys(&worker->config, err) != LUNA_OK ||
        open_connection(worker, err) != LUNA_OK)
        return WORKER_EXIT_CONFIG;
    enum luna_code code = open_stores(worker, err);
    if (code != LUNA_OK) /* a journal that is in use or on a full disk is not a wrong setting */
        return code == LUNA_ECONFLICT || code == LUNA_EIO ? WORKER_EXIT_TEMPFAIL
                                                          : WORKER_EXIT_CONFIG;
    pipeline_init(&worker->pipeline);
    if (probe_stores(worker) == LUNA_ECONFIG) {
        luna_error_set(err, LUNA_ECONFIG, "the key pepper is not the one that PostgreSQL knows");
        return WORKER_EXIT_CONFIG;
    }
    if (worker->options->must_reach_stores &&
        atomic_load_explicit(&worker->slot->stores, memory_order_relaxed) != STORES_OK) {
        luna_error_set(err, LUNA_EUNAVAILABLE, "Redis or PostgreSQL cannot be reached");
        return WORKER_EXIT_UNAVAILABLE;
    }
    if (sandbox_enter(&worker->config, err) != LUNA_OK)
        return WORKER_EXIT_SANDBOX;
    return WORKER_EXIT_CLEAN;
}

int worker_main(const struct worker_options *options)
{
    struct worker worker = {.options = options,
                            .config = *options->config,
                            .slot = scoreboard_claim(options->board, options->slot)};
    struct luna_error err = {0};
    signals_block_all();
    pool_lock_mark(&options->lock, options->slot);
    atomic_store_explicit(&worker.slot->heartbeat_ns, luna_clock_mono_ns(), memory_order_relaxed);
    worker.pipeline.config = &worker.config;
    worker.pipeline.board = options->board;
    worker.pipeline.slot = worker.slot;
    worker.pipeline.routes = &api_routes;
    int status = prepare(&worker, &err);
    if (status == WORKER_EXIT_CLEAN) {
        recycle_init(&worker.recycle, &worker.config);
        show_memory(&worker);
        luna_log(LUNA_LOG_INFO, "worker_ready", LUNA_LOG_I("slot", options->slot),
                 LUNA_LOG_I("worker_pid", getpid()));
        atomic_store_explicit(&worker.slot->ready, 1, memory_order_release);
        status = loop(&worker);
    } else {
        scoreboard_reason_set(options->board, options->slot, err.msg);
        luna_log(LUNA_LOG_ERROR, "worker_cannot_start", LUNA_LOG_I("slot", options->slot),
                 LUNA_LOG_S("reason", err.msg));
    }
    luna_log_flush();
    pipeline_done(&worker.pipeline);
    fcgi_io_free(worker.pipeline.io);
    api_stores_free(worker.pipeline.stores);
    luna_admitter_free(worker.pipeline.admitter);
    return status;
}
