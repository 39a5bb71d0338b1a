#include "journal/segment.h"

#include "journal/directory.h"
#include "luna/store/worker_slots.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FNV-1a. It finds records torn by a power loss; it is no protection against forgery. */
static uint32_t check_of(const struct luna_journal_record *record)
{
    const size_t from = offsetof(struct luna_journal_record, account_id);
    const unsigned char *bytes = (const unsigned char *)record;
    uint32_t hash = 2166136261u;
    for (size_t i = from; i < sizeof *record; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

void luna_journal_record_seal(struct luna_journal_record *record)
{
    assert(record->wseq > 0); /* 0 says "no record" */
    record->magic = LUNA_JOURNAL_MAGIC;
    record->check = check_of(record);
}

/* No worker writes other numbers than these: the check alone does not exclude damage. */
bool luna_journal_record_is_sound(const struct luna_journal_record *record)
{
    return record->magic == LUNA_JOURNAL_MAGIC && record->check == check_of(record) &&
           record->account_id > 0 && record->epoch > 0 && record->wseq > 0 &&
           record->period_no >= 0 && record->cost > 0 && record->cost <= LUNA_JOURNAL_COST_MAX;
}

void luna_journal_segment_name(int64_t slot, int64_t number,
                               char ret_name[LUNA_JOURNAL_SEGMENT_NAME_BYTES])
{
    assert(slot >= 0 && slot < LUNA_WORKERS_MAX && number >= 0);
    snprintf(ret_name, LUNA_JOURNAL_SEGMENT_NAME_BYTES, "j-%lld-%lld", (long long)slot,
             (long long)number);
}

bool luna_journal_segment_parse(const char *name, int *ret_slot, int64_t *ret_number)
{
    char *end = NULL;
    if (strncmp(name, "j-", 2) != 0 || name[2] < '0' || name[2] > '9')
        return false;
    long slot = strtol(name + 2, &end, 10);
    if (*end != '-' || end[1] < '0' || end[1] > '9' || slot >= LUNA_WORKERS_MAX)
        return false;
    long long number = strtoll(end + 1, &end, 10);
    if (*end != '\0' || number == LLONG_MAX)
        return false;
    *ret_slot = (int)slot;
    *ret_number = number;
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct luna_journal_segment *a = left, *b = right;
    if (a->slot != b->slot)
        return a->slot < b->slot ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static bool listing_add(struct luna_journal_listing *listing, size_t *room,
                        struct luna_journal_segment segment)
{
    assert(listing->count <= *room);
    assert(segment.slot >= 0 && segment.slot < LUNA_WORKERS_MAX && segment.number >= 0);
    if (listing->count == *room) {
        size_t bigger = *room == 0 ? 64 : *room * 2;
        void *items = realloc(listing->items, bigger * sizeof *listing->items);
        if (items == NULL)
            return false;
        listing->items = items;
        *room = bigger;
    }
    listing->items[listing->count++] = segment;
    return true;
}

enum luna_code luna_journal_listing_read(int dir_fd, struct luna_journal_listing *ret_listing,
                                         struct luna_error *err)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return luna_error_set(err, LUNA_EIO, "journal: cannot list: %s", strerror(errno));
    }
    struct luna_journal_listing listing = {.items = NULL};
    size_t room = 0;
    bool enough = true;
    errno = 0; /* only errno tells the end of a listing from its failure */
    for (struct dirent *entry; enough && (entry = readdir(stream)) != NULL; errno = 0) {
        int slot = 0;
        int64_t number = 0;
        if (luna_journal_segment_parse(entry->d_name, &slot, &number))
            enough = listing_add(&listing, &room,
                                 (struct luna_journal_segment){.slot = slot, .number = number});
    }
    int failed = enough ? errno : ENOMEM;
    closedir(stream);
    if (failed != 0) {
        luna_journal_listing_done(&listing);
        return luna_error_set(err, enough ? LUNA_EIO : LUNA_ENOMEM, "journal: cannot list: %s",
                              strerror(failed));
    }
    if (listing.count > 0)
        qsort(listing.items, listing.count, sizeof *listing.items, compare);
    *ret_listing = listing;
    return LUNA_OK;
}

void luna_journal_listing_done(struct luna_journal_listing *listing)
{
    free(listing->items);
    *listing = (struct luna_journal_listing){.items = NULL};
}

static bool add_record(const struct luna_journal_record *record, int64_t account_id, int64_t epoch,
                       struct luna_journal_map *map)
{
    if (!luna_journal_record_is_sound(record) ||
        (account_id != 0 && record->account_id != account_id) ||
        (epoch >= 0 && record->epoch != epoch))
        return true;
    const struct luna_journal_sum sum = {.account_id = record->account_id,
                                         .epoch = record->epoch,
                                         .period_no = record->period_no,
                                         .units = record->cost};
    return luna_journal_map_add(map, &sum);
}

enum luna_code luna_journal_segment_add(int dir_fd, const struct luna_journal_segment *segment,
                                        int64_t account_id, int64_t epoch,
                                        struct luna_journal_map *map, struct luna_error *err)
{
    enum { BATCH = 512 };
    assert(account_id >= 0 && epoch >= -1);
    struct luna_journal_record records[BATCH];
    char name[LUNA_JOURNAL_SEGMENT_NAME_BYTES];
    luna_journal_segment_name(segment->slot, segment->number, name);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: %s: %s", name, strerror(errno));
    enum luna_code code = LUNA_OK;
    off_t at = 0;
    while (code == LUNA_OK) {
        assert(at % (off_t)sizeof records[0] == 0);
        ssize_t n = pread(fd, records, sizeof records, at);
        if (n < 0)
            code = luna_error_set(err, LUNA_EIO, "journal: %s: %s", name, strerror(errno));
        size_t count = n > 0 ? (size_t)n / sizeof records[0] : 0;
        if (count == 0)
            break;
        for (size_t i = 0; i < count && code == LUNA_OK; i++)
            if (!add_record(&records[i], account_id, epoch, map))
                code = luna_error_set(err, LUNA_ENOMEM, "journal: no memory for the sums");
        at += (off_t)(count * sizeof records[0]);
    }
    close(fd);
    return code;
}

static enum luna_code sync_segment(int dir_fd, const struct luna_journal_segment *segment,
                                   struct luna_error *err)
{
    char name[LUNA_JOURNAL_SEGMENT_NAME_BYTES];
    luna_journal_segment_name(segment->slot, segment->number, name);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    /* Folded meanwhile, and the fold is on the disk. */
    if (fd < 0 && errno == ENOENT)
        return LUNA_OK;
    enum luna_code code = LUNA_OK;
    if (fd < 0 || fdatasync(fd) != 0)
        code = luna_error_set(err, LUNA_EIO, "journal: %s: %s", name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return code;
}

enum luna_code luna_journal_sync(const char *dir, struct luna_error *err)
{
    int dir_fd = -1;
    struct luna_journal_listing listing = {.items = NULL};
    enum luna_code code = luna_journal_dir_open(dir, &dir_fd, err);
    if (code != LUNA_OK)
        return code;
    code = luna_journal_listing_read(dir_fd, &listing, err);
    for (size_t i = 0; i < listing.count && code == LUNA_OK; i++)
        code = sync_segment(dir_fd, &listing.items[i], err);
    if (code == LUNA_OK && fsync(dir_fd) != 0)
        code = luna_error_set(err, LUNA_EIO, "journal: %s: %s", dir, strerror(errno));
    luna_journal_listing_done(&listing);
    close(dir_fd);
    return code;
}
