/* Journal files as a disk may give them back: two segments and a fold. The first byte chooses
 * whether records are sealed, and the fold's digest right, so that damage behind both is found too;
 * the second cuts the rest in two. Invariants: sums are sorted, positive, and of each account,
 * epoch and period one; folding changes no sum that it keeps. */
#include "fuzz.h"

#include "client/digest.h"
#include "folder.h"
#include "journal/fold.h"
#include "journal/sums.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SEALED = 1, DIGESTED = 2, FOLD_HEAD_BYTES = 24 + LUNA_DIGEST_BYTES };

static void write_segment(const char *name, const uint8_t *data, size_t size, bool sealed)
{
    struct luna_journal_record *records = malloc(size + 1);
    assert(records != NULL);
    memcpy(records, data, size);
    for (size_t i = 0; sealed && i < size / sizeof *records; i++)
        if (records[i].wseq > 0)
            luna_journal_record_seal(&records[i]);
    (void)fuzz_file(name, records, size);
    free(records);
}

static void write_fold(const uint8_t *data, size_t size, bool digested)
{
    unsigned char *bytes = malloc(size + 1);
    assert(bytes != NULL);
    memcpy(bytes, data, size);
    if (digested && size >= FOLD_HEAD_BYTES) {
        const uint64_t magic = 0x4c554632;
        memcpy(bytes, &magic, sizeof magic);
        luna_digest_sha256(bytes + FOLD_HEAD_BYTES, size - FOLD_HEAD_BYTES, bytes + 24);
    }
    (void)fuzz_file("fold", bytes, size);
    free(bytes);
}

static void check_sums(const struct luna_journal_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        const struct luna_journal_sum *a = &sums->items[i];
        assert(a->account_id > 0 && a->units > 0);
        if (i > 0) {
            const struct luna_journal_sum *b = a - 1;
            assert(
                b->account_id < a->account_id ||
                (b->account_id == a->account_id &&
                 (b->epoch < a->epoch || (b->epoch == a->epoch && b->period_no < a->period_no))));
        }
    }
}

static const struct luna_journal_sum *find(const struct luna_journal_sums *sums,
                                           const struct luna_journal_sum *key)
{
    for (size_t i = 0; i < sums->count; i++)
        if (sums->items[i].account_id == key->account_id && sums->items[i].epoch == key->epoch &&
            sums->items[i].period_no == key->period_no)
            return &sums->items[i];
    return NULL;
}

static void fold_and_compare(const char *dir, const struct luna_journal_sums *before)
{
    struct luna_journal_sums after = {.items = NULL};
    struct luna_error err;
    int64_t segments = 0, bytes_left = 0;
    if (luna_journal_fold(dir, luna_deadline_in_ms(1000), &segments, &bytes_left, &err) != LUNA_OK)
        return;
    enum luna_code code =
        luna_journal_sums_read(dir, 0, -1, luna_deadline_in_ms(1000), &after, &err);
    assert(code == LUNA_OK);
    check_sums(&after);
    for (size_t i = 0; i < after.count; i++) {
        const struct luna_journal_sum *was = find(before, &after.items[i]);
        assert(was != NULL && was->units == after.items[i].units);
    }
    luna_journal_sums_done(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_journal_sums sums = {.items = NULL};
    struct luna_error err;
    if (size < 2)
        return 0;
    const char *dir = fuzz_folder();
    size_t rest = size - 2, fold_len = rest * data[1] / 255;
    fuzz_folder_empty();
    if (fold_len > 0)
        write_fold(data + 2, fold_len, (data[0] & DIGESTED) != 0);
    write_segment("j-3-7", data + 2 + fold_len, rest - fold_len, (data[0] & SEALED) != 0);
    write_segment("j-3-8", data + 2, fold_len, (data[0] & SEALED) != 0);
    if (luna_journal_sums_read(dir, 0, -1, luna_deadline_in_ms(1000), &sums, &err) == LUNA_OK) {
        check_sums(&sums);
        fold_and_compare(dir, &sums);
        luna_journal_sums_done(&sums);
    }
    return 0;
}
