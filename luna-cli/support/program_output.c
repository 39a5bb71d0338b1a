#include "support/program_output.h"

#include "luna/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PART_BYTES = 4096 };

static int start(char *const argv[], int write_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, write_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, write_fd, STDERR_FILENO);
    int fault = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return fault;
}

/* Until the end of the output; false: the time is over. */
static bool read_output(int fd, struct luna_deadline deadline, struct luna_buf *out)
{
    char part[PART_BYTES];
    for (;;) {
        struct pollfd input = {.fd = fd, .events = POLLIN};
        int left_ms = luna_deadline_left_ms(deadline);
        if (left_ms <= 0 || poll(&input, 1, left_ms) == 0)
            return false;
        ssize_t got = read(fd, part, sizeof part);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return true;
        if (!out->overflow) /* else a later part would follow where one is missing */
            luna_buf_append(out, part, (size_t)got);
    }
}

void program_output(char *const argv[], int timeout_ms, struct luna_buf *out,
                    struct luna_buf *notes)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        luna_buf_printf(notes, "%s: %s\n", argv[0], strerror(errno));
        return;
    }
    int fault = start(argv, ends[1], &pid);
    close(ends[1]);
    if (fault != 0) {
        luna_buf_printf(notes, "%s: %s\n", argv[0], strerror(fault));
        close(ends[0]);
        return;
    }
    int status = 0;
    if (!read_output(ends[0], luna_deadline_in_ms(timeout_ms), out)) {
        kill(pid, SIGKILL);
        luna_buf_printf(notes, "%s: killed after %d ms\n", argv[0], timeout_ms);
    }
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        luna_buf_printf(notes, "%s%s%s: exit status %d\n", argv[0], argv[1] ? " " : "",
                        argv[1] ? argv[1] : "", WEXITSTATUS(status));
}
