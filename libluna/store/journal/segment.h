/*
 * segment.h: records and segments. A worker appends one record per committed charge to its current
 * segment; when that is full, it starts the next. Private to the journal.
 */
#ifndef LUNA_STORE_JOURNAL_SEGMENT_H
#define LUNA_STORE_JOURNAL_SEGMENT_H

#include "journal/map.h"
#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LUNA_JOURNAL_MAGIC = 0x4c554a31, LUNA_JOURNAL_SEGMENT_BYTES_MAX = 4 << 20 };
/* Of one charge: far above any, and far below what would overflow a sum of them. */
#define LUNA_JOURNAL_COST_MAX (INT64_C(1) << 40)

/* One committed charge. Native byte order: a journal is read only on the host that wrote it. */
struct luna_journal_record {
    uint32_t magic, check;
    int64_t account_id, epoch, charged_total, cost, period_no, wseq, at_ms;
};
_Static_assert(sizeof(struct luna_journal_record) == 64,
               "records are appended with one write of a fixed size");

/* Sets magic and check. */
void luna_journal_record_seal(struct luna_journal_record *record);
bool luna_journal_record_is_sound(const struct luna_journal_record *record) LUNA_MUSTCHECK;

enum { LUNA_JOURNAL_SEGMENT_NAME_BYTES = 48 };
/* "j-<slot>-<number>". Parsing returns false for any other name. */
void luna_journal_segment_name(int64_t slot, int64_t number,
                               char ret_name[LUNA_JOURNAL_SEGMENT_NAME_BYTES]);
bool luna_journal_segment_parse(const char *name, int *ret_slot,
                                int64_t *ret_number) LUNA_MUSTCHECK;

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

/* Adds the segment's sound records of the account (0: all) and epoch (-1: all) to the map. */
enum luna_code luna_journal_segment_add(int dir_fd, const struct luna_journal_segment *segment,
                                        int64_t account_id, int64_t epoch,
                                        struct luna_journal_map *map,
                                        struct luna_error *err) LUNA_MUSTCHECK;

/* Writes every record that was appended before the call to the disk. A booking does this between
 * reading Redis's counters and writing PostgreSQL's: after a power loss the journals must hold at
 * least what the ledger has, or a recovery would refund answered requests (I1). */
enum luna_code luna_journal_sync(const char *dir, struct luna_error *err) LUNA_MUSTCHECK;

#endif
