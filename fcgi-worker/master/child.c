#include "master/child.h"

#include "shared/leash.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum luna_code child_adopt(struct child *child, int epoll_fd, uint64_t tag, pid_t pid, int leash_fd,
                           struct luna_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pid_fd, &event) != 0)
        return luna_error_set(err, LUNA_EIO, "cannot watch process %ld: %s", (long)pid,
                              strerror(errno));
    *child = (struct child){.pid = pid, .pid_fd = pid_fd, .leash_fd = leash_fd};
    return LUNA_OK;
}

enum luna_code child_fork(struct child *child, int epoll_fd, uint64_t tag, pid_t *ret_pid,
                          int *ret_leash_fd, struct luna_error *err)
{
    int inner = -1;
    int outer = -1;
    enum luna_code code = leash_new(&inner, &outer, err);
    if (code != LUNA_OK)
        return code;
    pid_t pid = fork();
    if (pid == 0) {
        close(outer);
        *ret_leash_fd = inner;
        *ret_pid = 0;
        return LUNA_OK;
    }
    close(inner);
    code = pid < 0 ? luna_error_set(err, LUNA_EIO, "fork: %s", strerror(errno))
                   : child_adopt(child, epoll_fd, tag, pid, outer, err);
    if (code != LUNA_OK)
        close(outer);
    else
        *ret_pid = pid;
    return code;
}

void child_let_go(struct child *child)
{
    if (child->pid != 0 && child->leash_fd >= 0) {
        close(child->leash_fd);
        child->leash_fd = -1;
    }
}

void child_kill(struct child *child)
{
    /* fails only when it is gone */
    if (child->pid != 0)
        (void)syscall(SYS_pidfd_send_signal, child->pid_fd, SIGKILL, NULL, 0);
}

int child_bury(struct child *child, int epoll_fd)
{
    siginfo_t info = {0};
    /* readable: it is a zombie */
    (void)waitid(P_PIDFD, (id_t)child->pid_fd, &info, WEXITED | WNOHANG);
    child_let_go(child);
    /* By name: closing is not enough while a child forked meanwhile still has its copy. */
    (void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, child->pid_fd, NULL);
    close(child->pid_fd);
    *child = (struct child){.pid_fd = -1, .leash_fd = -1};
    return info.si_code == CLD_EXITED ? info.si_status : -1;
}

void child_abandon(struct child *child)
{
    child_let_go(child);
    if (child->pid_fd >= 0)
        close(child->pid_fd);
}
