/*
 * fold.h: the sums of segments that are no longer written to, so that those can be deleted. Private
 * to the store.
 *
 * The fold is one file, replaced by rename(): the sums, and which segments they cover. A kill
 * between the rename and the deletion of those segments therefore counts nothing twice (I1). A
 * second copy is read when the first is damaged, and the next fold replaces both.
 */
#ifndef LUNA_STORE_JOURNAL_FOLD_H
#define LUNA_STORE_JOURNAL_FOLD_H

#include "journal/map.h"
#include "journal/segment.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to run when both copies are damaged: the directory gets another name, so that PostgreSQL
 * takes its records for a part only, and refunds nothing that they lack. */
#define LUNA_JOURNAL_FOLD_REMEDY                                                                   \
    "(cd \"$LUNA_STATE_DIR\" && mkdir damaged && mv fold fold.copy name damaged/)"

struct luna_journal_fold {
    struct luna_journal_segment *covered;
    size_t covered_count;
    struct luna_journal_sums sums;
};
/* Opens fold.lock. Its byte 0 is locked shared to read the fold, exclusive to replace it. */
enum luna_code luna_journal_fold_lock_open(int dir_fd, int *ret_lock_fd,
                                           struct luna_error *err) LUNA_MUSTCHECK;
/* Without both files the fold is empty. LUNA_EPROTOCOL: both are damaged. */
enum luna_code luna_journal_fold_read(int dir_fd, struct luna_journal_fold *ret_fold,
                                      struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_fold_done(struct luna_journal_fold *fold);
bool luna_journal_fold_covers(const struct luna_journal_fold *fold,
                              const struct luna_journal_segment *segment);

/* Replaces segments that are no longer written to with their sums. Of each account it keeps the
 * newest epoch, and of that the newest periods: older ones are closed in PostgreSQL and never
 * read. */
enum luna_code luna_journal_fold(const char *dir, struct luna_deadline deadline,
                                 int64_t *ret_segments, int64_t *ret_bytes_left,
                                 struct luna_error *err) LUNA_MUSTCHECK;

#endif
