/*
 * admitter.h: what the files of an admission share: admission.c asks, cold_load.c loads, settle.c
 * commits and refunds. Private to the store.
 */
#ifndef LUNA_STORE_ADMITTER_H
#define LUNA_STORE_ADMITTER_H

#include "client/digest.h"
#include "client/pg.h"
#include "client/redis.h"
#include "journal/journal.h"
#include "luna/store/admission.h"
#include "quota/fence_record.h"
#include "quota/quota_keys.h"

#include <stdbool.h>

struct luna_admitter {
    struct luna_counters *counters;
    struct luna_database *database;
    struct luna_journal *journal;
    struct luna_digest_key pepper;
    char *journal_dir;
    int redis_timeout_ms, database_timeout_ms;
    bool host_announced;            /* PostgreSQL knows of the journal directory */
    struct luna_fence_record fence; /* incarnation 0: not known */
    int64_t wseq;                   /* of the last charge asked for */
};

/* Runs a fenced script. A NOSCRIPT answer means that Redis is fenced or that our record of the
 * fence is old: the record is read again, and a changed one tried once. Anything else that is not
 * an answer is LUNA_EUNAVAILABLE or LUNA_ETIMEOUT. */
enum luna_code luna_admitter_script(struct luna_admitter *admitter, enum luna_script script,
                                    struct luna_redis_command *command,
                                    struct luna_deadline deadline, struct luna_reply **ret_reply,
                                    struct luna_error *err) LUNA_MUSTCHECK;
/* The same in the incarnation we know, and in no other: for the second step of what was begun in
 * it. */
enum luna_code luna_admitter_script_pinned(struct luna_admitter *admitter, enum luna_script script,
                                           struct luna_redis_command *command,
                                           struct luna_deadline deadline,
                                           struct luna_reply **ret_reply,
                                           struct luna_error *err) LUNA_MUSTCHECK;
/* Starts such a command; keys and arguments follow. */
void luna_admitter_begin(struct luna_redis_command *command, int key_count);

enum luna_cold {
    LUNA_COLD_LOADED, /* ask again */
    LUNA_COLD_ABSENT, /* there is no such account */
    LUNA_COLD_BUSY,   /* another loads it, or the lease was lost: wait a little, ask again */
    LUNA_COLD_FAILED  /* a store is away */
};
/* `request_id`: whose request it is, for what the load writes into the log; NULL: nobody's. */
enum luna_cold luna_cold_load(struct luna_admitter *admitter, int64_t account_id,
                              const char *request_id, struct luna_deadline deadline,
                              struct luna_error *err) LUNA_MUSTCHECK;

/* Gives back what this slot charged and never settled: its predecessor's last charge, or one of our
 * own whose answer was lost. Must succeed before anything new is charged: the slot remembers
 * one. */
enum luna_code luna_settle_pending(struct luna_admitter *admitter, struct luna_deadline deadline,
                                   struct luna_error *err) LUNA_MUSTCHECK;
void luna_settle_begin(struct luna_admitter *admitter, int64_t account_id,
                       const char *idempotency_field);
void luna_settle_end(struct luna_admitter *admitter);

#endif
