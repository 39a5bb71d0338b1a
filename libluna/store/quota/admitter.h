/*
 * admitter.h: what the files of an admission share: admission.c charges, cold_load.c loads an
 * account, settle.c commits and refunds. Private to the store.
 */
#ifndef LUNA_STORE_ADMITTER_H
#define LUNA_STORE_ADMITTER_H

#include "client/digest.h"
#include "client/pg.h"
#include "client/redis.h"
#include "journal/journal.h"
#include "luna/store/admission.h"
#include "quota/clock_fence.h"
#include "quota/fence_record.h"
#include "quota/quota_keys.h"

#include <stdbool.h>

struct luna_admitter {
    struct luna_counters *counters;
    struct luna_database *database;
    struct luna_journal *journal;
    struct luna_digest_key pepper, previous_pepper; /* the second only with marks.previous.id */
    struct luna_pepper_marks marks;
    char *journal_dir;
    int redis_timeout_ms, database_timeout_ms;
    bool host_announced;            /* PostgreSQL knows the journal directory */
    struct luna_fence_record fence; /* incarnation 0: not known */
    struct luna_clock_fence clocks;
    int64_t wseq; /* the number of the last charge that was tried */
    enum luna_durability durability;
    int64_t answer_bytes_max;
    struct luna_buf answer; /* kept for a replay */
    int64_t inherited_wseq; /* the charge that a predecessor left in the slot; 0: none */
};

/* Runs a fenced script. NOSCRIPT means that Redis is fenced, or that our record of the fence is
 * old: the record is read again, and if it changed, the script is tried once more.
 * LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_admitter_script(struct luna_admitter *admitter, enum luna_script script,
                                    struct luna_redis_command *command,
                                    struct luna_deadline deadline, struct luna_reply **ret_reply,
                                    struct luna_error *err) LUNA_MUSTCHECK;
/* Runs it in the incarnation that we know and in no other: for the second step of a work that
 * started in that incarnation. LUNA_ECONFLICT: it has ended. */
enum luna_code luna_admitter_script_pinned(struct luna_admitter *admitter, enum luna_script script,
                                           struct luna_redis_command *command,
                                           struct luna_deadline deadline,
                                           struct luna_reply **ret_reply,
                                           struct luna_error *err) LUNA_MUSTCHECK;
/* Starts the command of a fenced script with the account's keys; the arguments follow. */
void luna_admitter_begin(struct luna_redis_command *command, enum luna_script script,
                         const struct luna_quota_keys *keys);

/* LUNA_EJOURNAL: nothing can be committed now. In strict mode the journal is only a spare. */
enum luna_code luna_admitter_check_journal(struct luna_admitter *admitter,
                                           struct luna_error *err) LUNA_MUSTCHECK;

enum luna_cold {
    LUNA_COLD_LOADED,    /* try the admission again */
    LUNA_COLD_ABSENT,    /* the account is unknown */
    LUNA_COLD_WRONG_KEY, /* the account has no such key, and was not loaded */
    LUNA_COLD_CLOCKS,    /* by Redis's clock, which PostgreSQL's contradicts */
    LUNA_COLD_BUSY,      /* another worker loads it, or the lease was lost: wait, and try again */
    LUNA_COLD_FAILED     /* a store is unavailable */
};
/* `key` is the digest that was sent, and `earlier_key` that under the previous pepper, or "": only
 * a key of the account's causes a load. `request_id` goes
 * into the audit log with what the load books; NULL: none. */
enum luna_cold luna_cold_load(struct luna_admitter *admitter, int64_t account_id, const char *key,
                              const char *earlier_key, const char *request_id,
                              struct luna_deadline deadline, struct luna_error *err) LUNA_MUSTCHECK;

enum luna_roll {
    LUNA_ROLL_DONE,         /* try the admission again */
    LUNA_ROLL_COLD,         /* load the account */
    LUNA_ROLL_CONTRADICTED, /* PostgreSQL's clock is not there yet */
    LUNA_ROLL_FAILED        /* a store is unavailable */
};
/* Starts the account's next period, if PostgreSQL's clock allows it. */
enum luna_roll luna_period_roll(struct luna_admitter *admitter, int64_t account_id,
                                struct luna_deadline deadline,
                                struct luna_error *err) LUNA_MUSTCHECK;

/* Refunds the charge that the slot still names: a killed predecessor's last, or one of our own
 * whose reply was lost. Must succeed before the next charge, as the slot remembers only one. */
enum luna_code luna_settle_pending(struct luna_admitter *admitter, struct luna_deadline deadline,
                                   struct luna_error *err) LUNA_MUSTCHECK;
/* The slot names the charge that is about to be tried, and forgets it. */
void luna_settle_begin(struct luna_admitter *admitter, int64_t account_id,
                       const char *idempotency_field);
void luna_settle_end(struct luna_admitter *admitter);

#endif
