/*
 * fake_io.h: an operating system for the master, held by a test.
 *
 * The clock stands still until the test moves it. Processes are rows of a table: they never run,
 * and end when the test says so, or when they are killed and the test lets the end be seen.
 * Descriptors are numbers; each close is checked to be the only one. What the master asked for is
 * in `fake` for the test to read, and what is to fail is set there.
 */
#ifndef TEST_FAKE_IO_H
#define TEST_FAKE_IO_H

#include "master/master_io.h"

enum { FAKE_PROCESSES_MAX = 4096, FAKE_FDS_MAX = 16384, FAKE_FIRST_FD = 1000 };

struct fake_process {
    pid_t pid;
    int pid_fd, leash_fd;
    int id;    /* as it is watched; -1: not watched */
    int kills; /* how often it was sent SIGKILL */
    bool ended, reaped;
    struct child_end end;
    child_main *run;
};

struct fake {
    int64_t now_ns;
    struct fake_process processes[FAKE_PROCESSES_MAX];
    int process_count;
    int next_fd;
    bool open[FAKE_FDS_MAX], inherited[FAKE_FDS_MAX];

    /* what fails */
    bool spawn_fails, open_pid_fails, open_binary_fails;
    bool ignores_release; /* processes do not end by themselves when their leash is closed */

    /* what was asked for */
    int reported_done, reported_failed; /* outcomes */
    int reported_signal;
    char reported_note[256];
    int notified_ready, notified_stopping, notified_watchdog;
    int execs;
    char exec_path[128], exec_value[32768];
    int exec_binary_fd;
    int exec_inherited; /* descriptors that the new image would have found open */
    int abandons;

    int64_t watchdog_ns;
    struct listener_backlog backlog;
    int cores;
    const char *workers;       /* LUNA_WORKERS, for a reload; NULL: 2 */
    const char *live_stall_ms; /* the same for LUNA_LIVE_STALL_MS; NULL: its default */
    const char *state_dir;     /* LUNA_STATE_DIR, for a reload; NULL: the one at the start */
    bool runs_children;        /* a child's function runs within the spawn */
};

extern struct fake fake;
extern const struct master_io fake_io;

void fake_reset(void);
/* A new descriptor, open. */
int fake_fd(void);
/* The process that is watched as `id` and was not reaped; NULL when there is none. */
struct fake_process *fake_process(int id);
/* Processes that were not reaped. */
int fake_alive(void);
/* Descriptors that are open. */
int fake_open_count(void);
/* Ends a process; signal 0: it exits. The master has not seen it yet. */
void fake_end(struct fake_process *process, int exit_status, int signal);

#endif
