/*
 * upgrade.h: replaces the binary of the running master (SIGUSR2).
 *
 * 1. The binary on disk runs its self-test (golden vector, configuration, stores) in a child. When
 *    it fails, nothing has changed.
 * 2. The master executes it: same process id, socket, children and scoreboard (handover.h).
 * 3. The new image reloads: a canary worker, then the others, then the old workers drain. When that
 *    fails it executes the previous binary, whose file it kept open; the old workers have served
 *    all the time.
 */
#ifndef FCGI_WORKER_UPGRADE_H
#define FCGI_WORKER_UPGRADE_H

#include "master/child.h"
#include "master/handover.h"

#include <stdbool.h>
#include <stdint.h>

struct upgrade {
    const struct master_io *io;
    struct scoreboard *board;
    const struct worker_config *config; /* the running one */
    struct child tester;                /* runs the self-test */
    int64_t due_ns;                     /* of the self-test */
    bool timed_out;
    int previous_fd; /* the binary before this one, while this one is on trial; else -1 */
    char path[512];  /* of the binary on disk */
};

void upgrade_init(struct upgrade *upgrade, const struct master_io *io, struct scoreboard *board,
                  const struct worker_config *config);
/* Tells the command that asked for the upgrade that nothing was executed. */
void upgrade_report_failure(const struct upgrade *upgrade, const char *reason);
/* Starts the self-test; it must not be running. */
void upgrade_begin(struct upgrade *upgrade, int64_t timeout_ms);
bool upgrade_is_testing(const struct upgrade *upgrade);
/* Kills a self-test that takes too long. */
void upgrade_step(struct upgrade *upgrade);
/* The self-test has ended. True: the binary passed, execute it. `interrupted`: a reload or a stop
 * started meanwhile, which refuses it. */
bool upgrade_end_test(struct upgrade *upgrade, bool interrupted) LUNA_MUSTCHECK;
/* Executes the binary on disk, on trial, with the handover that the caller filled in down to
 * `target` and with its children. Returns only on failure, with everything as it was. */
void upgrade_execute(struct upgrade *upgrade, struct handover *handover);
/* The trial succeeded: the previous binary is not needed any more. */
void upgrade_confirm(struct upgrade *upgrade);
/* The trial failed: executes the previous binary. Returns only when that is impossible. */
void upgrade_go_back(struct upgrade *upgrade, struct handover *handover);

#endif
