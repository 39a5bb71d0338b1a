#include "journal/journal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct luna_journal {
    int dir_fd, slot_fd, segment_fd;
    int slot;
    int64_t number;
    off_t bytes;
    bool failed; /* the disk refused the last record */
    int64_t last_wseq;
    struct luna_journal_page *page;
    char dir_name[LUNA_JOURNAL_NAME_BYTES];
    char worker_name[32];
};

void luna_journal_close(struct luna_journal *journal)
{
    if (journal == NULL)
        return;
    luna_journal_page_unmap(journal->page);
    const int fds[] = {journal->segment_fd, journal->slot_fd, journal->dir_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(journal);
}

static enum luna_code name_worker(struct luna_journal *journal, struct luna_error *err)
{
    enum luna_code code = luna_journal_dir_name(journal->dir_fd, journal->dir_name, err);
    if (code != LUNA_OK)
        return code;
    int len = snprintf(journal->worker_name, sizeof journal->worker_name, "%s.%d",
                       journal->dir_name, journal->slot);
    /* A name that was cut off would be another worker's, and so would its mark in Redis. */
    assert(len > 0 && (size_t)len < sizeof journal->worker_name);
    (void)len;
    return LUNA_OK;
}

static enum luna_code take_slot(struct luna_journal *journal, const char *dir,
                                struct luna_error *err)
{
    char name[32];
    assert(journal->slot_fd < 0 && journal->slot >= 0 && journal->slot < LUNA_WORKERS_MAX);
    snprintf(name, sizeof name, "slot-%d", journal->slot);
    journal->slot_fd = openat(journal->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->slot_fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: %s/%s: %s", dir, name, strerror(errno));
    enum luna_code code = luna_journal_lock(journal->slot_fd, LUNA_JOURNAL_LOCK_OWNER, true,
                                            luna_deadline_in_ms(200), err);
    if (code == LUNA_ETIMEOUT)
        return luna_error_set(err, LUNA_ECONFLICT,
                              "journal: slot %d of %s belongs to another running process",
                              journal->slot, dir);
    return code;
}

static enum luna_code find_last_number(struct luna_journal *journal, struct luna_error *err)
{
    assert(journal->slot_fd >= 0); /* the slot is ours: nobody else starts a segment */
    int fd = openat(journal->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return luna_error_set(err, LUNA_EIO, "journal: cannot list: %s", strerror(errno));
    }
    journal->number = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        int slot = 0;
        int64_t number = 0;
        if (luna_journal_segment_parse(entry->d_name, &slot, &number) && slot == journal->slot &&
            number > journal->number)
            journal->number = number;
    }
    closedir(stream);
    return LUNA_OK;
}

static enum luna_code open_segment(struct luna_journal *journal, struct luna_error *err)
{
    char name[LUNA_JOURNAL_SEGMENT_NAME_BYTES];
    luna_journal_segment_name(journal->slot, journal->number, name);
    int fd = openat(journal->dir_fd, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct stat info;
    assert(journal->number >= 0 && journal->slot >= 0 && journal->slot < LUNA_WORKERS_MAX);
    if (fd < 0 || fstat(fd, &info) != 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return luna_error_set(err, LUNA_EIO, "journal: %s: %s", name, strerror(saved));
    }
    if (journal->segment_fd >= 0)
        close(journal->segment_fd);
    journal->segment_fd = fd;
    journal->bytes = info.st_size;
    return LUNA_OK;
}

/* A torn record at the end (power loss) would shift every record after it: such a segment is left
 * as it is, and the next one started. */
static enum luna_code continue_segment(struct luna_journal *journal, struct luna_error *err)
{
    const off_t size = (off_t)sizeof(struct luna_journal_record);
    struct luna_journal_record last;
    assert(journal->segment_fd < 0 && journal->last_wseq == 0);
    enum luna_code code = open_segment(journal, err);
    if (code != LUNA_OK || journal->bytes == 0)
        return code;
    bool whole = journal->bytes % size == 0;
    off_t at = journal->bytes - journal->bytes % size - size;
    if (at >= 0 && pread(journal->segment_fd, &last, sizeof last, at) == size &&
        luna_journal_record_is_sound(&last))
        journal->last_wseq = last.wseq;
    if (whole && journal->last_wseq != 0)
        return LUNA_OK;
    journal->number++;
    return open_segment(journal, err);
}

enum luna_code luna_journal_open(const char *dir, int slot, struct luna_journal **ret_journal,
                                 struct luna_error *err)
{
    if (slot < 0 || slot >= LUNA_WORKERS_MAX)
        return luna_error_set(err, LUNA_EINVAL, "a worker slot of %d is outside the range 0 to %d",
                              slot, LUNA_WORKERS_MAX - 1);
    struct luna_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for a journal");
    journal->dir_fd = journal->slot_fd = journal->segment_fd = -1;
    journal->slot = slot;
    enum luna_code code = luna_journal_dir_open(dir, &journal->dir_fd, err);
    if (code == LUNA_OK)
        code = name_worker(journal, err);
    if (code == LUNA_OK)
        code = luna_journal_page_map(journal->dir_fd, &journal->page, err);
    if (code == LUNA_OK)
        code = take_slot(journal, dir, err);
    if (code == LUNA_OK)
        code = find_last_number(journal, err);
    if (code == LUNA_OK)
        code = continue_segment(journal, err);
    if (code != LUNA_OK) {
        luna_journal_close(journal);
        return code;
    }
    assert(journal->segment_fd >= 0 && journal->last_wseq >= 0);
    *ret_journal = journal;
    return LUNA_OK;
}

struct luna_journal_page *luna_journal_page_of(struct luna_journal *journal)
{
    return journal->page;
}

struct luna_journal_slot *luna_journal_slot_of(struct luna_journal *journal)
{
    assert(journal->slot >= 0 && journal->slot < LUNA_WORKERS_MAX);
    return &journal->page->slots[journal->slot];
}

const char *luna_journal_dir_name_of(const struct luna_journal *journal)
{
    return journal->dir_name;
}

const char *luna_journal_worker_name(const struct luna_journal *journal)
{
    return journal->worker_name;
}

int64_t luna_journal_last_wseq(const struct luna_journal *journal)
{
    return journal->last_wseq;
}

/* A part of a record would shift the next: cut off what was written, or continue in a new
 * segment. */
static void cut_off(struct luna_journal *journal, ssize_t written)
{
    assert(written <= (ssize_t)sizeof(struct luna_journal_record)); /* no record before it is cut */
    if (written > 0 && ftruncate(journal->segment_fd, journal->bytes) != 0)
        journal->bytes = LUNA_JOURNAL_SEGMENT_BYTES_MAX;
}

static enum luna_append write_record(struct luna_journal *journal,
                                     const struct luna_journal_record *record,
                                     struct luna_error *err)
{
    assert(record->magic == LUNA_JOURNAL_MAGIC); /* readers skip one that is not sealed */
    ssize_t n = write(journal->segment_fd, record, sizeof *record);
    if (n == (ssize_t)sizeof *record) {
        journal->bytes += n;
        journal->last_wseq = record->wseq;
        return LUNA_APPEND_OK;
    }
    journal->failed = true;
    luna_error_set(err, LUNA_EJOURNAL, "journal: write: %s",
                   n < 0 ? strerror(errno) : "no space for a whole record");
    cut_off(journal, n);
    return LUNA_APPEND_FAILED;
}

/* Continues in the next segment when the present one is full. */
static enum luna_code make_room(struct luna_journal *journal, struct luna_error *err)
{
    struct luna_error why;
    if (journal->bytes < LUNA_JOURNAL_SEGMENT_BYTES_MAX)
        return LUNA_OK;
    assert(journal->slot_fd >= 0); /* the number is the next only as long as the slot is ours */
    journal->number++;
    if (open_segment(journal, &why) == LUNA_OK)
        return LUNA_OK;
    journal->failed = true;
    return luna_error_set(err, LUNA_EJOURNAL, "%s", why.msg);
}

/* Zeros are not a sound record: who reads them before they are cut off again skips them. */
static enum luna_code try_disk(struct luna_journal *journal, struct luna_error *err)
{
    const struct luna_journal_record nothing = {.magic = 0};
    assert(journal->failed); /* no probe between the records of a sound journal */
    if (make_room(journal, err) != LUNA_OK)
        return LUNA_EJOURNAL;
    ssize_t n = write(journal->segment_fd, &nothing, sizeof nothing);
    int saved = errno;
    cut_off(journal, n);
    if (n == (ssize_t)sizeof nothing)
        return LUNA_OK;
    return luna_error_set(err, LUNA_EJOURNAL, "journal: write: %s",
                          n < 0 ? strerror(saved) : "no space for a whole record");
}

enum luna_code luna_journal_check(struct luna_journal *journal, struct luna_error *err)
{
    if (!journal->failed)
        return LUNA_OK;
    enum luna_code code = try_disk(journal, err);
    journal->failed = code != LUNA_OK;
    return code;
}

enum luna_append luna_journal_append(struct luna_journal *journal,
                                     struct luna_journal_record *record, uint64_t seq,
                                     struct luna_deadline deadline, struct luna_error *err)
{
    assert(record->account_id > 0 && record->epoch > 0 && record->period_no >= 0);
    assert(record->cost > 0 && record->cost <= LUNA_JOURNAL_COST_MAX);
    /* The slot's next owner keeps a charge when the last record has its number (I1). */
    assert(record->wseq > journal->last_wseq);
    if (make_room(journal, err) != LUNA_OK)
        return LUNA_APPEND_FAILED;
    /* Readers step through a segment by the size of a record. */
    assert(journal->bytes % (off_t)sizeof *record == 0);
    luna_journal_record_seal(record);
    if (luna_journal_lock(journal->slot_fd, LUNA_JOURNAL_LOCK_APPEND, true, deadline, err) !=
        LUNA_OK)
        return LUNA_APPEND_FAILED;
    enum luna_append result = LUNA_APPEND_SEQ_CHANGED;
    if (atomic_load(luna_journal_page_seq(journal->page, record->account_id)) == seq)
        result = write_record(journal, record, err);
    luna_journal_unlock(journal->slot_fd, LUNA_JOURNAL_LOCK_APPEND);
    return result;
}
