/*
 * sandbox.h: the limits that a process sets itself once it has opened what it needs.
 *
 * seccomp: only the listed system calls; sockets of four families, or none. Any other call fails,
 * is logged, or kills the process, by the mode. Landlock, where the kernel has it and no filter
 * around the process refuses it: files are read under the listed folders, and written in one
 * folder and beside the log file. Each program lists its own calls; scripts/sandbox-calls shows
 * what it makes. Call it in a process with one thread that has given up its privileges; it cannot
 * be undone.
 */
#ifndef LUNA_SANDBOX_SANDBOX_H
#define LUNA_SANDBOX_SANDBOX_H

#include "luna/base/error.h"

#include <stdbool.h>

enum luna_sandbox_mode {
    LUNA_SANDBOX_OFF,
    LUNA_SANDBOX_LOG, /* seccomp only: other calls are allowed, and in the audit log */
    LUNA_SANDBOX_ERRNO,
    LUNA_SANDBOX_KILL
};
/* The words of LUNA_SANDBOX in this order; ends with NULL. */
extern const char *const luna_sandbox_words[];

struct luna_sandbox {
    const char *const *calls;    /* names of system calls; ends with NULL */
    const char *const *readable; /* folders; ends with NULL; one that does not exist is skipped */
    const char *writable;        /* a folder; NULL: none */
    bool connects;               /* may open sockets, of four families */
    const char *log_file;        /* NULL: none. Its folder is writable, for a rotation */
};

/* Writes no core, and hides the memory from other processes of the same user. */
enum luna_code luna_sandbox_hide_memory(struct luna_error *err) LUNA_MUSTCHECK;

/* Why files will not be limited although `mode` asks for it, for the log; NULL when they will be,
 * or when the kernel has no Landlock. Call it before luna_sandbox_enter, whose own filter refuses
 * Landlock too. */
const char *luna_sandbox_files_unlimited(enum luna_sandbox_mode mode);

/* LUNA_EIO, LUNA_ENOMEM: some limits may be set, others not; the process should end. */
enum luna_code luna_sandbox_enter(const struct luna_sandbox *sandbox, enum luna_sandbox_mode mode,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
