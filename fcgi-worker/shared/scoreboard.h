/*
 * scoreboard.h: what every worker is doing, in memory that all processes of a pool share.
 *
 * A slot has two halves on cache lines of their own, each with ONE writer: the worker that holds
 * the slot, and the master. Counters only grow and outlive the worker: its successor in the slot
 * counts on. Totals are never stored, they are added up by whoever asks. There is no lock: a
 * process killed at any instruction can leave at worst a breadcrumb half written, which the seqlock
 * shows and the next request heals. Who: the worker writes through the scoreboard_worker_*()
 * functions; the master writes its half directly (master.c, pool.c); the monitor reads. The memory
 * is a sealed memfd, so that nobody can shrink it under a reader, and so that a new binary can take
 * it over, when scoreboard_adopt() finds the layout it knows.
 */
#ifndef FCGI_WORKER_SCOREBOARD_H
#define FCGI_WORKER_SCOREBOARD_H

#include "luna/base/error.h"
#include "luna/store/database.h"
#include "luna/store/meter.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SCOREBOARD_SLOTS = 256,
    SCOREBOARD_BUCKETS = 16,
    SCOREBOARD_ID_BYTES = 64,
    SCOREBOARD_FINGERPRINT_BYTES = 16,
    SCOREBOARD_QUARANTINE_MAX = 32,
    SCOREBOARD_KILLS_TO_QUARANTINE = 2, /* deaths that a body may cause before it is refused */
    SCOREBOARD_ROUTES = 16,             /* the last counts what no route has */
    SCOREBOARD_MODELS = 16,
    SCOREBOARD_PROBLEMS = 48
};

/* The one list of phases: symbol, name in logs and metrics, whether a worker in it waits for a
 * store. */
#define PHASE_TABLE(X)                                                                             \
    X(PHASE_IDLE, "idle", 0)                                                                       \
    X(PHASE_ACCEPT, "accept", 0)                                                                   \
    X(PHASE_READ, "read", 0)                                                                       \
    X(PHASE_DECODE, "decode", 0)                                                                   \
    X(PHASE_ADMIT, "admit", 1)                                                                     \
    X(PHASE_MODEL, "model", 0)                                                                     \
    X(PHASE_ENCODE, "encode", 0)                                                                   \
    X(PHASE_COMMIT, "commit", 1)                                                                   \
    X(PHASE_SEND, "send", 0)

enum phase {
#define X(symbol, name, blocked) symbol,
    PHASE_TABLE(X)
#undef X
        PHASE_COUNT
};

/* The one list of statuses that are counted; the last stands for any other. */
#define STATUS_TABLE(X)                                                                            \
    X(200)                                                                                         \
    X(201)                                                                                         \
    X(204)                                                                                         \
    X(304) X(400) X(403) X(404) X(405) X(409) X(413) X(415) X(422) X(429) X(499) X(500) X(503) X(0)
enum {
#define X(status) SCOREBOARD_STATUS_##status,
    STATUS_TABLE(X)
#undef X
        SCOREBOARD_STATUSES
};

/* The one list of what can become of a series in its model: symbol, name in metrics. */
#define RUN_TABLE(X)                                                                               \
    X(RUN_DONE, "done")                                                                            \
    X(RUN_NOT_CONVERGED, "not_converged") /* answered, with the best that the fit had found */     \
    X(RUN_REFUSED, "refused")             /* data and parameters do not go together: 422 */        \
    X(RUN_CANCELLED, "cancelled")         /* out of time, or the client left */                    \
    X(RUN_NO_MEMORY, "no_memory")

enum run_outcome {
#define X(symbol, name) symbol,
    RUN_TABLE(X)
#undef X
        RUN_OUTCOMES
};

enum worker_state { /* the master's view */
                    WORKER_NONE,
                    WORKER_STARTING,
                    WORKER_READY,
                    WORKER_DRAINING,
                    WORKER_KILLED, /* sent SIGKILL, not reaped yet */
                    WORKER_BACKOFF /* gone; its successor starts later */
};

enum store_state { STORES_UNKNOWN, STORES_OK, STORES_TROUBLE };

struct scoreboard_worker {            /* the worker writes */
    alignas(64) atomic_uint sequence; /* odd while the breadcrumb changes */
    atomic_uint phase;
    atomic_uint ready;
    atomic_uint stores;        /* enum store_state, as this worker last saw it … */
    atomic_llong stores_ns;    /* … and when */
    atomic_llong heartbeat_ns; /* CLOCK_MONOTONIC, like every _ns here */
    atomic_llong accepted_ns;  /* 0: no request */
    atomic_llong hard_limit_ns;
    atomic_llong account_id;
    atomic_llong body_bytes;
    atomic_int route;
    atomic_ullong request_id[SCOREBOARD_ID_BYTES / 8];
    atomic_ullong fingerprint[SCOREBOARD_FINGERPRINT_BYTES / 8];

    alignas(64) atomic_ullong requests;
    atomic_ullong route_statuses[SCOREBOARD_ROUTES][SCOREBOARD_STATUSES];
    atomic_ullong route_buckets[SCOREBOARD_ROUTES][SCOREBOARD_BUCKETS]; /* of the duration */
    atomic_ullong route_ns[SCOREBOARD_ROUTES];
    atomic_ullong problems[SCOREBOARD_PROBLEMS]; /* by enum problem_id */
    atomic_ullong phase_ns[PHASE_COUNT];
    atomic_ullong wait_buckets[SCOREBOARD_BUCKETS];
    atomic_ullong wait_ns;
    atomic_ullong bytes_in, bytes_out, points, units;
    atomic_ullong shed, client_left, dropped, cold, quarantined, slow;
    atomic_ullong resident_bytes;
    struct {
        atomic_ullong series[RUN_OUTCOMES], points, ns;
    } models[SCOREBOARD_MODELS];
    struct luna_store_meter stores_meter;
};

struct scoreboard_master { /* the master writes */
    alignas(64) atomic_int pid;
    atomic_int state; /* enum worker_state */
    atomic_uint generation;
    atomic_llong started_ns;
    atomic_ullong starts;
};

struct scoreboard_quarantine {
    atomic_ullong hash[SCOREBOARD_FINGERPRINT_BYTES / 8];
    atomic_uint kills;
    atomic_llong last_wall_ms;
};

struct scoreboard_pool { /* the master writes */
    alignas(64) atomic_uint generation;
    atomic_int target;
    atomic_int pool_min, pool_max;
    atomic_int backlog_depth, backlog_max; /* -1: not known */
    atomic_int draining;
    atomic_int crash_looping;
    atomic_int monitor_pid;
    atomic_uint log_rotations;
    atomic_llong started_wall_ms;
    atomic_llong ready_stall_ns;
    atomic_ullong crashes, hard_kills, recycles, reloads, reload_rollbacks, upgrades,
        upgrade_rollbacks;
    atomic_ullong scaled_up, scaled_down;
    atomic_uint quarantine_count; /* entries ever used */
    struct scoreboard_quarantine quarantine[SCOREBOARD_QUARANTINE_MAX];
};

struct scoreboard {
    uint32_t layout;
    uint32_t bytes;
    struct luna_database_breaker breaker; /* the one place that all workers write to */
    struct scoreboard_pool pool;
    struct scoreboard_master master[SCOREBOARD_SLOTS];
    struct scoreboard_worker worker[SCOREBOARD_SLOTS];
};

/* Makes the memory; *ret_fd (close-on-exec) is what a new binary may adopt. */
enum luna_code scoreboard_new(struct scoreboard **ret_board, int *ret_fd,
                              struct luna_error *err) LUNA_MUSTCHECK;
/* LUNA_ECONFLICT when the layout is another version's. */
enum luna_code scoreboard_adopt(int fd, struct scoreboard **ret_board,
                                struct luna_error *err) LUNA_MUSTCHECK;

/* A worker's breadcrumb: what a post-mortem needs. */
struct breadcrumb {
    bool torn; /* of two requests: the writer was in the middle, or died there */
    enum phase phase;
    int route;
    int64_t account_id;
    int64_t body_bytes;
    int64_t accepted_ns;
    int64_t hard_limit_ns;
    char request_id[SCOREBOARD_ID_BYTES + 1];
    unsigned char fingerprint[SCOREBOARD_FINGERPRINT_BYTES];
};

/* Counts one request when it is over. Times in ns. */
struct scoreboard_sample {
    int status;  /* 499: the client left */
    int route;   /* its number; out of range: none */
    int problem; /* enum problem_id; 0: a success */
    int64_t wait_ns;
    int64_t duration_ns;
    int64_t phase_ns[PHASE_COUNT];
    size_t bytes_in, bytes_out, points;
    int64_t units;
    bool shed, client_left, cold, quarantined, slow;
};

/* One series that went through a model. */
struct scoreboard_run {
    int model; /* its number; out of range: not counted */
    enum run_outcome outcome;
    size_t points;
    int64_t duration_ns;
};

/* How the stores were just now, as a request or a probe met them. */
void scoreboard_worker_stores(struct scoreboard_worker *slot, enum store_state state,
                              int64_t now_ns);

void scoreboard_worker_begin(struct scoreboard_worker *slot, int64_t now_ns, int64_t hard_limit_ns);
void scoreboard_worker_phase(struct scoreboard_worker *slot, enum phase phase);
/* Names the request once it is known; the hash is NULL until the body is read. */
void scoreboard_worker_name(struct scoreboard_worker *slot, const char *request_id,
                            int64_t account_id, int route, size_t body_bytes,
                            const unsigned char *fingerprint, int64_t hard_limit_ns);
void scoreboard_worker_run(struct scoreboard_worker *slot, const struct scoreboard_run *run);
void scoreboard_worker_end(struct scoreboard_worker *slot, const struct scoreboard_sample *sample);
/* No request after all. */
void scoreboard_worker_idle(struct scoreboard_worker *slot);

/* A copy; `torn` when none that is of one moment could be had. False: the slot has no request. */
bool scoreboard_read(const struct scoreboard_worker *slot, struct breadcrumb *ret_crumb);

/* Master only: one more of what `counter`, one of struct scoreboard_pool or scoreboard_master,
 * counts. */
void scoreboard_count(atomic_ullong *counter);

/* How often a body has killed a worker, 0 when never or longer ago than `max_age_ms`. */
unsigned scoreboard_kills(const struct scoreboard *board, const unsigned char *fingerprint,
                          int64_t now_wall_ms, int64_t max_age_ms);
/* Master only: one more kill. Returns the count. The oldest entry gives way when all are used. */
unsigned scoreboard_add_kill(struct scoreboard *board, const unsigned char *fingerprint,
                             int64_t now_wall_ms);

const char *phase_name(enum phase phase);
const char *run_name(enum run_outcome outcome);
bool phase_is_blocked(enum phase phase);
/* Upper bound of a histogram bucket in ns; the last has none: INT64_MAX. */
int64_t scoreboard_bucket_ns(int bucket);
/* The HTTP status that counts in statuses[index]; 0 for the last, any other. */
int scoreboard_status_at(int index);

#endif
