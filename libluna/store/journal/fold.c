#include "journal/fold.h"

#include "client/digest.h"
#include "journal/directory.h"
#include "luna/store/worker_slots.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLD_MAGIC = 0x4c554632, FOLD_PERIODS_KEPT = 8 };
#define FOLD_UNITS_MAX (INT64_MAX / 2) /* room for the segments that are not folded yet */

/* The file: this head, the covered segments, the sums. `digest` is the SHA-256 of what follows the
 * head. */
struct fold_head {
    uint64_t magic, covered_count, sum_count;
    unsigned char digest[LUNA_DIGEST_BYTES];
};

void luna_journal_fold_done(struct luna_journal_fold *fold)
{
    free(fold->covered);
    luna_journal_sums_done(&fold->sums);
    *fold = (struct luna_journal_fold){.covered = NULL};
}

bool luna_journal_fold_covers(const struct luna_journal_fold *fold,
                              const struct luna_journal_segment *segment)
{
    assert(fold->covered != NULL || fold->covered_count == 0);
    for (size_t i = 0; i < fold->covered_count; i++)
        if (fold->covered[i].slot == segment->slot && fold->covered[i].number == segment->number)
            return true;
    return false;
}

static void *copy_of(const void *bytes, size_t len)
{
    void *copy = calloc(1, len > 0 ? len : 1);
    if (copy != NULL && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static bool is_segment(const struct luna_journal_segment *segment)
{
    return segment->slot >= 0 && segment->slot < LUNA_WORKERS_MAX && segment->number >= 0;
}

/* As luna_journal_map_take() leaves them: sorted, each once. */
static bool is_after(const struct luna_journal_sum *sum, const struct luna_journal_sum *before)
{
    if (sum->account_id != before->account_id)
        return sum->account_id > before->account_id;
    if (sum->epoch != before->epoch)
        return sum->epoch > before->epoch;
    return sum->period_no > before->period_no;
}

static bool is_consistent(const struct luna_journal_fold *fold)
{
    for (size_t i = 0; i < fold->covered_count; i++)
        if (!is_segment(&fold->covered[i]))
            return false;
    for (size_t i = 0; i < fold->sums.count; i++) {
        const struct luna_journal_sum *sum = &fold->sums.items[i];
        if (sum->account_id < 1 || sum->period_no < 0 || sum->units < 1 ||
            sum->units > FOLD_UNITS_MAX || (i > 0 && !is_after(sum, sum - 1)))
            return false;
    }
    return true;
}

/* The counts are the file's: they are compared before they are multiplied. */
static bool fits(const struct fold_head *head, size_t len)
{
    return head->magic == FOLD_MAGIC &&
           head->covered_count <= len / sizeof(struct luna_journal_segment) &&
           head->sum_count <= len / sizeof(struct luna_journal_sum) &&
           len == head->covered_count * sizeof(struct luna_journal_segment) +
                      head->sum_count * sizeof(struct luna_journal_sum);
}

static bool read_head(const unsigned char *bytes, size_t len, struct fold_head *ret_head)
{
    unsigned char digest[LUNA_DIGEST_BYTES];
    if (len < sizeof *ret_head)
        return false;
    memcpy(ret_head, bytes, sizeof *ret_head);
    luna_digest_sha256(bytes + sizeof *ret_head, len - sizeof *ret_head, digest);
    return fits(ret_head, len - sizeof *ret_head) &&
           memcmp(digest, ret_head->digest, sizeof digest) == 0;
}

static enum luna_code damaged(struct luna_error *err)
{
    return luna_error_set(err, LUNA_EPROTOCOL,
                          "journal: fold and fold.copy are damaged: stop the workers and "
                          "quota-syncd, run " LUNA_JOURNAL_FOLD_REMEDY ", and start them");
}

static enum luna_code parse_fold(const unsigned char *bytes, size_t len,
                                 struct luna_journal_fold *ret_fold, struct luna_error *err)
{
    struct fold_head head;
    if (!read_head(bytes, len, &head))
        return damaged(err);
    size_t covered_bytes = head.covered_count * sizeof(struct luna_journal_segment);
    /* read_head() has compared them. */
    assert(len - sizeof head == covered_bytes + head.sum_count * sizeof(struct luna_journal_sum));
    struct luna_journal_fold fold = {.covered = copy_of(bytes + sizeof head, covered_bytes),
                                     .covered_count = head.covered_count,
                                     .sums = {.items = copy_of(bytes + sizeof head + covered_bytes,
                                                               len - sizeof head - covered_bytes),
                                              .count = head.sum_count}};
    enum luna_code code = LUNA_OK;
    if (fold.covered == NULL || fold.sums.items == NULL)
        code = luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the fold");
    else if (!is_consistent(&fold))
        code = damaged(err);
    if (code == LUNA_OK)
        *ret_fold = fold;
    else
        luna_journal_fold_done(&fold);
    return code;
}

static enum luna_code read_file(int dir_fd, const char *name, struct luna_journal_fold *ret_fold,
                                struct luna_error *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return luna_error_set(err, LUNA_ENOTFOUND, "journal: there is no file \"%s\"", name);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return luna_error_set(err, LUNA_EIO, "journal: %s: %s", name, strerror(saved));
    }
    size_t len = (size_t)info.st_size;
    unsigned char *bytes = malloc(len > 0 ? len : 1);
    enum luna_code code;
    if (bytes == NULL)
        code = luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the fold");
    else if (pread(fd, bytes, len, 0) != (ssize_t)len)
        code = luna_error_set(err, LUNA_EIO, "journal: cannot read the whole file \"%s\"", name);
    else
        code = parse_fold(bytes, len, ret_fold, err);
    free(bytes);
    close(fd);
    return code;
}

/* The copy may be older: then it lacks segments that still exist, as they are deleted last. */
enum luna_code luna_journal_fold_read(int dir_fd, struct luna_journal_fold *ret_fold,
                                      struct luna_error *err)
{
    struct luna_error ignored;
    enum luna_code code = read_file(dir_fd, "fold", ret_fold, err);
    if (code == LUNA_OK || read_file(dir_fd, "fold.copy", ret_fold, &ignored) == LUNA_OK)
        return LUNA_OK;
    if (code != LUNA_ENOTFOUND || ignored.code != LUNA_ENOTFOUND)
        return code == LUNA_ENOTFOUND ? damaged(err) : code;
    *ret_fold = (struct luna_journal_fold){.covered = NULL};
    return LUNA_OK;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    for (const char *p = bytes; len > 0;) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno != EINTR)
            return false;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static enum luna_code write_file(int dir_fd, const char *name, const void *bytes, size_t len,
                                 struct luna_error *err)
{
    /* The segments that the file covers are deleted next. */
    assert(len > sizeof(struct fold_head));
    int fd = openat(dir_fd, "fold.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write_all(fd, bytes, len) && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!done || renameat(dir_fd, "fold.new", dir_fd, name) != 0 || fsync(dir_fd) != 0)
        return luna_error_set(err, LUNA_EIO, "journal: %s: %s", name,
                              strerror(done ? errno : saved));
    return LUNA_OK;
}

static enum luna_code write_fold(int dir_fd, const struct luna_journal_fold *fold,
                                 struct luna_error *err)
{
    size_t covered_bytes = fold->covered_count * sizeof *fold->covered;
    size_t sum_bytes = fold->sums.count * sizeof *fold->sums.items;
    assert(fold->covered_count > 0 && (fold->sums.items != NULL || fold->sums.count == 0));
    size_t len = sizeof(struct fold_head) + covered_bytes + sum_bytes;
    unsigned char *bytes = malloc(len);
    if (bytes == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the fold");
    struct fold_head head = {
        .magic = FOLD_MAGIC, .covered_count = fold->covered_count, .sum_count = fold->sums.count};
    if (covered_bytes > 0)
        memcpy(bytes + sizeof head, fold->covered, covered_bytes);
    if (sum_bytes > 0)
        memcpy(bytes + sizeof head + covered_bytes, fold->sums.items, sum_bytes);
    luna_digest_sha256(bytes + sizeof head, len - sizeof head, head.digest);
    memcpy(bytes, &head, sizeof head);
    enum luna_code code = write_file(dir_fd, "fold", bytes, len, err);
    if (code == LUNA_OK)
        code = write_file(dir_fd, "fold.copy", bytes, len, err);
    free(bytes);
    return code;
}

/* Keeps of each account its newest epoch, and of that the newest periods. The items are sorted. */
static void forget_old(struct luna_journal_sums *sums)
{
    size_t kept = 0;
    for (size_t i = 0; i < sums->count; i++) {
        const struct luna_journal_sum *item = &sums->items[i];
        assert(i == 0 || sums->items[i - 1].account_id <= item->account_id);
        size_t last = i;
        while (last + 1 < sums->count && sums->items[last + 1].account_id == item->account_id)
            last++;
        const struct luna_journal_sum *newest = &sums->items[last];
        if (item->epoch == newest->epoch && newest->period_no - item->period_no < FOLD_PERIODS_KEPT)
            sums->items[kept++] = *item;
    }
    assert(kept <= sums->count && (kept > 0) == (sums->count > 0)); /* no account is forgotten */
    sums->count = kept;
}

static void delete_segments(int dir_fd, const struct luna_journal_fold *fold)
{
    for (size_t i = 0; i < fold->covered_count; i++) {
        char name[LUNA_JOURNAL_SEGMENT_NAME_BYTES];
        luna_journal_segment_name(fold->covered[i].slot, fold->covered[i].number, name);
        unlinkat(dir_fd, name, 0); /* it may be deleted already */
    }
}

static int64_t bytes_left(int dir_fd, const struct luna_journal_listing *listing)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < listing->count; i++) {
        char name[LUNA_JOURNAL_SEGMENT_NAME_BYTES];
        struct stat info;
        luna_journal_segment_name(listing->items[i].slot, listing->items[i].number, name);
        if (fstatat(dir_fd, name, &info, 0) == 0)
            bytes += info.st_size;
    }
    return bytes;
}

/* Folds all segments of each slot but the highest number, which may still be written to. */
static enum luna_code fold_listing(int dir_fd, const struct luna_journal_listing *listing,
                                   struct luna_journal_fold *fold, int64_t *ret_segments,
                                   struct luna_error *err)
{
    struct luna_journal_map map;
    struct luna_journal_segment *covered = calloc(listing->count + 1, sizeof *covered);
    if (covered == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the fold");
    luna_journal_map_init(&map);
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < fold->sums.count && code == LUNA_OK; i++)
        if (!luna_journal_map_add(&map, &fold->sums.items[i]))
            code = luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the fold");
    size_t count = 0;
    for (size_t i = 0; code == LUNA_OK && i + 1 < listing->count; i++) {
        if (listing->items[i + 1].slot != listing->items[i].slot)
            continue;
        if (!luna_journal_fold_covers(fold, &listing->items[i]))
            code = luna_journal_segment_add(dir_fd, &listing->items[i], 0, -1, &map, err);
        assert(listing->items[i].number < listing->items[i + 1].number);
        covered[count++] = listing->items[i];
    }
    if (code == LUNA_OK && count > 0) {
        luna_journal_fold_done(fold);
        *fold = (struct luna_journal_fold){.covered = covered, .covered_count = count};
        covered = NULL;
        luna_journal_map_take(&map, &fold->sums);
        forget_old(&fold->sums);
        code = write_fold(dir_fd, fold, err);
    }
    if (code == LUNA_OK && count > 0)
        delete_segments(dir_fd, fold);
    free(covered);
    luna_journal_map_done(&map);
    if (code == LUNA_OK)
        *ret_segments = (int64_t)count;
    return code;
}

static enum luna_code fold_locked(int dir_fd, int64_t *ret_segments, int64_t *ret_bytes_left,
                                  struct luna_error *err)
{
    struct luna_journal_listing listing = {.items = NULL};
    struct luna_journal_fold fold = {.covered = NULL};
    enum luna_code code = luna_journal_listing_read(dir_fd, &listing, err);
    if (code != LUNA_OK)
        return code;
    code = luna_journal_fold_read(dir_fd, &fold, err);
    if (code == LUNA_OK) {
        code = fold_listing(dir_fd, &listing, &fold, ret_segments, err);
        luna_journal_fold_done(&fold);
    }
    if (code == LUNA_OK)
        *ret_bytes_left = bytes_left(dir_fd, &listing);
    luna_journal_listing_done(&listing);
    return code;
}

enum luna_code luna_journal_fold_lock_open(int dir_fd, int *ret_lock_fd, struct luna_error *err)
{
    int fd = openat(dir_fd, "fold.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: fold.lock: %s", strerror(errno));
    *ret_lock_fd = fd;
    return LUNA_OK;
}

enum luna_code luna_journal_fold(const char *dir, struct luna_deadline deadline,
                                 int64_t *ret_segments, int64_t *ret_bytes_left,
                                 struct luna_error *err)
{
    int dir_fd = -1, lock_fd = -1;
    enum luna_code code = luna_journal_dir_open(dir, &dir_fd, err);
    if (code != LUNA_OK)
        return code;
    code = luna_journal_fold_lock_open(dir_fd, &lock_fd, err);
    if (code == LUNA_OK)
        code = luna_journal_lock(lock_fd, LUNA_JOURNAL_LOCK_FOLD, true, deadline, err);
    if (code == LUNA_OK)
        code = fold_locked(dir_fd, ret_segments, ret_bytes_left, err);
    if (lock_fd >= 0)
        close(lock_fd);
    close(dir_fd);
    return code;
}
