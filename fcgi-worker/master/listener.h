/*
 * listener.h: the socket the web server connects to: a unix socket, or TCP for a web server on
 * another host.
 *
 * Its origin: an earlier image of this master (handover.h), the address in LUNA_WORKER_LISTEN,
 * systemd (LISTEN_FDS), or made here: bound under a private name with mode 0660 and then renamed
 * into place, so that at no moment others can connect or nobody can. A socket that another master
 * serves is not taken over. One whose master was killed is, while its workers finish. Never
 * libfcgi's own FCGX_OpenSocket(). The descriptor is non-blocking and close-on-exec.
 */
#ifndef FCGI_WORKER_LISTENER_H
#define FCGI_WORKER_LISTENER_H

#include "luna/base/error.h"
#include "shared/worker_config.h"

#include <stdbool.h>

struct listener {
    int fd;
    char path[108]; /* "" for TCP, and when systemd owns the socket: then nothing is unlinked */
};

struct listener_backlog {
    int depth; /* connections waiting; -1: not known */
    int max;   /* connections that fit; -1: not known */
};

/* `orphans`: workers of a killed master of this pool are still there. LUNA_ECONFLICT: another
 * process has the path or the address. */
enum luna_code listener_open(const struct worker_config *config, bool orphans,
                             struct listener *ret_listener, struct luna_error *err) LUNA_MUSTCHECK;
/* Takes over a descriptor that is listening already. LUNA_EINVAL when it is not. */
enum luna_code listener_adopt(int fd, const char *path, struct listener *ret_listener,
                              struct luna_error *err) LUNA_MUSTCHECK;
/* Closes it; with `remove` also removes the path, unless another process has bound it meanwhile. */
void listener_close(struct listener *listener, bool remove);

/* How many connections wait in the socket's queue, as far as the kernel says. A unix socket is
 * asked through sock_diag, in one message: neither /proc nor getsockopt() knows its queue. Not for
 * several threads: it keeps one netlink socket open. */
struct listener_backlog listener_read_backlog(int listen_fd);

#endif
