/*
 * reload.h: a daemon tells the caller of a reload, or of an upgrade, how it ended.
 *
 * A signal has no answer. So the daemon writes the outcome of what a signal started into a small
 * file in its state directory, luna_reload_report(), and `PROGRAM --reload PID` sends the signal
 * and waits for that outcome, luna_reload_request(). The file is named after the part of the
 * service, such as "worker-0"; it is replaced as a whole, and a later request removes it.
 */
#ifndef LUNA_BASE_RELOAD_H
#define LUNA_BASE_RELOAD_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LUNA_RELOAD_NOTE_BYTES = 512 };

struct luna_reload_outcome {
    int signal;       /* what asked for it */
    int64_t began_ns; /* CLOCK_MONOTONIC, before the settings were read */
    bool done;        /* false: nothing changed */
    const char *note; /* why it failed, or what a restart is needed for; "": nothing to say */
};

/* In the daemon. `name` is that of the part. LUNA_EIO: the file cannot be written; the caller of
 * the reload then waits until its timeout. */
enum luna_code luna_reload_report(const char *dir, const char *name,
                                  const struct luna_reload_outcome *outcome,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* In `PROGRAM --reload PID`: sends `signal` and waits for the outcome. An outcome of a reload that
 * began before the signal does not count. LUNA_OK: *ret_note (LUNA_RELOAD_NOTE_BYTES) is what the
 * daemon said to it. LUNA_ECONFLICT: it failed, and nothing changed; LUNA_ENOTFOUND: there is no
 * such process, or it ended; LUNA_ETIMEOUT; LUNA_EIO: it may not be signalled. */
enum luna_code luna_reload_request(const char *dir, const char *name, pid_t pid, int signal,
                                   int timeout_ms, char *ret_note,
                                   struct luna_error *err) LUNA_MUSTCHECK;

#endif
