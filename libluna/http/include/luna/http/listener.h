/*
 * listener.h: the small HTTP/1 responder behind /livez, /readyz, /metrics and /status, made of
 * libmicrohttpd.
 *
 * Who: a program's own event loop (the worker pool's monitor, quota-syncd). It is for operators and
 * scrapers on a loopback or cluster address, not for the service's clients: GET and HEAD only, no
 * bodies in, no keep-alive, no TLS. How: nothing here blocks and there is no thread. The listener
 * has ONE file descriptor, an epoll set that also holds its deadlines; poll it for POLLIN and call
 * luna_http_listener_serve() when it is readable. Forgetting to poll for a while is harmless:
 * clients wait. Limits: LUNA_HTTP_CONNECTIONS_MAX at once (the oldest gives way to a newcomer, so
 * that idle connections cannot shut a health check out), LUNA_HTTP_CONNECTION_BYTES for the heads
 * of a request and its answer (431), LUNA_HTTP_RESPONSE_BYTES_MAX of body (500), and
 * LUNA_HTTP_DEADLINE_MS from accept to close. Ownership: the listener owns its sockets. All are
 * close-on-exec and non-blocking. The program ignores SIGPIPE.
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
    int status; /* 404 until the handler says otherwise */
    /* static text; "text/plain; charset=utf-8" until the handler says otherwise */
    const char *content_type;
    struct luna_buf *body; /* empty; the handler appends to it */
};

/* Answers one request. `path` is the request target without its query, NUL-terminated, valid during
 * the call.
 */
typedef void (*luna_http_handler)(void *context, const char *path, struct luna_http_reply *reply);

struct luna_http_listener;

/* Listens on `address`, "127.0.0.1:9100" or "[::1]:9100"; numeric only, port 0 picks a free one.
 * LUNA_EINVAL when it does not read as such an address; LUNA_EIO when the system refuses. */
enum luna_code luna_http_listener_open(const char *address, luna_http_handler handler,
                                       void *context, struct luna_http_listener **ret_listener,
                                       struct luna_error *err) LUNA_MUSTCHECK;
/* Closes every connection. NULL is fine. */
void luna_http_listener_close(struct luna_http_listener *listener);

/* The descriptor to poll for POLLIN; owned by the listener. */
int luna_http_listener_fd(const struct luna_http_listener *listener);
/* The port in use: what port 0 became. */
int luna_http_listener_port(const struct luna_http_listener *listener);
/* Does what can be done now: accepts, reads, answers, writes, closes what is late. Never blocks. */
void luna_http_listener_serve(struct luna_http_listener *listener);

#endif
