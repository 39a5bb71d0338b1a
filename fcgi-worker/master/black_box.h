/*
 * black_box.h: what a worker was doing when it ended, and what follows from that.
 *
 * The master logs each end once, with the request that was in hand, counts it, and lays a crash at
 * the door of the body that was being worked on: one that did it twice is refused from then on
 * (quarantine). SIGKILL from outside, as the kernel's memory killer or a person sends it, is named
 * but blamed on nobody.
 */
#ifndef FCGI_WORKER_BLACK_BOX_H
#define FCGI_WORKER_BLACK_BOX_H

#include "shared/scoreboard.h"

#include <stdbool.h>
#include <sys/types.h>

struct burial {
    int slot;
    pid_t pid;
    int signal; /* 0: it exited */
    int exit_status;
    const char *kill_reason; /* NULL: not killed by the master */
    bool quarantine;
};

/* Says that a worker hangs and is about to be killed, with its request. */
void black_box_hang(const struct scoreboard *board, int slot, pid_t pid, const char *reason);
/* Logs and counts an end. True: it was planned (drained, recycled). */
bool black_box_burial(struct scoreboard *board, const struct burial *burial);

#endif
