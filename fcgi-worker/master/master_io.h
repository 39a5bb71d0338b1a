/*
 * master_io.h: what the master asks of the operating system, as a table of functions.
 *
 * The other files of master/ decide; the functions of this table act: they read the clock, start,
 * watch, kill and reap processes, hold descriptors, execute a binary. The program uses the table of
 * master_io_open(). A unit test uses its own, with a clock that it sets and processes that it ends
 * (tests/unit/fcgi-worker/master/fake_io.h).
 */
#ifndef FCGI_WORKER_MASTER_IO_H
#define FCGI_WORKER_MASTER_IO_H

#include "luna/base/error.h"
#include "luna/base/reload.h"
#include "master/listener.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MASTER_EVENTS_MAX = 64 };

/* How the master names its children to watch(): a worker by its slot, and these two. */
enum child_id { CHILD_MONITOR = SCOREBOARD_SLOTS, CHILD_SELF_TEST };

/* A signal arrived, or a child ended and can be reaped. */
struct master_event {
    int signal; /* 0: a child ended */
    int child;  /* which one, when it is not a signal */
};

struct child_end {
    int exit_status; /* -1: a signal ended it */
    int signal;      /* 0: it exited */
};

/* What a child runs; its value is the exit status. `leash_fd` is the child's end of its leash. */
typedef int child_main(void *context, int leash_fd);

struct master_io {
    int64_t (*now_ns)(void); /* CLOCK_MONOTONIC */
    const char *(*setting)(const char *name);

    /* Starts a child. *ret_leash_fd is the master's end of its leash. */
    enum luna_code (*spawn)(child_main *run, void *context, pid_t *ret_pid, int *ret_leash_fd,
                            struct luna_error *err);
    enum luna_code (*open_pid)(pid_t pid, int *ret_pid_fd, struct luna_error *err);
    /* From now on wait() reports the end of the process, as the end of child `id`. */
    enum luna_code (*watch)(int pid_fd, int id, struct luna_error *err);
    void (*unwatch)(int pid_fd);
    void (*kill)(int pid_fd);
    /* Kills and reaps a child for which there is no pid_fd. Only for one that has just started. */
    void (*kill_unwatched)(pid_t pid);
    /* Of a process that has ended. */
    struct child_end (*reap)(int pid_fd);
    /* Waits until the process has ended. False: it has not. */
    bool (*wait_for_end)(int pid_fd, int timeout_ms);

    void (*close)(int fd);
    /* Lets a descriptor survive an exec, or not. False: it is not open. */
    bool (*set_inherited)(int fd, bool inherited);
    /* The binary that this process runs: its path on disk (""  when unknown), and itself, open;
     * -1 when it cannot be opened. */
    void (*binary_path)(char *path, size_t size);
    int (*open_binary)(void);
    /* Executes `path`, or what is open as `binary_fd` when that is not -1, with one more variable
     * in the environment. Returns only on failure. */
    enum luna_code (*exec)(const char *path, int binary_fd, const char *variable, const char *value,
                           struct luna_error *err);

    void (*notify)(const char *state); /* the service manager; "READY=1" and so on */
    /* The outcome of a reload or an upgrade, for the command that asked for it. */
    void (*report)(const struct worker_config *config, const struct luna_reload_outcome *outcome);
    int64_t (*watchdog_ns)(void); /* the longest between two WATCHDOG=1; 0: no watchdog */
    struct listener_backlog (*backlog)(int listen_fd);
    int (*cores)(void);

    /* Waits until `until_ns` or an event, and fills in up to MASTER_EVENTS_MAX of them. */
    int (*wait)(int64_t until_ns, struct master_event *events);
    /* In a child: closes what wait() needs. */
    void (*abandon)(void);
};

/* Blocks the signals that the master handles and opens what waiting needs, once in a process.
 * *ret_nudge_fd is an eventfd: a worker that writes to it ends a wait(). */
enum luna_code master_io_open(const struct master_io **ret_io, int *ret_nudge_fd,
                              struct luna_error *err) LUNA_MUSTCHECK;

#endif
