#include "master/child.h"

#include <assert.h>

enum luna_code child_adopt(struct child *child, const struct master_io *io, int id, pid_t pid,
                           int leash_fd, struct luna_error *err)
{
    int pid_fd = -1;
    assert(child->pid == 0 && pid > 0);
    enum luna_code code = io->open_pid(pid, &pid_fd, err);
    if (code == LUNA_OK)
        code = io->watch(pid_fd, id, err);
    if (code == LUNA_OK)
        *child = (struct child){.pid = pid, .pid_fd = pid_fd, .leash_fd = leash_fd};
    else if (pid_fd >= 0)
        io->close(pid_fd);
    return code;
}

enum luna_code child_start(struct child *child, const struct master_io *io, int id, child_main *run,
                           void *context, struct luna_error *err)
{
    pid_t pid = 0;
    int leash_fd = -1;
    assert(child->pid == 0); /* one that is forgotten could be neither killed nor reaped */
    enum luna_code code = io->spawn(run, context, &pid, &leash_fd, err);
    if (code != LUNA_OK)
        return code;
    code = child_adopt(child, io, id, pid, leash_fd, err);
    if (code != LUNA_OK) {
        io->kill_unwatched(pid);
        io->close(leash_fd);
    }
    return code;
}

void child_release(struct child *child, const struct master_io *io)
{
    if (child->leash_fd >= 0)
        io->close(child->leash_fd);
    child->leash_fd = -1;
}

void child_kill(const struct child *child, const struct master_io *io)
{
    assert((child->pid != 0) == (child->pid_fd >= 0));
    if (child->pid != 0)
        io->kill(child->pid_fd);
}

struct child_end child_reap(struct child *child, const struct master_io *io)
{
    assert(child->pid != 0);
    struct child_end end = io->reap(child->pid_fd);
    child_release(child, io);
    io->unwatch(child->pid_fd);
    io->close(child->pid_fd);
    *child = CHILD_NONE;
    return end;
}

void child_abandon(struct child *child, const struct master_io *io)
{
    child_release(child, io);
    if (child->pid_fd >= 0)
        io->close(child->pid_fd);
}
