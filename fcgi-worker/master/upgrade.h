/*
 * upgrade.h: another binary in the running master's place, at SIGUSR2.
 *
 * 1. The binary on disk runs its self-test (golden vector, configuration, stores) in a child. If it
 * fails: nothing changed.
 * 2. The master executes it in place: same process id, same socket, same children, same scoreboard
 * (handover.h).
 * 3. The new image reloads: a canary worker, then the others, then the old workers go. If that
 *    fails it executes the old binary again, whose file it kept open, and the old workers have
 *    served all the time.
 */
#ifndef FCGI_WORKER_UPGRADE_H
#define FCGI_WORKER_UPGRADE_H

#include "master/child.h"

#include <stdbool.h>
#include <stdint.h>

struct master;

struct upgrade {
    struct child self_test;
    int64_t due_ns;
    bool timed_out;
    int previous_fd; /* the binary before this one, while this one is on trial; else -1 */
    char path[512];  /* of the binary on disk */
};

void upgrade_init(struct upgrade *upgrade);
void upgrade_begin(struct master *master);
/* The self-test has ended. */
void upgrade_note_self_test(struct master *master);
/* Kills a self-test that takes too long. */
void upgrade_step(struct master *master);
/* The trial is won. */
void upgrade_done(struct master *master);
/* The trial is lost: executes the previous binary. Returns only when that is impossible. */
void upgrade_go_back(struct master *master);

#endif
