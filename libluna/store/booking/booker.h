/*
 * booker.h: what the files of this room share. Private to the store.
 */
#ifndef LUNA_STORE_BOOKER_H
#define LUNA_STORE_BOOKER_H

#include "client/clocks.h"
#include "client/pg.h"
#include "client/redis.h"
#include "client/scripts.h"
#include "journal/directory.h"
#include "journal/page.h"
#include "luna/store/booking.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_booker {
    struct luna_counters *counters;
    struct luna_database *database;
    char *journal_dir;
    struct luna_journal_page *page;
    char journal_name[LUNA_JOURNAL_NAME_BYTES];
    int redis_timeout_ms, batch_accounts_max;
    bool unsafe_redis;
    enum luna_durability durability;
    bool (*between_batches)(void *context);
    void *between_context;
    char actor[128];

    int64_t term;               /* 0: not the leader */
    uint64_t lead_generation;   /* the session that holds the lock */
    uint64_t listen_generation; /* the session that has run LISTEN */
    int64_t incarnation;        /* as of the last luna_booking_fence(); 0: none yet */
    int64_t loading;            /* how often fenced scripts were loaded */
    char ack_sha[LUNA_SCRIPT_SHA_BYTES], reap_sha[LUNA_SCRIPT_SHA_BYTES]; /* "": not loaded */
    struct luna_clocks clocks;
    bool clocks_agree;    /* as of the last luna_booking_ask_clocks() */
    int64_t last_pass_ns; /* CLOCK_MONOTONIC, when the last complete pass started; 0: never */
    int64_t gauge_cursor; /* the next sample starts after this account id */
};

/* Is this still the session that took the lock and the term? LUNA_ECONFLICT: no. */
enum luna_code luna_booker_check(const struct luna_booker *booker,
                                 struct luna_error *err) LUNA_MUSTCHECK;
struct luna_deadline luna_booker_redis_deadline(const struct luna_booker *booker);
/* Calls the daemon's between_batches(); false: stop here. */
bool luna_booker_between_batches(const struct luna_booker *booker) LUNA_MUSTCHECK;
/* The meter counts what both stores do from here on under `purpose`. */
void luna_booker_purpose(struct luna_booker *booker, enum luna_purpose purpose);
/* A statement that returns one number. LUNA_EPROTOCOL when it returns no row. */
enum luna_code luna_booker_query_int(struct luna_booker *booker, const char *sql,
                                     const struct luna_pg_params *params, int64_t *ret_value,
                                     struct luna_error *err) LUNA_MUSTCHECK;
/* Strict mode: LUNA_ECONFIG, with the setting, for a Redis that replies before a write is on the
 * disk; its scripts are flushed then. */
enum luna_code luna_booker_check_strict(struct luna_booker *booker,
                                        struct luna_error *err) LUNA_MUSTCHECK;
/* From here on nothing can be charged or confirmed. */
enum luna_code luna_booker_flush_scripts(struct luna_booker *booker,
                                         struct luna_error *err) LUNA_MUSTCHECK;
/* Removes an account from Redis whose counters PostgreSQL has booked completely, up to (c, r) of
 * this epoch. *ret_dropped false: Redis has charged or refunded since, or does not have the
 * account. */
enum luna_code luna_booker_drop(struct luna_booker *booker, int64_t account_id, int64_t epoch,
                                int64_t c, int64_t r, bool *ret_dropped,
                                struct luna_error *err) LUNA_MUSTCHECK;
/* Deleted accounts whose last requests have ended: removes them from Redis and closes their
 * epochs. */
enum luna_code luna_booker_close_deleted(struct luna_booker *booker, int64_t *ret_closed,
                                         struct luna_error *err) LUNA_MUSTCHECK;
/* SCRIPT LOAD. `incarnation` for a fenced one, else 0. */
enum luna_code luna_booker_load_script(struct luna_booker *booker, enum luna_script script,
                                       int64_t incarnation, char ret_sha[LUNA_SCRIPT_SHA_BYTES],
                                       struct luna_error *err) LUNA_MUSTCHECK;

#endif
