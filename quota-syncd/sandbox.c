#include "sandbox.h"

#include "luna/sandbox/calls.h"
#include "luna/sandbox/sandbox.h"

#include <stddef.h>

/* The first four: the page and the name of a journal that is new or was lost (pwrite64: on a file
 * system without fallocate). unlinkat, renameat: segments that are folded. getgroups: which command
 * heals a secret that others can read. On arm64, which has neither mkdir nor rename: mkdirat, and
 * renameat. */
#define RARE_CALLS                                                                                 \
    "ftruncate", "fallocate", "pwrite64", "linkat", "unlinkat", "renameat", "getgroups", "mkdirat"

/* Journals: read, folded, synced. fstatfs: where a secret is that a reload reads again. */
static const char *const calls[] = {LUNA_CALLS_PROCESS,
                                    LUNA_CALLS_LOG,
                                    LUNA_CALLS_CLIENT,
                                    LUNA_CALLS_LISTENER,
                                    RARE_CALLS,
                                    "getdents64",
                                    "mkdir",
                                    "rename",
                                    "fsync",
                                    "fdatasync",
                                    "fstatfs",
                                    NULL};

/* The settings file and the secrets that it names may be anywhere, and are read again on SIGHUP. */
static const char *const readable[] = {"/", NULL};

enum luna_code syncd_sandbox_enter(const struct syncd_config *config, struct luna_error *err)
{
    const struct luna_sandbox sandbox = {.calls = calls,
                                         .readable = readable,
                                         .writable = config->state_dir,
                                         .connects = true,
                                         .log_file = config->log_file};
    enum luna_code code = luna_sandbox_hide_memory(err);
    if (code != LUNA_OK)
        return code;
    return luna_sandbox_enter(&sandbox, (enum luna_sandbox_mode)config->sandbox, err);
}
