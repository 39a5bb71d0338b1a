/*
 * admission.h: may this request run, and what does it cost? One Redis round trip.
 *
 * The worker's whole view of keys, limits and quotas. An admitter belongs to one worker process: it
 * owns that process's Redis and PostgreSQL connections (opened after the fork, reopened by itself
 * when they break) and its charge journal. PostgreSQL is asked only when an account is cold.
 *
 * Life of a charge. luna_admit() charges `cost` units if it allows the request; struct
 * luna_admission is then the handle of the outstanding charge, and has to be settled once:
 *   luna_admission_commit()  just before a success is sent: the charge is confirmed and journalled.
 *                            LUNA_COMMIT_VOID means: do not send the success, answer 503; nothing
 *                            stays charged.
 *   luna_admission_refund()  when the request failed after it was admitted.
 * Before either, luna_admission_reduce() makes the charge smaller, when less was done than was
 * asked for. A charge of 0 units is settled the same way, at no cost. To settle a charge that is
 * not outstanding is a defect of the caller, and asserted.
 *
 * A request whose body is costly to read is admitted in two stages, of a round trip each: the check
 * before its body is read, the charge when it is decoded. A check has no charge to settle.
 */
#ifndef LUNA_STORE_ADMISSION_H
#define LUNA_STORE_ADMISSION_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/clocks.h"
#include "luna/store/database.h"
#include "luna/store/durability.h"
#include "luna/store/meter.h"
#include "luna/store/pepper.h"
#include "luna/store/worker_slots.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum luna_admission_outcome {
#define X(symbol, number) symbol = (number),
#include "luna/store/admission_outcomes.def"
#undef X
    /* 503: the clocks of Redis and PostgreSQL contradict each other; the script cannot know */
    LUNA_ADMIT_CLOCKS = 100
};

enum luna_scope {
#define X(symbol, bit, word) symbol = (bit),
#include "luna/store/scopes.def"
#undef X
#define X(symbol, bit, word) | (bit)
    LUNA_SCOPES_ALL = 0
#include "luna/store/scopes.def"
#undef X
};

enum luna_admission_stage {
    LUNA_STAGE_WHOLE, /* check and charge at once */
    /* key, scope and account, the rate, and room for a concurrent request: at no cost, without
     * points and Idempotency-Key */
    LUNA_STAGE_CHECK,
    LUNA_STAGE_CHARGE /* after a check was ALLOWED: the rate is counted already */
};

enum { LUNA_ADMISSION_TIMEOUT_MAX_MS = 600000 }; /* no request's deadline is further ahead */

struct luna_admission_request {
    enum luna_admission_stage stage;
    int64_t account_id;
    const char *api_key; /* as sent; borrowed; its form is checked here */
    size_t api_key_len;
    /* NULL, or the digest from a verified token; api_key is not used then */
    const char *key_digest;
    unsigned scope;              /* one bit of enum luna_scope; 0: any key */
    int64_t cost;                /* units to charge; 0: check the key and the rate only */
    int64_t points;              /* observations in the request */
    const char *idempotency_key; /* NULL: none; at most 255 visible ASCII bytes */
    size_t idempotency_key_len;
    const unsigned char *body_hash; /* 32 bytes; NULL when there is no idempotency_key */
    const char *request_id;
    const char *client_address; /* NULL: unknown; a key that is bound to networks is refused then */
    struct luna_deadline deadline;
};

enum luna_period {
#define X(symbol, number, word) symbol = (number),
#include "luna/store/period_kinds.def"
#undef X
};
/* "none", "day" or "month", as in PostgreSQL, the API and luna. */
const char *luna_period_kind(enum luna_period period);

enum luna_charge {
    LUNA_CHARGE_NONE,        /* the request was refused, or only checked */
    LUNA_CHARGE_OUTSTANDING, /* allowed, maybe at 0 units; has to be committed or refunded */
    LUNA_CHARGE_COMMITTED,
    LUNA_CHARGE_REFUNDED
};

/* Bytes of an answer, in the caller's own form. bytes NULL: none. */
struct luna_answer {
    const char *bytes;
    size_t len;
};
enum { LUNA_ANSWER_BYTES_MAX = 16 * 1024 }; /* a longer one is not kept */

/* A charge's handle. Settle the original, not a copy. */
struct luna_admission {
    enum luna_admission_outcome outcome;
    enum luna_charge charge;
    int64_t cost; /* units that are charged now */
    /* For the RateLimit fields; set with ALLOWED, REPLAY and the 429 outcomes. */
    /* reset: until all of a limit is there again, or, when nothing is left of it, until one more
     * request may pass; of the quota 0 when it has no period. */
    int64_t quota_limit, quota_remaining, quota_reset_s;
    enum luna_period quota_period;
    int64_t rate_burst, rate_remaining, rate_reset_s, rate_per_s;
    int64_t retry_after_ms; /* for 429 and 503 */
    int64_t points_max;     /* of the plan; 0: no limit. Set with every outcome that asked Redis */
    int64_t compute_ms_per_s;                       /* the same; 0: no budget, and none of these */
    int64_t compute_burst_ms, compute_remaining_ms; /* negative: in debt */
    int64_t compute_reset_s;
    unsigned key_scopes; /* of that key: enum luna_scope bits; set with ALLOWED */
    char key_digest[37]; /* of the key, for a token; "": it does not have the form of a key */
    bool was_cold;       /* the account had to be loaded */
    /* With REPLAY: what was kept of the first answer; nothing has to be computed. Valid until the
     * admitter's next admission. */
    struct luna_answer kept;
    /* The caller sets it before the commit: the answer to keep for replays, if there is an
     * Idempotency-Key. */
    struct luna_answer to_keep;
    /* The caller sets it before the commit when a part of what was asked for is neither done nor
     * charged. The answer is not kept then, and a replay covers only what was charged. */
    bool unfinished;
    int64_t replay_units; /* with REPLAY of such a request: what it was charged; else 0 */
    /* For commit, reduce and refund; opaque to the caller. */
    int64_t account_id, epoch, incarnation, charged_total, period_no, worker_seq, recovery_seq;
    bool holds_slot; /* one of the plan's concurrent requests */
    char idempotency_field[72], body_hash[72];
    struct luna_error error; /* why UNAVAILABLE or CLOCKS, for the log */
};

enum luna_commit { LUNA_COMMIT_OK, LUNA_COMMIT_VOID /* nothing is charged: answer 503 */ };

struct luna_admitter;

struct luna_admitter_options {
    const char *redis_url;       /* see luna_counters_new() */
    const char *database_url;    /* libpq connection string of the worker's role */
    const unsigned char *pepper; /* HMAC key for API keys, 32 bytes or more; not kept */
    size_t pepper_len;
    int pepper_id;                      /* 0 stands for 1 */
    const struct luna_pepper *previous; /* the pepper that it replaces; NULL: none */
    /* the host's journals: one local directory for all workers and quota-syncd */
    const char *journal_dir;
    int worker_slot;      /* 0 … LUNA_WORKERS_MAX-1, unique among running workers of this host */
    int redis_timeout_ms; /* for one round trip and for connecting */
    int database_timeout_ms;
    /* of Redis, for the answers of all accounts, of about a day; an account may use a sixteenth.
     * 0: no answer is kept */
    int64_t answer_bytes_max;
    enum luna_durability durability; /* that of quota-syncd, or nothing is admitted */
    struct luna_store_meter *meter;  /* NULL: not counted */
    /* of PostgreSQL, shared by the workers of a host; NULL: none */
    struct luna_database_breaker *breaker;
    /* shared by the workers of a host; NULL: the admitter's own */
    struct luna_clocks *clocks;
    /* how far Redis's clock may differ from PostgreSQL's; 0: LUNA_CLOCK_OFFSET_MAX_MS */
    int64_t clock_offset_max_ms;
};

/* Does not connect yet: the first use does, or luna_admitter_probe(). */
enum luna_code luna_admitter_new(const struct luna_admitter_options *options,
                                 struct luna_admitter **ret_admitter,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_admitter_free(struct luna_admitter *admitter);
/* Can requests be admitted? LUNA_OK when Redis replies, has the scripts that quota-syncd announced
 * there, and PostgreSQL replies; LUNA_EUNAVAILABLE or LUNA_ETIMEOUT for the first that does not,
 * and `err` names the store. LUNA_ECLOCKS: their clocks contradict each other. Also makes the
 * journal directory known to PostgreSQL, and compares the
 * peppers with those that it knows: LUNA_ECONFIG. */
enum luna_code luna_admitter_probe(struct luna_admitter *admitter, struct luna_deadline deadline,
                                   struct luna_error *err) LUNA_MUSTCHECK;

/* Every failure is an outcome. Settles first what the slot's previous owner left outstanding. */
void luna_admit(struct luna_admitter *admitter, const struct luna_admission_request *request,
                struct luna_admission *ret_admission);
enum luna_commit luna_admission_commit(struct luna_admitter *admitter,
                                       struct luna_admission *admission) LUNA_MUSTCHECK;
void luna_admission_refund(struct luna_admitter *admitter, struct luna_admission *admission);
/* Adds processor time to what the account has used of its plan's budget. For any admission with a
 * budget, also after it was settled or refused. If Redis is unavailable, the time is not
 * counted. */
void luna_admission_spend(struct luna_admitter *admitter, const struct luna_admission *admission,
                          int64_t cpu_ms);
/* Reduces the charge to `units` (0 or more; no effect when that is not less). On LUNA_COMMIT_OK it
 * is still outstanding, and admission->cost is what is charged: more than `units` when the quota's
 * period ended in between. LUNA_COMMIT_VOID: nothing is charged, and it is refunded. */
enum luna_commit luna_admission_reduce(struct luna_admitter *admitter,
                                       struct luna_admission *admission,
                                       int64_t units) LUNA_MUSTCHECK;

#endif
