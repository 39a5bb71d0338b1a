/*
 * journal_fold.h: the journal directory's files, as readers see them: segments and the fold.
 * Private to the journal.
 *
 * The fold is one file, replaced by rename: its sums, and which segments they cover. A kill between
 * the rename and the deletion of those segments therefore counts nothing twice.
 */
#ifndef LUNA_STORE_JOURNAL_FOLD_H
#define LUNA_STORE_JOURNAL_FOLD_H

#include "journal/map.h"
#include "journal/sums.h"
#include "luna/base/error.h"
#include "luna/store/admission.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct luna_journal_segment {
    int64_t slot, number;
};

struct luna_journal_listing {
    struct luna_journal_segment *items; /* sorted by slot and number */
    size_t count;
};
enum luna_code luna_journal_listing_read(int dir_fd, struct luna_journal_listing *ret_listing,
                                         struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_listing_done(struct luna_journal_listing *listing);

struct luna_journal_fold {
    struct luna_journal_segment *covered;
    size_t covered_count;
    struct luna_journal_sums sums;
};
/* Opens fold.lock, whose byte 0 stands for the fold: shared to read, exclusive to fold anew. */
enum luna_code luna_journal_fold_lock_open(int dir_fd, int *ret_lock_fd,
                                           struct luna_error *err) LUNA_MUSTCHECK;
/* An absent file is an empty fold. LUNA_EPROTOCOL: the file is damaged. */
enum luna_code luna_journal_fold_read(int dir_fd, struct luna_journal_fold *ret_fold,
                                      struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_fold_done(struct luna_journal_fold *fold);
bool luna_journal_fold_covers(const struct luna_journal_fold *fold,
                              const struct luna_journal_segment *segment);

/* Adds a segment's sound records of the account (0: all) and epoch (-1: all) to the map. */
enum luna_code luna_journal_segment_add(int dir_fd, const struct luna_journal_segment *segment,
                                        int64_t account_id, int64_t epoch,
                                        struct luna_journal_map *map,
                                        struct luna_error *err) LUNA_MUSTCHECK;

#endif
