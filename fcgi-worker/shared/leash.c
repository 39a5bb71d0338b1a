#include "shared/leash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum luna_code leash_new(int *ret_child_fd, int *ret_master_fd, struct luna_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return luna_error_set(err, LUNA_EIO, "pipe: %s", strerror(errno));
    *ret_child_fd = ends[0];
    *ret_master_fd = ends[1];
    return LUNA_OK;
}

bool leash_poll(int child_fd)
{
    assert(child_fd >= 0); /* poll() ignores a negative one: the child would outlive its master */
    struct pollfd leash = {.fd = child_fd, .events = POLLIN};
    return poll(&leash, 1, 0) > 0;
}
