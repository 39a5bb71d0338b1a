/*
 * peers.h: whose processes may connect to the socket.
 */
#ifndef FCGI_WORKER_PEERS_H
#define FCGI_WORKER_PEERS_H

#include "fastcgi/fcgi_io.h"
#include "luna/base/error.h"

/* Fills peers with root, this process's own user, and the users of the comma-separated `names`
 * (NULL: none). A name the machine does not know is passed over, so that one default fits machines
 * with and without nginx. */
enum luna_code peers_resolve(const char *names, struct fcgi_io_options *options,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
