#include "log_pipes.h"

#include <fcntl.h>
#include <sys/stat.h>

/* What a process may ask for without privileges: some thousand lines. */
enum { PIPE_BYTES = 1024 * 1024 };

/* The description is this nginx's own where it opened /dev/stdout. Standard error is shared only
 * with who started it. */
static void pipe_never_waits(ngx_fd_t fd)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISFIFO(found.st_mode))
        return;
    int flags = fcntl(fd, F_GETFL);
    if (flags != -1)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

void log_pipes_never_wait(ngx_cycle_t *cycle)
{
    for (ngx_list_part_t *part = &cycle->open_files.part; part != NULL; part = part->next) {
        const ngx_open_file_t *files = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++)
            pipe_never_waits(files[i].fd);
    }
}
