/* What the daemon seldom does: in its sandbox, with any other call deadly. */
#include "sandbox.h"

#include "journal/fold.h"
#include "luna/sandbox/sandbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/luna-syncd-XXXXXX";

static void make_segment(const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool exists(const char *name)
{
    char path[64];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &info) == 0;
}

static int fold_in_sandbox(void)
{
    struct syncd_config config = {.state_dir = folder, .sandbox = LUNA_SANDBOX_KILL};
    struct luna_error err;
    int64_t segments = 0, bytes_left = 0;
    if (syncd_sandbox_enter(&config, &err) != LUNA_OK)
        return 2;
    enum luna_code code =
        luna_journal_fold(folder, luna_deadline_in_ms(10000), &segments, &bytes_left, &err);
    return code == LUNA_OK && segments == 1 ? 0 : 1;
}

static void folding_journals_ends_the_daemon(void **state)
{
    int status = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    make_segment("j-0-1");
    make_segment("j-0-2");
    pid_t pid = fork();
    if (pid == 0)
        _exit(fold_in_sandbox());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(exists("fold") && exists("j-0-2") && !exists("j-0-1"));
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"fold", "fold.copy", "fold.lock", "j-0-2"};
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(folding_journals_ends_the_daemon)};
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
