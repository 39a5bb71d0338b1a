/*
 * black_box.h: what a worker was doing when it ended, and the consequences.
 *
 * The master logs each end once, with the request that was in progress, counts it, and blames a
 * crash on the body of that request: a body that did it twice is refused from then on (quarantine).
 * SIGKILL from outside, as the kernel's memory killer or a person sends it, is logged but blamed on
 * nobody.
 */
#ifndef FCGI_WORKER_BLACK_BOX_H
#define FCGI_WORKER_BLACK_BOX_H

#include "shared/names.h"
#include "shared/scoreboard.h"

#include <stdbool.h>
#include <sys/types.h>

/* The one list of why the master kills a worker: symbol, words in the log. */
#define KILL_TABLE(X)                                                                              \
    X(KILL_NONE, "not killed by the master")                                                       \
    X(KILL_HARD_LIMIT, "hard limit")                                                               \
    X(KILL_NO_HEARTBEAT, "no heartbeat")                                                           \
    X(KILL_START_LIMIT, "start limit")                                                             \
    X(KILL_DRAIN_LIMIT, "drain limit")                                                             \
    X(KILL_STOP_LIMIT, "stop limit")

enum kill_reason {
#define X(symbol, text) symbol,
    KILL_TABLE(X)
#undef X
};

/* The end of one worker. */
struct worker_end {
    int slot;
    pid_t pid;
    int signal;      /* 0: it exited */
    int exit_status; /* -1: a signal */
    enum kill_reason kill_reason;
    bool quarantine; /* bodies may be blamed */
};

const char *kill_reason_text(enum kill_reason reason);
/* Logs that a worker hangs and is about to be killed, with its request. */
void black_box_log_hang(const struct scoreboard *board, const struct names *names, int slot,
                        pid_t pid, enum kill_reason reason);
/* Logs and counts an end. True: it was planned (drained, recycled). */
bool black_box_record_end(struct scoreboard *board, const struct names *names,
                          const struct worker_end *end);

#endif
