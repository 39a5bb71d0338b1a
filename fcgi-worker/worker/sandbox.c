#include "worker/sandbox.h"

#include "luna/sandbox/calls.h"
#include "luna/sandbox/sandbox.h"

#include <stddef.h>

/* ftruncate: takes back the part of a record that did not fit on the disk. The others: arm64, which
 * has neither epoll_wait nor mkdir. */
#define RARE_CALLS "ftruncate", "epoll_pwait", "mkdirat"

/* Connections of the web server, and the charge journal: its records, its segments, its locks.
 * sched_yield: by fair_share.c. */
static const char *const calls[] = {
    LUNA_CALLS_PROCESS, LUNA_CALLS_LOG, LUNA_CALLS_CLIENT, RARE_CALLS,    "accept4",
    "epoll_wait",       "getdents64",   "mkdir",           "sched_yield", NULL};

/* For name lookup, libraries that are loaded late, and certificates. */
static const char *const readable[] = {"/etc", "/usr/lib", "/lib",       "/lib64", "/usr/share",
                                       "/run", "/dev",     "/proc/self", NULL};

enum luna_code sandbox_enter(const struct worker_config *config, struct luna_error *err)
{
    const struct luna_sandbox sandbox = {.calls = calls,
                                         .readable = readable,
                                         .writable = config->state_dir,
                                         .connects = true,
                                         .log_file = config->log_file};
    return luna_sandbox_enter(&sandbox, (enum luna_sandbox_mode)config->sandbox, err);
}
