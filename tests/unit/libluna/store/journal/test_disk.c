/* Disks that are full, damaged or somebody else's. */
#include "journal/directory.h"
#include "journal/fold.h"
#include "journal/journal.h"
#include "journal/sums.h"
#include "stores_process.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534, CHILD_PASSED = 0, CHILD_FAILED = 1, CHILD_CANNOT = 77 };

static char dir[64];

static int start(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/luna-disk-XXXXXX");
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

/* What a child process made of it: an exit status, or -signal. */
static int in_child(int (*run)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(run());
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void assert_passed(int status)
{
    if (status == CHILD_CANNOT) {
        print_message("skipped: this needs root\n");
        skip();
    }
    assert_int_equal(status, CHILD_PASSED);
}

static int use_page_on_full_disk(void)
{
    struct luna_journal_page *page = NULL;
    struct luna_error err;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=32k") != 0)
        return CHILD_CANNOT;
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    if (luna_journal_page_map(dir_fd, &page, &err) != LUNA_OK)
        return strstr(err.msg, "No space left") != NULL ? CHILD_PASSED : CHILD_FAILED;
    memset(page, 1, sizeof *page);
    return CHILD_FAILED;
}

static void test_full_disk_is_an_error_at_the_start_and_no_sigbus(void **state)
{
    (void)state;
    assert_passed(in_child(use_page_on_full_disk));
}

static enum luna_append append(struct luna_journal *journal, int64_t wseq, struct luna_error *err)
{
    struct luna_journal_record record = {
        .account_id = 1, .epoch = 1, .cost = 1, .wseq = wseq, .period_no = 0};
    return luna_journal_append(journal, &record, 0, luna_deadline_in_ms(WAIT_MS), err);
}

static int64_t sum_of_all(struct luna_error *err)
{
    struct luna_journal_sums sums = {.items = NULL};
    int64_t units = 0;
    if (luna_journal_sums_read(dir, 0, -1, luna_deadline_in_ms(WAIT_MS), &sums, err) != LUNA_OK)
        return -1;
    for (size_t i = 0; i < sums.count; i++)
        units += sums.items[i].units;
    luna_journal_sums_done(&sums);
    return units;
}

/* The program ignores SIGXFSZ, as the pool and quota-syncd do. */
static int append_up_to_the_size_limit(void)
{
    struct luna_journal *journal = NULL;
    struct luna_error err;
    const struct rlimit limit = {.rlim_cur = sizeof(struct luna_journal_page),
                                 .rlim_max = RLIM_INFINITY};
    const int64_t fits = (int64_t)(sizeof(struct luna_journal_page) / 64);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (luna_journal_open(dir, 0, &journal, &err) != LUNA_OK ||
        setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return CHILD_CANNOT;
    for (int64_t i = 0; i < fits; i++)
        if (append(journal, i + 1, &err) != LUNA_APPEND_OK)
            return CHILD_FAILED;
    if (append(journal, fits + 1, &err) != LUNA_APPEND_FAILED)
        return CHILD_FAILED;
    return strstr(err.msg, "File too large") != NULL ||
                   strstr(err.msg, "no space for a whole record") != NULL
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static void test_file_size_limit_is_an_error_of_the_append(void **state)
{
    (void)state;
    assert_passed(in_child(append_up_to_the_size_limit));
}

/* The disk has room for half of a record; then it has more. */
static int append_after_half_a_record(void)
{
    struct luna_journal *journal = NULL;
    struct luna_error err;
    enum { FITS = 100 };
    struct rlimit limit = {.rlim_cur = FITS * 64 + 32, .rlim_max = RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (luna_journal_open(dir, 0, &journal, &err) != LUNA_OK ||
        setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return CHILD_CANNOT;
    int64_t before = sum_of_all(&err), wseq = luna_journal_last_wseq(journal);
    for (int64_t i = 1; i <= FITS; i++)
        if (append(journal, wseq + i, &err) != LUNA_APPEND_OK)
            return CHILD_FAILED;
    if (append(journal, wseq + FITS + 1, &err) != LUNA_APPEND_FAILED)
        return CHILD_FAILED;
    if (err.code != LUNA_EJOURNAL || luna_journal_check(journal, &err) != LUNA_EJOURNAL)
        return CHILD_FAILED; /* the next charge is made for nothing */
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return CHILD_CANNOT;
    if (luna_journal_check(journal, &err) != LUNA_OK)
        return CHILD_FAILED;
    if (append(journal, wseq + FITS + 2, &err) != LUNA_APPEND_OK)
        return CHILD_FAILED;
    return sum_of_all(&err) == before + FITS + 1 ? CHILD_PASSED : CHILD_FAILED;
}

static void test_the_half_of_a_record_shifts_the_next(void **state)
{
    (void)state;
    assert_passed(in_child(append_after_half_a_record));
}

static enum luna_code open_dir(struct luna_error *err)
{
    int fd = -1;
    enum luna_code code = luna_journal_dir_open(dir, &fd, err);
    if (fd >= 0)
        close(fd);
    return code;
}

static void test_folder_that_others_may_write_is_refused(void **state)
{
    static const mode_t open_to_others[] = {0777, 0707, 01777};
    struct luna_error err;
    (void)state;
    for (size_t i = 0; i < sizeof open_to_others / sizeof open_to_others[0]; i++) {
        assert_int_equal(chmod(dir, open_to_others[i]), 0);
        assert_int_equal(open_dir(&err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, "chmod go-w"));
    }
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(open_dir(&err), LUNA_OK);
    assert_int_equal(chmod(dir, 02770), 0); /* our own group: a volume of Kubernetes's */
    assert_int_equal(open_dir(&err), LUNA_OK);
    if (geteuid() == 0) {
        assert_int_equal(chown(dir, 0, NOBODY), 0);
        assert_int_equal(chmod(dir, 0770), 0);
        assert_int_equal(open_dir(&err), LUNA_ECONFIG);
    }
}

static int open_as_nobody(void)
{
    struct luna_error err;
    if (geteuid() != 0 || chown(dir, 12345, NOBODY) != 0 || setgid(NOBODY) != 0 ||
        setuid(NOBODY) != 0)
        return CHILD_CANNOT;
    return open_dir(&err) == LUNA_ECONFIG && strstr(err.msg, "belongs to user 12345") != NULL
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static void test_folder_of_another_user_is_refused(void **state)
{
    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    assert_passed(in_child(open_as_nobody));
}

/* A folded segment, and `after` records in the next. Returns the number of records. */
static int64_t write_and_fold(int64_t after)
{
    const int64_t count = LUNA_JOURNAL_SEGMENT_BYTES_MAX / 64 + after;
    struct luna_journal *journal = NULL;
    struct luna_error err;
    int64_t segments = 0, bytes = 0;
    assert_int_equal(luna_journal_open(dir, 0, &journal, &err), LUNA_OK);
    int64_t from = luna_journal_last_wseq(journal);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(append(journal, from + i + 1, &err), LUNA_APPEND_OK);
    luna_journal_close(journal);
    assert_int_equal(luna_journal_fold(dir, luna_deadline_in_ms(WAIT_MS), &segments, &bytes, &err),
                     LUNA_OK);
    assert_int_equal(segments, 1);
    return count;
}

static void test_damaged_fold_is_read_from_its_copy_and_written_again(void **state)
{
    static const char *const damages[] = {"printf x >> fold", "rm fold", ": > fold",
                                          "printf x >> fold.copy", "rm fold.copy"};
    struct luna_error err;
    int64_t count = write_and_fold(1);
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        stores_shell(dir, damages[i]);
        assert_int_equal(sum_of_all(&err), count);
        count += write_and_fold(0);
        assert_int_equal(sum_of_all(&err), count);
        stores_shell(dir, "cmp fold fold.copy");
    }
}

static void test_message_about_two_damaged_folds_has_the_command_that_heals(void **state)
{
    struct luna_error err;
    struct luna_journal *journal = NULL;
    char line[256], before[LUNA_JOURNAL_NAME_BYTES];
    (void)state;
    write_and_fold(5);
    assert_int_equal(luna_journal_open(dir, 1, &journal, &err), LUNA_OK);
    snprintf(before, sizeof before, "%s", luna_journal_dir_name_of(journal));
    luna_journal_close(journal);
    stores_shell(dir, "printf x >> fold; : > fold.copy");
    assert_int_equal(sum_of_all(&err), -1);
    assert_int_equal(err.code, LUNA_EPROTOCOL);
    assert_non_null(strstr(err.msg, LUNA_JOURNAL_FOLD_REMEDY));
    snprintf(line, sizeof line, "LUNA_STATE_DIR=%s; %s", dir, LUNA_JOURNAL_FOLD_REMEDY);
    stores_shell("/", line);
    assert_int_equal(sum_of_all(&err), 5); /* of the segment that was not folded */
    assert_int_equal(luna_journal_open(dir, 1, &journal, &err), LUNA_OK);
    assert_string_not_equal(luna_journal_dir_name_of(journal), before);
    luna_journal_close(journal);
}

static int read_the_name(void)
{
    char name[LUNA_JOURNAL_NAME_BYTES];
    struct luna_error err;
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    alarm(WAIT_MS / 1000); /* a FIFO without a writer is opened only when one comes */
    return luna_journal_dir_name(dir_fd, name, &err) == LUNA_EPROTOCOL ? CHILD_PASSED
                                                                       : CHILD_FAILED;
}

static void test_fifo_instead_of_the_name_is_waited_for(void **state)
{
    (void)state;
    stores_shell(dir, "mkfifo name");
    assert_passed(in_child(read_the_name));
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_full_disk_is_an_error_at_the_start_and_no_sigbus),
        UNIT(test_file_size_limit_is_an_error_of_the_append),
        UNIT(test_the_half_of_a_record_shifts_the_next),
        UNIT(test_folder_that_others_may_write_is_refused),
        UNIT(test_fifo_instead_of_the_name_is_waited_for),
        UNIT(test_folder_of_another_user_is_refused),
        UNIT(test_damaged_fold_is_read_from_its_copy_and_written_again),
        UNIT(test_message_about_two_damaged_folds_has_the_command_that_heals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
