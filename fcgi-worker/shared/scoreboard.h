/*
 * scoreboard.h: what every worker is doing, in memory that all processes of a pool share.
 *
 * A slot has two halves on separate cache lines, each with ONE writer: the worker that holds the
 * slot, and the master. Counters only grow and outlive the worker: its successor in the slot
 * continues them. Totals are not stored; readers add up. There is no lock: a process killed at any
 * instruction leaves at worst a half-written breadcrumb, which the seqlock shows and the next
 * request corrects. Who: the worker writes through the scoreboard_worker_*() functions; the master
 * writes its half directly (master.c, pool.c); the monitor reads. The memory is a sealed memfd:
 * nobody can shrink it while others read, and a new binary can take it over when scoreboard_adopt()
 * recognises the layout.
 */
#ifndef FCGI_WORKER_SCOREBOARD_H
#define FCGI_WORKER_SCOREBOARD_H

#include "luna/base/error.h"
#include "luna/store/clocks.h"
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
    SCOREBOARD_KEY_BYTES = 16,
    SCOREBOARD_QUARANTINE_MAX = 32,
    SCOREBOARD_ROUTES = 16, /* the last counts requests without a route */
    SCOREBOARD_MODELS = 16,
    SCOREBOARD_PROBLEMS = 48,
    SCOREBOARD_REASON_BYTES = LUNA_ERROR_MSG_BYTES
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
    X(PHASE_STORE, "store", 1)                                                                     \
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
    X(304)                                                                                         \
    X(400)                                                                                         \
    X(401) X(403) X(404) X(405) X(409) X(413) X(415) X(422) X(429) X(499) X(500) X(503) X(0)
enum {
#define X(status) SCOREBOARD_STATUS_##status,
    STATUS_TABLE(X)
#undef X
        SCOREBOARD_STATUSES
};

/* The one list of how a series can leave its model: symbol, name in metrics. */
#define RUN_TABLE(X)                                                                               \
    X(RUN_DONE, "done")                                                                            \
    X(RUN_NOT_CONVERGED, "not_converged") /* answered with the best parameters so far */           \
    X(RUN_REFUSED, "refused")             /* data and parameters do not fit each other: 422 */     \
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

enum store_state { STORES_UNKNOWN, STORES_OK, STORES_TROUBLE, STORES_CLOCKS, STORES_JOURNAL };

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
    atomic_ullong key[SCOREBOARD_KEY_BYTES / 8];

    alignas(64) atomic_ullong requests;
    atomic_ullong route_statuses[SCOREBOARD_ROUTES][SCOREBOARD_STATUSES];
    atomic_ullong route_buckets[SCOREBOARD_ROUTES][SCOREBOARD_BUCKETS]; /* of the duration */
    atomic_ullong route_ns[SCOREBOARD_ROUTES];
    atomic_ullong problems[SCOREBOARD_PROBLEMS]; /* by enum problem_id */
    atomic_ullong phase_ns[PHASE_COUNT];
    atomic_ullong wait_buckets[SCOREBOARD_BUCKETS];
    atomic_ullong wait_ns;
    atomic_ullong bytes_in, bytes_out, points, units;
    atomic_ullong shed, client_left, dropped, cold, quarantined, slow, unjournalled;
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

struct scoreboard_long_run { /* long_runs.h; the worker of the slot writes */
    atomic_llong account_id; /* 0: none */
    atomic_llong until_ns;   /* it ends then at the latest */
    /* The slot's last one that took long: whose it was, and until when that is remembered. */
    atomic_llong last_account_id;
    atomic_llong last_until_ns;
};

struct scoreboard_long_runs {
    alignas(64) atomic_llong until_ns; /* the latest of all; every worker may write it */
    struct scoreboard_long_run list[SCOREBOARD_SLOTS];
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
    atomic_llong heartbeat_ns; /* when the master last moved */
    atomic_llong live_stall_ns, ready_stall_ns;
    atomic_ullong crashes, hard_kills, recycles, reloads, reload_rollbacks, upgrades,
        upgrade_rollbacks;
    atomic_ullong scaled_up, scaled_down;
    atomic_uint quarantine_count; /* entries ever used */
    struct scoreboard_quarantine quarantine[SCOREBOARD_QUARANTINE_MAX];
};

/* Why a child ended that could not start: it writes before it exits, the master reads after that.
 * Not trusted: it may be unterminated. */
struct scoreboard_reason {
    char text[SCOREBOARD_REASON_BYTES];
};

struct scoreboard_log { /* every process of the pool writes */
    alignas(64) atomic_ullong lines_dropped;
    atomic_bool torn; /* luna_log_share_torn() */
};

struct scoreboard {
    uint32_t layout;
    uint32_t bytes;
    /* These four all workers write to. */
    struct luna_database_breaker breaker;
    struct luna_clocks clocks;
    struct scoreboard_long_runs long_runs;
    atomic_llong gateway_offset_ms; /* its clock minus this host's, by its recent stamps */
    struct scoreboard_log log;
    struct scoreboard_pool pool;
    struct scoreboard_master master[SCOREBOARD_SLOTS];
    struct scoreboard_worker worker[SCOREBOARD_SLOTS];
    struct scoreboard_reason reasons[SCOREBOARD_SLOTS + 1]; /* the last one is the monitor's */
};

/* Makes the memory; *ret_fd (close-on-exec) is what a new binary may adopt. */
enum luna_code scoreboard_new(struct scoreboard **ret_board, int *ret_fd,
                              struct luna_error *err) LUNA_MUSTCHECK;
/* LUNA_ECONFLICT when another version made it. */
enum luna_code scoreboard_adopt(int fd, struct scoreboard **ret_board,
                                struct luna_error *err) LUNA_MUSTCHECK;

/* A worker's breadcrumb: what a post-mortem needs. */
struct breadcrumb {
    bool torn; /* mixed from two requests: the writer was changing it, or died */
    enum phase phase;
    int route;
    int64_t account_id;
    int64_t body_bytes;
    int64_t accepted_ns;
    int64_t hard_limit_ns;
    char request_id[SCOREBOARD_ID_BYTES + 1];
    unsigned char fingerprint[SCOREBOARD_FINGERPRINT_BYTES];
    char key[SCOREBOARD_KEY_BYTES + 1]; /* "" until it is accepted */
};

/* Counts one request when it is over. Times in ns. */
struct scoreboard_sample {
    int status;  /* 499: the client left */
    int route;   /* its number; out of range: no route */
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

/* A worker's first call: from now on this process writes to the worker's half of that slot and to
 * nothing else of the scoreboard. Shows that there is no request. */
struct scoreboard_worker *scoreboard_claim(struct scoreboard *board, int slot);

/* Records whether a request or a probe just now reached the stores. */
void scoreboard_worker_stores(struct scoreboard_worker *slot, enum store_state state,
                              int64_t now_ns);
/* A request was refused because the journal of charges cannot be written. */
void scoreboard_worker_unjournalled(struct scoreboard_worker *slot, int64_t now_ns);

void scoreboard_worker_begin(struct scoreboard_worker *slot, int64_t now_ns, int64_t hard_limit_ns);
void scoreboard_worker_phase(struct scoreboard_worker *slot, enum phase phase);
/* Names the request as it becomes known; the fingerprint is NULL until the body is read. */
void scoreboard_worker_name(struct scoreboard_worker *slot, const char *request_id,
                            int64_t account_id, int route, size_t body_bytes,
                            const unsigned char *fingerprint, int64_t hard_limit_ns);
/* Which key of which account the request has, when it is accepted: the part of it that lists and
 * logs show, or "token". At most SCOREBOARD_KEY_BYTES. */
void scoreboard_worker_key(struct scoreboard_worker *slot, int64_t account_id, const char *key,
                           size_t len);
void scoreboard_worker_run(struct scoreboard_worker *slot, const struct scoreboard_run *run);
void scoreboard_worker_end(struct scoreboard_worker *slot, const struct scoreboard_sample *sample);
/* There is no request. */
void scoreboard_worker_idle(struct scoreboard_worker *slot);

/* Copies the breadcrumb; `torn` when no consistent copy could be made. False: the slot has no
 * request. */
bool scoreboard_read(const struct scoreboard_worker *slot, struct breadcrumb *ret_crumb);

/* Why this child cannot start, before it exits: `child` is its slot, SCOREBOARD_SLOTS the monitor.
 * The master clears it before the start and reads it after the end; "": the child said nothing. */
void scoreboard_reason_set(struct scoreboard *board, int child, const char *text);
void scoreboard_reason_get(const struct scoreboard *board, int child,
                           char ret_text[SCOREBOARD_REASON_BYTES]);

/* Master only: increments a counter of struct scoreboard_pool or scoreboard_master. */
void scoreboard_count(atomic_ullong *counter);

const char *phase_name(enum phase phase);
const char *run_name(enum run_outcome outcome);
bool phase_is_blocked(enum phase phase);
/* Upper bound of a histogram bucket in ns; the last has none: INT64_MAX. */
int64_t scoreboard_bucket_ns(int bucket);
/* The HTTP status that statuses[index] counts; 0 for the last, which counts all others. */
int scoreboard_status_at(int index);

#endif
