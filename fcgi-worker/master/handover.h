/*
 * handover.h: what one master image leaves to the next over execve(2), in one environment variable.
 *
 * The descriptors (listening socket, scoreboard, leashes, the previous binary) stay open over the
 * exec; the variable LUNA_HANDOVER names them and the children, as "name=value" items with
 * semicolons between. It is no setting: it is made and read by masters only.
 */
#ifndef FCGI_WORKER_HANDOVER_H
#define FCGI_WORKER_HANDOVER_H

#include "luna/base/error.h"

#include <stdbool.h>

struct master;
struct listener;
struct scoreboard;

/* Does the environment hold one? */
bool handover_present(void);
/* Opens what came over: the listener and the scoreboard (a new one when the layout changed). */
enum luna_code handover_open(struct listener *ret_listener, struct scoreboard **ret_board,
                             int *ret_board_fd, struct luna_error *err) LUNA_MUSTCHECK;
/* Takes the children over, once the master is made, and removes the variable. */
void handover_adopt(struct master *master);
/* Executes `path`, or the file open as `binary_fd` when that is not -1, with everything handed
 * over. `on_trial`: the new image is to prove itself, and finds the present binary open. Returns
 * only on failure, with all as it was. */
enum luna_code handover_exec(struct master *master, const char *path, int binary_fd, bool on_trial,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
