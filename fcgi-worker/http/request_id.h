/*
 * request_id.h: which name a request goes by.
 *
 * The client's own, when it is 8 to 64 letters, digits and "-_.", so that it can join its logs to
 * ours; else the web server's; else one made here.
 */
#ifndef FCGI_WORKER_REQUEST_ID_H
#define FCGI_WORKER_REQUEST_ID_H

#include <stddef.h>

/* `size` is at least 65. */
void request_id_choose(const char *from_client, const char *from_server, char *out, size_t size);

#endif
