/*
 * journal_file.h: what lies in a journal directory. Private to the store.
 *
 *   name                 this directory's name, drawn once: what it is known by in Redis and
 *     PostgreSQL
 *   page                 shared memory, see journal_page.h
 *   slot-<n>             empty; its locks are what matters: byte 0 the slot's owner, byte 1 held
 *     while appending
 *   j-<n>-<number>       segments of worker slot n, records of 64 bytes; the highest number is
 *     being written
 *   fold                 sums of segments that were folded, and the names of those not yet deleted
 *   fold.lock            shared by readers of sums, exclusive for folding
 *
 * Locks are of the open file description: they end with the process, however it ends.
 */
#ifndef LUNA_STORE_JOURNAL_FILE_H
#define LUNA_STORE_JOURNAL_FILE_H

#include "luna/base/clock.h"
#include "luna/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { LUNA_JOURNAL_MAGIC = 0x4c554a31, LUNA_JOURNAL_SEGMENT_BYTES_MAX = 4 << 20 };

/* One success. Native byte order: a journal never leaves its host. */
struct luna_journal_record {
    uint32_t magic, check;
    int64_t account_id, epoch, charged_at, cost, period_no, wseq, at_ms;
};
_Static_assert(sizeof(struct luna_journal_record) == 64,
               "records are appended with one write of a fixed size");

/* Sets magic and check. */
void luna_journal_record_seal(struct luna_journal_record *record);
bool luna_journal_record_is_sound(const struct luna_journal_record *record);

enum luna_code luna_journal_dir_open(const char *path, int *ret_fd,
                                     struct luna_error *err) LUNA_MUSTCHECK;

enum { LUNA_JOURNAL_NAME_BYTES = 16 };
/* "w1a2b3c4d". It stays the same wherever the directory is mounted, for every container that shares
 * it; a directory that was lost and made anew has another, so that nobody takes its emptiness for
 * the whole truth. */
enum luna_code luna_journal_dir_name(int dir_fd, char ret_name[LUNA_JOURNAL_NAME_BYTES],
                                     struct luna_error *err) LUNA_MUSTCHECK;

enum { LUNA_JOURNAL_LOCK_OWNER = 0, LUNA_JOURNAL_LOCK_APPEND = 1 };
/* Waits in small steps. LUNA_ETIMEOUT. */
enum luna_code luna_journal_lock(int fd, int byte, bool exclusive, struct luna_deadline deadline,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_unlock(int fd, int byte);

enum { LUNA_JOURNAL_SEGMENT_NAME_BYTES = 48 };
/* "j-<slot>-<number>", made, and taken apart; false for any other name. */
void luna_journal_segment_name(int64_t slot, int64_t number,
                               char ret_name[LUNA_JOURNAL_SEGMENT_NAME_BYTES]);
bool luna_journal_segment_parse(const char *name, int *ret_slot, int64_t *ret_number);

#endif
