#include "journal/fold.h"
#include "journal/journal.h"
#include "journal/sums.h"
#include "stores_process.h"
#include "wait.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int start(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/luna-journal-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : 1;
}

static int stop(void **state)
{
    char line[96];
    (void)state;
    snprintf(line, sizeof line, "rm -rf %s", dir);
    stores_shell("/", line);
    return 0;
}

static struct luna_journal *open_slot(int slot)
{
    struct luna_journal *journal = NULL;
    struct luna_error err;
    if (luna_journal_open(dir, slot, &journal, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    return journal;
}

static enum luna_append append(struct luna_journal *journal, int64_t account, int64_t epoch,
                               int64_t cost, int64_t wseq)
{
    struct luna_journal_record record = {
        .account_id = account, .epoch = epoch, .cost = cost, .wseq = wseq, .period_no = 1};
    struct luna_error err;
    uint64_t seq = atomic_load(luna_journal_page_seq(luna_journal_page_of(journal), account));
    return luna_journal_append(journal, &record, seq, luna_deadline_in_ms(WAIT_MS), &err);
}

static int64_t sum_of(int64_t account, int64_t epoch)
{
    struct luna_journal_sums sums = {.items = NULL};
    struct luna_error err;
    int64_t units = 0;
    if (luna_journal_sums_read(dir, account, epoch, luna_deadline_in_ms(WAIT_MS), &sums, &err) !=
        LUNA_OK)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < sums.count; i++)
        units += sums.items[i].units;
    luna_journal_sums_done(&sums);
    return units;
}

static void test_sums_are_those_of_all_slots(void **state)
{
    struct luna_journal *a = open_slot(0), *b = open_slot(7);
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(append(a, 42, 3, 2, 2 * i + 1), LUNA_APPEND_OK);
        assert_int_equal(append(b, 42, 3, 5, 2 * i + 1), LUNA_APPEND_OK);
        assert_int_equal(append(b, 42, 2, 100, 2 * i + 2), LUNA_APPEND_OK);
        assert_int_equal(append(a, 41, 3, 1000, 2 * i + 2), LUNA_APPEND_OK);
    }
    assert_int_equal(sum_of(42, 3), 70);
    assert_int_equal(sum_of(42, -1), 1070);
    assert_int_equal(luna_journal_last_wseq(b), 20);
    luna_journal_close(a);
    luna_journal_close(b);
    a = open_slot(7);
    assert_int_equal(luna_journal_last_wseq(a), 20);
    luna_journal_close(a);
}

static void test_a_record_is_not_written_once_a_recovery_began(void **state)
{
    struct luna_journal *journal = open_slot(0);
    struct luna_journal_record record = {.account_id = 5, .epoch = 1, .cost = 1, .wseq = 1};
    struct luna_error err;
    _Atomic uint64_t *counter = luna_journal_page_seq(luna_journal_page_of(journal), 5);
    uint64_t seq = atomic_load(counter);
    (void)state;
    atomic_fetch_add(counter, 1);
    assert_int_equal(luna_journal_append(journal, &record, seq, luna_deadline_in_ms(WAIT_MS), &err),
                     LUNA_APPEND_SEQ_CHANGED);
    assert_int_equal(sum_of(5, -1), 0);
    luna_journal_close(journal);
}

static void test_a_reader_waits_for_an_append_and_not_for_ever(void **state)
{
    struct luna_journal *journal = open_slot(0);
    struct luna_journal_sums sums;
    struct luna_error err;
    char path[96];
    (void)state;
    snprintf(path, sizeof path, "%s/slot-0", dir);
    int fd = open(path, O_RDWR);
    assert_int_equal(
        luna_journal_lock(fd, LUNA_JOURNAL_LOCK_APPEND, true, luna_deadline_in_ms(WAIT_MS), &err),
        LUNA_OK);
    assert_int_equal(luna_journal_sums_read(dir, 1, -1, luna_deadline_in_ms(100), &sums, &err),
                     LUNA_ETIMEOUT);
    close(fd);
    assert_int_equal(luna_journal_sums_read(dir, 1, -1, luna_deadline_in_ms(WAIT_MS), &sums, &err),
                     LUNA_OK);
    luna_journal_sums_done(&sums);
    luna_journal_close(journal);
}

static void test_a_slot_that_cannot_be_looked_at_is_not_taken_for_one_that_never_was(void **state)
{
    (void)state;
    char name[96];
    struct luna_journal_sums sums = {.items = NULL};
    struct luna_error err;
    luna_journal_close(open_slot(0));
    snprintf(name, sizeof name, "%s/slot-7", dir);
    /* opening it for writing fails, as it would without descriptors */
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(luna_journal_sums_read(dir, 1, -1, luna_deadline_in_ms(WAIT_MS), &sums, &err),
                     LUNA_EIO);
    assert_non_null(strstr(err.msg, "slot-7"));
}

static void tear(const char *name, const char *bytes, size_t len)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void test_a_torn_record_harms_no_other(void **state)
{
    struct luna_journal *journal = open_slot(0);
    (void)state;
    assert_int_equal(append(journal, 9, 1, 1, 1), LUNA_APPEND_OK);
    luna_journal_close(journal);
    tear("j-0-0", "torn by a power loss", 20);
    journal = open_slot(0);
    assert_int_equal(luna_journal_last_wseq(journal), 1);
    assert_int_equal(append(journal, 9, 1, 1, 2), LUNA_APPEND_OK);
    luna_journal_close(journal);
    assert_int_equal(sum_of(9, 1), 2);
    char zeros[64] = {0};
    tear("j-0-1", zeros, sizeof zeros); /* a block that was never written */
    assert_int_equal(sum_of(9, 1), 2);
}

static int64_t fold(void)
{
    struct luna_error err;
    int64_t segments = 0, bytes = 0;
    if (luna_journal_fold(dir, luna_deadline_in_ms(WAIT_MS), &segments, &bytes, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    return segments;
}

static int synced;

int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    synced++;
    return __real_fdatasync(fd);
}

static void test_what_was_written_is_brought_to_the_disk(void **state)
{
    struct luna_journal *a = open_slot(0), *b = open_slot(1);
    struct luna_error err;
    (void)state;
    assert_int_equal(append(a, 1, 1, 1, 1), LUNA_APPEND_OK);
    assert_int_equal(append(b, 1, 1, 1, 1), LUNA_APPEND_OK);
    synced = 0;
    assert_int_equal(luna_journal_sync(dir, &err), LUNA_OK);
    assert_int_equal(synced, 2);
    luna_journal_close(a);
    luna_journal_close(b);
}

static void test_folding_changes_no_sum(void **state)
{
    struct luna_journal *journal = open_slot(0);
    const int64_t count = 3 * LUNA_JOURNAL_SEGMENT_BYTES_MAX / 64 / 2; /* one segment and a half */
    char path[96];
    struct stat info;
    (void)state;
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(append(journal, 1 + i % 3, 4, 1, i + 1), LUNA_APPEND_OK);
    assert_int_equal(sum_of(1, 4), (count + 2) / 3);
    assert_int_equal(fold(), 1);
    assert_int_equal(sum_of(1, 4), (count + 2) / 3);
    assert_int_equal(sum_of(0, -1), count);
    snprintf(path, sizeof path, "%s/j-0-0", dir);
    assert_int_not_equal(stat(path, &info), 0);
    assert_int_equal(fold(), 0);
    assert_int_equal(append(journal, 1, 4, 1, count + 1), LUNA_APPEND_OK);
    assert_int_equal(sum_of(1, 4), (count + 2) / 3 + 1);
    luna_journal_close(journal);
}

/* Killed between writing the fold and deleting what it covers. */
static void test_a_fold_that_was_interrupted_counts_nothing_twice(void **state)
{
    struct luna_journal *journal = open_slot(0);
    const int64_t count = LUNA_JOURNAL_SEGMENT_BYTES_MAX / 64 + 1;
    (void)state;
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(append(journal, 1, 4, 1, i + 1), LUNA_APPEND_OK);
    stores_shell(dir, "cp j-0-0 kept");
    assert_int_equal(fold(), 1);
    stores_shell(dir, "mv kept j-0-0");
    assert_int_equal(sum_of(1, 4), count);
    fold();
    assert_int_equal(sum_of(1, 4), count);
    luna_journal_close(journal);
}

static void test_a_damaged_fold_is_said_and_not_skipped(void **state)
{
    struct luna_journal *journal = open_slot(0);
    struct luna_journal_sums sums;
    struct luna_error err;
    (void)state;
    for (int64_t i = 0; i <= LUNA_JOURNAL_SEGMENT_BYTES_MAX / 64; i++)
        assert_int_equal(append(journal, 1, 4, 1, i + 1), LUNA_APPEND_OK);
    fold();
    tear("fold", "x", 1);
    tear("fold.copy", "x", 1);
    assert_int_equal(luna_journal_sums_read(dir, 1, -1, luna_deadline_in_ms(100), &sums, &err),
                     LUNA_EPROTOCOL);
    luna_journal_close(journal);
}

static void test_a_fold_keeps_the_newest_epoch_only(void **state)
{
    struct luna_journal *journal = open_slot(0);
    (void)state;
    assert_int_equal(append(journal, 1, 3, 7, 1), LUNA_APPEND_OK);
    for (int64_t i = 0; i <= LUNA_JOURNAL_SEGMENT_BYTES_MAX / 64; i++)
        assert_int_equal(append(journal, 1, 4, 1, i + 2), LUNA_APPEND_OK);
    fold();
    assert_int_equal(sum_of(1, 3), 0);
    assert_int_equal(sum_of(1, 4), LUNA_JOURNAL_SEGMENT_BYTES_MAX / 64 + 1);
    luna_journal_close(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sums_are_those_of_all_slots, start, stop),
        cmocka_unit_test_setup_teardown(test_a_record_is_not_written_once_a_recovery_began, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_a_reader_waits_for_an_append_and_not_for_ever, start,
                                        stop),
        cmocka_unit_test_setup_teardown(
            test_a_slot_that_cannot_be_looked_at_is_not_taken_for_one_that_never_was, start, stop),
        cmocka_unit_test_setup_teardown(test_a_torn_record_harms_no_other, start, stop),
        cmocka_unit_test_setup_teardown(test_what_was_written_is_brought_to_the_disk, start, stop),
        cmocka_unit_test_setup_teardown(test_folding_changes_no_sum, start, stop),
        cmocka_unit_test_setup_teardown(test_a_fold_that_was_interrupted_counts_nothing_twice,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_a_damaged_fold_is_said_and_not_skipped, start, stop),
        cmocka_unit_test_setup_teardown(test_a_fold_keeps_the_newest_epoch_only, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
