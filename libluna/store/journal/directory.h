/*
 * directory.h: the journal directory: its name, its files, its locks. Private to the store.
 *
 *   name             the directory's name, drawn once: Redis and PostgreSQL know it by that
 *   page             the shared memory of page.h
 *   slot-<n>         empty, for locks: byte 0 is held by its owner, byte 1 while a record is
 *                    appended
 *   j-<n>-<number>   segments of worker slot n; only the highest number is written to
 *   fold             the sums of folded segments, and which segments those are
 *   fold.copy        the same, read when fold is damaged
 *   fold.lock        shared while sums are read, exclusive while segments are folded
 *
 * Locks belong to the open file description: they end with the process, however it ends.
 */
#ifndef LUNA_STORE_JOURNAL_DIRECTORY_H
#define LUNA_STORE_JOURNAL_DIRECTORY_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>
#include <stdint.h>

/* Creates it if it is missing. LUNA_EIO, also when it is another user's, or others may write. */
enum luna_code luna_journal_dir_open(const char *path, int *ret_fd,
                                     struct luna_error *err) LUNA_MUSTCHECK;

enum { LUNA_JOURNAL_NAME_BYTES = 16 };
/* "w1a2b3c4d". The same in every container that mounts the directory. A directory that was lost and
 * created again has another, so that its missing records are not taken for the whole truth. */
enum luna_code luna_journal_dir_name(int dir_fd, char ret_name[LUNA_JOURNAL_NAME_BYTES],
                                     struct luna_error *err) LUNA_MUSTCHECK;

/* Makes the directory known to PostgreSQL; may be repeated. A recovery refunds what was booked and
 * is in no journal. That is right only when it has read all journals, so PostgreSQL counts the
 * directories (journal_hosts). LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_journal_dir_announce(struct luna_database *database, const char *name,
                                         struct luna_deadline deadline,
                                         struct luna_error *err) LUNA_MUSTCHECK;

enum luna_journal_lock {
    LUNA_JOURNAL_LOCK_OWNER = 0,  /* of slot-<n> */
    LUNA_JOURNAL_LOCK_APPEND = 1, /* of slot-<n> */
    LUNA_JOURNAL_LOCK_FOLD = 0    /* of fold.lock */
};
/* Polls until the lock is free. LUNA_ETIMEOUT. */
enum luna_code luna_journal_lock(int fd, enum luna_journal_lock byte, bool exclusive,
                                 struct luna_deadline deadline,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_unlock(int fd, enum luna_journal_lock byte);

#endif
