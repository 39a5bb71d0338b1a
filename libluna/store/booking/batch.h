/*
 * batch.h: a batch of accounts: their snapshots in Redis, booked in one transaction of PostgreSQL.
 * Private to the store.
 *
 * luna_batch_add() for each account, luna_batch_snapshots(), luna_batch_book(); then each item says
 * what became of it. Ownership: luna_batch_done().
 */
#ifndef LUNA_STORE_BOOKING_BATCH_H
#define LUNA_STORE_BOOKING_BATCH_H

#include "booking/booker.h"
#include "quota/script_words.h"

enum book_status {
#define X(symbol, number) symbol = (number),
#include "booking/book_status.def"
#undef X
};

struct snapshot {
    int64_t account_id;
    int64_t epoch, c, r;
    bool gone;    /* Redis does not have it any more */
    bool pending; /* strict mode: charges that are not confirmed yet */
    bool strict;  /* the epoch was opened in strict mode */
    bool refused; /* cannot be booked until an operator acts */
    enum book_status status;
    int64_t booked_c, booked_r, period_no, next_end_ms;
    int64_t ended_no; /* the first period that has ended in Redis and was not booked; -1: none */
};

enum column {
    ACCOUNTS,
    EPOCHS,
    CS,
    RS,
    ROLL_ACCOUNTS,
    ROLL_EPOCHS,
    ROLL_PARTS,
    ROLL_LAST_PART = ROLL_PARTS + LUNA_ROLL_PARTS - 1,
    COLUMNS
};

struct batch {
    struct luna_booker *booker;
    const char *reap;    /* reap.lua's argument; NULL: plain snapshots */
    int64_t incarnation; /* counters of another one are left out; */
    bool strict_only;    /* if set, those of epochs that were not opened in strict mode as well */
    struct snapshot *items; /* batch_accounts_max of them, and what the last SSCAN had beyond */
    size_t count, room;
    struct luna_buf columns[COLUMNS];
    bool has_rolls;
    struct luna_booking_report *report;
    struct luna_error *err;
};

void luna_batch_init(struct batch *batch, struct luna_booker *booker,
                     struct luna_booking_report *report, struct luna_error *err);
void luna_batch_done(struct batch *batch);
enum luna_code luna_batch_add(struct batch *batch, int64_t account_id) LUNA_MUSTCHECK;
/* Reads all items, sorted and without duplicates from here on. */
enum luna_code luna_batch_snapshots(struct batch *batch) LUNA_MUSTCHECK;
enum luna_code luna_batch_book(struct batch *batch) LUNA_MUSTCHECK;
/* The report names the item. One account that cannot be read stops no other. */
void luna_batch_refuse(struct batch *batch, struct snapshot *item, const char *reason);
/* Does PostgreSQL have all of the snapshot now? */
bool luna_batch_accepted(const struct snapshot *item) LUNA_MUSTCHECK;

#endif
