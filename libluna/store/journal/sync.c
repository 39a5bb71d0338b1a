#include "journal/file.h"
#include "journal/fold.h"
#include "journal/sums.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static enum luna_code sync_segment(int dir_fd, const struct luna_journal_segment *segment,
                                   struct luna_error *err)
{
    char name[LUNA_JOURNAL_SEGMENT_NAME_BYTES];
    luna_journal_segment_name(segment->slot, segment->number, name);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    /* folded meanwhile, and the fold is on the disk */
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
