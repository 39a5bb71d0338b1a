/*
 * journal.h: a worker's journal: one record for every success, written before the success is sent.
 * Private to the store.
 *
 * A record exists if and only if the answer was sent, or the worker was killed between the two. A
 * recovery therefore books from the journals, and not from Redis's counters.
 */
#ifndef LUNA_STORE_JOURNAL_H
#define LUNA_STORE_JOURNAL_H

#include "journal/directory.h"
#include "journal/page.h"
#include "journal/segment.h"

struct luna_journal;

/* Takes the slot. LUNA_ECONFLICT when another process has it. */
enum luna_code luna_journal_open(const char *dir, int slot, struct luna_journal **ret_journal,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_close(struct luna_journal *journal);
struct luna_journal_page *luna_journal_page_of(struct luna_journal *journal);
struct luna_journal_slot *luna_journal_slot_of(struct luna_journal *journal);
/* The directory's name, and the worker's, which starts with it: "w1a2b3c4d.<slot>". */
const char *luna_journal_dir_name_of(const struct luna_journal *journal);
const char *luna_journal_worker_name(const struct luna_journal *journal);

enum luna_append { LUNA_APPEND_OK, LUNA_APPEND_SEQ_CHANGED, LUNA_APPEND_FAILED };
/* Appends, unless the account's recovery counter is no longer `seq`. Both happen under the lock
 * that a recovery waits for: either the recovery reads the record, or this returns
 * LUNA_APPEND_SEQ_CHANGED (I1). */
enum luna_append luna_journal_append(struct luna_journal *journal,
                                     struct luna_journal_record *record, uint64_t seq,
                                     struct luna_deadline deadline,
                                     struct luna_error *err) LUNA_MUSTCHECK;
/* LUNA_OK at once unless the last append failed by the disk; then tries whether a record can be
 * written. LUNA_EJOURNAL: it cannot, so that a charge could not be committed. */
enum luna_code luna_journal_check(struct luna_journal *journal,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* The wseq of the slot's last record; 0 when there is none. */
int64_t luna_journal_last_wseq(const struct luna_journal *journal);

#endif
