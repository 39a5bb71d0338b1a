/*
 * handover.h: what one master image leaves to the next over execve(2), in one environment variable.
 *
 * The descriptors (listening socket, scoreboard, leashes, the previous binary) stay open over the
 * exec. LUNA_HANDOVER names them and the children, as "name=value" items separated by semicolons.
 * It is not a setting: only masters write and read it. An image of another version reads it too, so
 * an unknown item is ignored and a missing one has a default.
 */
#ifndef FCGI_WORKER_HANDOVER_H
#define FCGI_WORKER_HANDOVER_H

#include "luna/base/error.h"
#include "master/listener.h"
#include "master/master_io.h"
#include "shared/scoreboard.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HANDOVER_VARIABLE "LUNA_HANDOVER"

enum { HANDOVER_TEXT_BYTES = 32768 };

struct handover_worker {
    int slot;
    pid_t pid;
    int leash_fd; /* -1: it drains already */
    unsigned generation;
};

struct handover {
    int listen_fd;
    bool owned; /* the pool made the socket's path and removes it */
    int board_fd;
    int lock_fd; /* pool_lock.h; -1: an image from before there was one */
    unsigned generation;
    int by_hand; /* struct scaling */
    int target;
    int previous_fd;   /* the binary before this one, while the new one is on trial; else -1 */
    bool on_trial;     /* the new image has to prove itself */
    pid_t monitor_pid; /* 0: there is none */
    int monitor_leash_fd;
    size_t worker_count;
    struct handover_worker workers[SCOREBOARD_SLOTS];
};

/* LUNA_ELIMIT when it does not fit. */
enum luna_code handover_write(const struct handover *handover, char *text, size_t size,
                              struct luna_error *err) LUNA_MUSTCHECK;
/* LUNA_EPROTOCOL when an item is malformed. */
enum luna_code handover_read(const char *text, struct handover *ret_handover,
                             struct luna_error *err) LUNA_MUSTCHECK;

/* Executes `path`, or the file open as `binary_fd` when that is not -1, with everything handed
 * over. Returns only on failure, and then this image still has everything: LUNA_EIO when a
 * descriptor is not open or the file cannot be executed. */
enum luna_code handover_exec(const struct handover *handover, const struct master_io *io,
                             const char *path, int binary_fd,
                             struct luna_error *err) LUNA_MUSTCHECK;

/* The receiving side, first of all: makes every descriptor close-on-exec. A leash or binary that is
 * not open is logged and becomes -1. */
void handover_claim(struct handover *handover, const struct master_io *io);
/* Opens the listener and the scoreboard (a new one when the layout changed). LUNA_EINVAL when the
 * listening socket was lost. */
enum luna_code handover_open(const struct handover *handover, const char *socket_path,
                             struct listener *ret_listener, struct scoreboard **ret_board,
                             int *ret_board_fd, struct luna_error *err) LUNA_MUSTCHECK;

#endif
