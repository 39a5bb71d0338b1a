#include "journal/sums.h"

#include "journal/directory.h"
#include "journal/fold.h"
#include "journal/segment.h"
#include "luna/store/worker_slots.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Waits for every worker that has compared its recovery counter and not yet written its record. A
 * worker that comes later finds the counter raised, and writes none (I1). */
static enum luna_code pass_append_locks(int dir_fd, struct luna_deadline deadline,
                                        struct luna_error *err)
{
    enum luna_code code = LUNA_OK;
    for (int slot = 0; slot < LUNA_WORKERS_MAX && code == LUNA_OK; slot++) {
        char name[32];
        snprintf(name, sizeof name, "slot-%d", slot);
        int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue; /* no worker has ever had that slot */
        if (fd < 0)
            return luna_error_set(err, LUNA_EIO, "journal: %s: %s", name, strerror(errno));
        code = luna_journal_lock(fd, LUNA_JOURNAL_LOCK_APPEND, true, deadline, err);
        close(fd);
        if (code == LUNA_ETIMEOUT)
            luna_error_wrap(err, "worker slot %d", slot);
    }
    return code;
}

static enum luna_code add_fold(const struct luna_journal_fold *fold, int64_t account_id,
                               int64_t epoch, struct luna_journal_map *map, struct luna_error *err)
{
    for (size_t i = 0; i < fold->sums.count; i++) {
        const struct luna_journal_sum *sum = &fold->sums.items[i];
        if ((account_id == 0 || sum->account_id == account_id) &&
            (epoch < 0 || sum->epoch == epoch) && !luna_journal_map_add(map, sum))
            return luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the sums");
    }
    return LUNA_OK;
}

/* Adds every segment that the fold does not cover. */
static enum luna_code add_segments(int dir_fd, const struct luna_journal_fold *fold,
                                   int64_t account_id, int64_t epoch, struct luna_journal_map *map,
                                   struct luna_error *err)
{
    struct luna_journal_listing listing;
    enum luna_code code = luna_journal_listing_read(dir_fd, &listing, err);
    if (code != LUNA_OK)
        return code;
    for (size_t i = 0; i < listing.count && code == LUNA_OK; i++)
        if (!luna_journal_fold_covers(fold, &listing.items[i]))
            code = luna_journal_segment_add(dir_fd, &listing.items[i], account_id, epoch, map, err);
    luna_journal_listing_done(&listing);
    return code;
}

static enum luna_code read_locked(int dir_fd, int64_t account_id, int64_t epoch,
                                  struct luna_journal_sums *ret_sums, struct luna_error *err)
{
    struct luna_journal_fold fold = {.covered = NULL};
    struct luna_journal_map map;
    enum luna_code code = luna_journal_fold_read(dir_fd, &fold, err);
    if (code != LUNA_OK)
        return code;
    luna_journal_map_init(&map);
    code = add_fold(&fold, account_id, epoch, &map, err);
    if (code == LUNA_OK)
        code = add_segments(dir_fd, &fold, account_id, epoch, &map, err);
    if (code == LUNA_OK)
        luna_journal_map_take(&map, ret_sums);
    luna_journal_map_done(&map);
    luna_journal_fold_done(&fold);
    return code;
}

enum luna_code luna_journal_sums_read(const char *dir, int64_t account_id, int64_t epoch,
                                      struct luna_deadline deadline,
                                      struct luna_journal_sums *ret_sums, struct luna_error *err)
{
    int dir_fd = -1, lock_fd = -1;
    assert(account_id >= 0 && epoch >= -1);
    enum luna_code code = luna_journal_dir_open(dir, &dir_fd, err);
    if (code != LUNA_OK)
        return code;
    code = luna_journal_fold_lock_open(dir_fd, &lock_fd, err);
    if (code == LUNA_OK)
        code = pass_append_locks(dir_fd, deadline, err);
    if (code == LUNA_OK)
        code = luna_journal_lock(lock_fd, LUNA_JOURNAL_LOCK_FOLD, false, deadline, err);
    if (code == LUNA_OK)
        code = read_locked(dir_fd, account_id, epoch, ret_sums, err);
    if (lock_fd >= 0)
        close(lock_fd);
    close(dir_fd);
    return code;
}
