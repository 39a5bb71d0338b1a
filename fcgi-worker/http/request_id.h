/*
 * request_id.h: the id of a request.
 *
 * The client's, when it is 8 to 64 letters, digits and "-_.", so that it can join its logs to those
 * of the service; else the web server's own; else a random one. A client's id that shows a key is
 * not taken, nor is it when the web server passes it on: one with the mark of today's form
 * (luna_live_…), and one that credential.h finds to show the key or token of the same request.
 */
#ifndef FCGI_WORKER_REQUEST_ID_H
#define FCGI_WORKER_REQUEST_ID_H

#include <stddef.h>

struct request_id_given {
    const char *from_client, *from_server;
    const char *api_key, *authorization; /* the headers of the same request */
};

/* `size` is at least 65. */
void request_id_choose(const struct request_id_given *given, char *out, size_t size);

#endif
