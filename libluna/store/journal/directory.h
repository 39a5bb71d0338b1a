/*
 * directory.h: the journal directory: its name, its files, its locks. Private to the store.
 *
 *   name                 this directory's name, drawn once: what it is known by in Redis and
 *     PostgreSQL
 *   page                 shared memory, see page.h
 *   slot-<n>             empty; its locks are what matters: byte 0 the slot's owner, byte 1 held
 *     while appending
 *   j-<n>-<number>       segments of worker slot n, records of 64 bytes; the highest number is
 *     being written
 *   fold                 sums of segments that were folded, and the names of those not yet deleted
 *   fold.lock            shared by readers of sums, exclusive for folding
 *
 * Locks are of the open file description: they end with the process, however it ends.
 */
#ifndef LUNA_STORE_JOURNAL_DIRECTORY_H
#define LUNA_STORE_JOURNAL_DIRECTORY_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>
#include <stdint.h>

enum luna_code luna_journal_dir_open(const char *path, int *ret_fd,
                                     struct luna_error *err) LUNA_MUSTCHECK;

enum { LUNA_JOURNAL_NAME_BYTES = 16 };
/* "w1a2b3c4d". It stays the same wherever the directory is mounted, for every container that shares
 * it; a directory that was lost and made anew has another, so that nobody takes its emptiness for
 * the whole truth. */
enum luna_code luna_journal_dir_name(int dir_fd, char ret_name[LUNA_JOURNAL_NAME_BYTES],
                                     struct luna_error *err) LUNA_MUSTCHECK;

/* Makes the directory known to PostgreSQL; may be repeated. A recovery gives back what was booked and
 * is in no journal. That is right only for a reader of all journals, so PostgreSQL counts the
 * directories (journal_hosts in sql/0003_events.sql). LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_journal_dir_announce(struct luna_database *database, const char *name,
                                         struct luna_deadline deadline,
                                         struct luna_error *err) LUNA_MUSTCHECK;

enum { LUNA_JOURNAL_LOCK_OWNER = 0, LUNA_JOURNAL_LOCK_APPEND = 1 };
/* Waits in small steps. LUNA_ETIMEOUT. */
enum luna_code luna_journal_lock(int fd, int byte, bool exclusive, struct luna_deadline deadline,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_unlock(int fd, int byte);

#endif
