/*
 * request_id.h: the id of a request.
 *
 * The client's, when it is 8 to 64 letters, digits and "-_." and no key (luna_live_…), so that it
 * can join its logs to those of the service; else the web server's; else a random one.
 */
#ifndef FCGI_WORKER_REQUEST_ID_H
#define FCGI_WORKER_REQUEST_ID_H

#include <stddef.h>

/* `size` is at least 65. */
void request_id_choose(const char *from_client, const char *from_server, char *out, size_t size);

#endif
