/*
 * listener.h: the HTTP/1 server for /livez, /readyz, /metrics and /status, based on libmicrohttpd.
 *
 * Purpose: operators and scrapers on a loopback or cluster address, not the clients of the service:
 * GET and HEAD only, request bodies are discarded, no keep-alive, no TLS. Use: in the event loop of
 * a program (the monitor of a worker pool, quota-syncd). Nothing blocks and there is no thread. The
 * listener has one file descriptor, an epoll set that includes its deadlines; poll it for POLLIN
 * and call luna_http_listener_serve() when it is readable. A late poll is harmless: clients wait.
 * Limits: LUNA_HTTP_CONNECTIONS_MAX connections (a new one evicts the oldest, so that idle
 * connections cannot block a health check), LUNA_HTTP_CONNECTION_BYTES for the heads of a request
 * and its response (431), LUNA_HTTP_RESPONSE_BYTES_MAX of body (500), and LUNA_HTTP_DEADLINE_MS
 * from accept to close. Ownership: the listener owns its sockets. All are close-on-exec and
 * non-blocking. The program must ignore SIGPIPE.
 */
#ifndef LUNA_HTTP_LISTENER_H
#define LUNA_HTTP_LISTENER_H

#include "luna/base/buf.h"
#include "luna/base/error.h"

enum {
    LUNA_HTTP_CONNECTIONS_MAX = 16,
    LUNA_HTTP_CONNECTION_BYTES = 8192,
    LUNA_HTTP_RESPONSE_BYTES_MAX = 1 << 20,
    LUNA_HTTP_DEADLINE_MS = 2000
};

struct luna_http_reply {
    int status; /* 404 unless the handler sets it */
    /* a literal; "text/plain; charset=utf-8" unless the handler sets it */
    const char *content_type;
    struct luna_buf *body; /* empty; the handler appends to it */
};

/* Answers one request. `path` is the request target without its query, NUL-terminated, valid during
 * the call. */
typedef void (*luna_http_handler)(void *context, const char *path, struct luna_http_reply *reply);

struct luna_http_listener;

/* Listens on `address`, "127.0.0.1:9100" or "[::1]:9100"; numeric only, port 0 picks a free one.
 * LUNA_EINVAL when `address` is invalid; LUNA_EIO when the system fails. */
enum luna_code luna_http_listener_open(const char *address, luna_http_handler handler,
                                       void *context, struct luna_http_listener **ret_listener,
                                       struct luna_error *err) LUNA_MUSTCHECK;
/* Closes every connection. NULL is allowed. */
void luna_http_listener_close(struct luna_http_listener *listener);

/* The descriptor to poll for POLLIN; owned by the listener. */
int luna_http_listener_fd(const struct luna_http_listener *listener);
/* The bound port, also when port 0 was requested. */
int luna_http_listener_port(const struct luna_http_listener *listener);
/* Accepts, reads, answers and writes what is ready, and closes connections past their deadline.
 * Never blocks. */
void luna_http_listener_serve(struct luna_http_listener *listener);

#endif
