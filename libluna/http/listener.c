#include "luna/http/listener.h"

#include "luna/base/address.h"
#include "luna/base/clock.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    PORT_BYTES = 8,
    /* An evicted connection closes only in the next MHD_run(), which may accept several new
     * ones. */
    SLOTS = 2 * LUNA_HTTP_CONNECTIONS_MAX,
    NS_PER_S = 1000000000
};

struct connection {
    int fd;       /* owned by libmicrohttpd; -1: a free slot */
    bool evicted; /* shut down, not yet closed by libmicrohttpd */
    struct luna_deadline deadline;
};

struct luna_http_listener {
    struct MHD_Daemon *daemon; /* owns the listening socket once it is started */
    int listen_fd;
    int epoll_fd; /* the epoll set of libmicrohttpd, and the timer */
    int timer_fd;
    int port;
    luna_http_handler handler;
    void *context;
    struct luna_buf body;
    struct connection connections[SLOTS];
};

/* libmicrohttpd has an idle timeout only, so a client that sends a byte now and then would stay
 * forever. It has no call to close a connection either: it does so when the socket is shut down. */
static void connection_end(struct connection *c)
{
    (void)shutdown(c->fd, SHUT_RDWR); /* fails when the client has closed it already */
    c->evicted = true;
}

/* A free slot, after evicting the oldest connection when there are too many. NULL when evicted
 * connections still occupy all slots. */
static struct connection *slot_for_new(struct luna_http_listener *listener)
{
    struct connection *slot = NULL;
    struct connection *oldest = NULL;
    int staying = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        struct connection *c = &listener->connections[i];
        if (c->fd < 0) {
            slot = c;
        } else if (!c->evicted) {
            staying++;
            if (oldest == NULL || c->deadline.at_ns < oldest->deadline.at_ns)
                oldest = c;
        }
    }
    if (staying >= LUNA_HTTP_CONNECTIONS_MAX)
        connection_end(oldest);
    return slot;
}

static void note_connection(void *context, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode what)
{
    struct connection *c = *slot;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c != NULL)
            c->fd = -1;
        return;
    }
    c = slot_for_new(context);
    *slot = c;
    if (c != NULL)
        *c = (struct connection){
            .fd =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            .deadline = luna_deadline_in_ms(LUNA_HTTP_DEADLINE_MS)};
}

static enum MHD_Result respond(struct MHD_Connection *connection,
                               const struct luna_http_reply *reply)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body->len, reply->body->data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    bool ok = MHD_add_response_header(response, "Content-Type", reply->content_type) == MHD_YES &&
              MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
              MHD_add_response_header(response, "Connection", "close") == MHD_YES &&
              (reply->status != MHD_HTTP_METHOD_NOT_ALLOWED ||
               MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES);
    enum MHD_Result queued =
        ok ? MHD_queue_response(connection, (unsigned)reply->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse(struct luna_http_listener *listener,
                              struct MHD_Connection *connection, int status)
{
    luna_buf_clear(&listener->body);
    luna_buf_printf(&listener->body, "%s\n", MHD_get_reason_phrase_for((unsigned)status));
    return respond(connection,
                   &(struct luna_http_reply){status, "text/plain; charset=utf-8", &listener->body});
}

static enum MHD_Result answer(struct luna_http_listener *listener,
                              struct MHD_Connection *connection, const char *path,
                              const char *method)
{
    if (path[0] != '/')
        return refuse(listener, connection, MHD_HTTP_BAD_REQUEST);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return refuse(listener, connection, MHD_HTTP_METHOD_NOT_ALLOWED);
    luna_buf_clear(&listener->body);
    struct luna_http_reply reply = {MHD_HTTP_NOT_FOUND, "text/plain; charset=utf-8",
                                    &listener->body};
    listener->handler(listener->context, path, &reply);
    if (listener->body.overflow)
        return refuse(listener, connection, MHD_HTTP_INTERNAL_SERVER_ERROR);
    if (reply.status == MHD_HTTP_NOT_FOUND && listener->body.len == 0)
        return refuse(listener, connection, MHD_HTTP_NOT_FOUND);
    return respond(connection, &reply);
}

/* libmicrohttpd calls this after the head of a request, for each part of its body, and at its end.
 * A body is read and discarded: closing a socket with unread bytes sends a reset, which can
 * overtake the response. */
static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
                                    const char *path, const char *method, const char *version,
                                    const char *body, size_t *body_len, void **seen)
{
    (void)version;
    (void)body;
    if (*seen == NULL) {
        *seen = context;
        return MHD_YES;
    }
    if (*body_len > 0) {
        *body_len = 0;
        return MHD_YES;
    }
    return answer(context, connection, path, method);
}

/* Sets the timer for work without socket activity: at the first deadline, at once, or never. */
static void set_timer(struct luna_http_listener *listener)
{
    struct itimerspec next = {0};
    int64_t at_ns = INT64_MAX;
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        const struct connection *c = &listener->connections[i];
        if (c->fd >= 0 && !c->evicted && c->deadline.at_ns < at_ns)
            at_ns = c->deadline.at_ns;
    }
    if (MHD_get_timeout(listener->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0)
        at_ns = 1; /* in the past: at once */
    if (at_ns != INT64_MAX)
        next.it_value = (struct timespec){.tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S};
    (void)timerfd_settime(listener->timer_fd, TFD_TIMER_ABSTIME, &next, NULL);
}

void luna_http_listener_serve(struct luna_http_listener *listener)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct connection *c = &listener->connections[i];
        if (c->fd >= 0 && !c->evicted && luna_deadline_passed(c->deadline))
            connection_end(c);
    }
    (void)MHD_run(listener->daemon);
    set_timer(listener); /* also clears an expiry that was handled */
}

static enum luna_code open_socket(struct luna_http_listener *listener, const char *address,
                                  struct luna_error *err)
{
    struct luna_address parsed;
    enum luna_code code = luna_address_parse(address, &parsed, err);
    if (code != LUNA_OK)
        return code;
    listener->listen_fd =
        socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage bound = {0};
    socklen_t bound_len = sizeof bound;
    int one = 1;
    bool ok = listener->listen_fd >= 0 &&
              setsockopt(listener->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(listener->listen_fd, (struct sockaddr *)&parsed.storage, parsed.len) == 0 &&
              listen(listener->listen_fd, SOMAXCONN) == 0 &&
              getsockname(listener->listen_fd, (struct sockaddr *)&bound, &bound_len) == 0;
    if (!ok)
        return luna_error_set(err, errno == EADDRINUSE ? LUNA_ECONFLICT : LUNA_EIO,
                              "cannot listen on %s: %s", address, strerrordesc_np(errno));
    char bound_port[PORT_BYTES];
    if (getnameinfo((struct sockaddr *)&bound, bound_len, NULL, 0, bound_port, sizeof bound_port,
                    NI_NUMERICSERV) != 0)
        return luna_error_set(err, LUNA_EIO, "cannot determine the port of %s", address);
    listener->port = (int)strtol(bound_port, NULL, 10);
    return LUNA_OK;
}

static enum luna_code start_daemon(struct luna_http_listener *listener, struct luna_error *err)
{
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, take_request, listener, MHD_OPTION_LISTEN_SOCKET,
        listener->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SLOTS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LUNA_HTTP_CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, listener, MHD_OPTION_END);
    if (listener->daemon == NULL)
        return luna_error_set(err, LUNA_EIO, "libmicrohttpd cannot start: %s",
                              strerrordesc_np(errno));
    return LUNA_OK;
}

static enum luna_code open_epoll(struct luna_http_listener *listener, struct luna_error *err)
{
    listener->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listener->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int daemon_fd = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    struct epoll_event any = {.events = EPOLLIN};
    if (listener->epoll_fd < 0 || listener->timer_fd < 0 ||
        epoll_ctl(listener->epoll_fd, EPOLL_CTL_ADD, daemon_fd, &any) != 0 ||
        epoll_ctl(listener->epoll_fd, EPOLL_CTL_ADD, listener->timer_fd, &any) != 0)
        return luna_error_set(err, LUNA_EIO, "cannot create an epoll set: %s",
                              strerrordesc_np(errno));
    return LUNA_OK;
}

enum luna_code luna_http_listener_open(const char *address, luna_http_handler handler,
                                       void *context, struct luna_http_listener **ret_listener,
                                       struct luna_error *err)
{
    struct luna_http_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "out of memory");
    listener->epoll_fd = listener->listen_fd = listener->timer_fd = -1;
    listener->handler = handler;
    listener->context = context;
    luna_buf_init(&listener->body, LUNA_HTTP_RESPONSE_BYTES_MAX);
    for (size_t i = 0; i < SLOTS; i++)
        listener->connections[i].fd = -1;
    enum luna_code code = open_socket(listener, address, err);
    if (code == LUNA_OK)
        code = start_daemon(listener, err);
    if (code == LUNA_OK)
        code = open_epoll(listener, err);
    if (code != LUNA_OK) {
        luna_http_listener_close(listener);
        return code;
    }
    *ret_listener = listener;
    return LUNA_OK;
}

void luna_http_listener_close(struct luna_http_listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->epoll_fd >= 0)
        close(listener->epoll_fd);
    if (listener->timer_fd >= 0)
        close(listener->timer_fd);
    if (listener->daemon != NULL)
        MHD_stop_daemon(listener->daemon);
    else if (listener->listen_fd >= 0)
        close(listener->listen_fd);
    luna_buf_done(&listener->body);
    free(listener);
}

int luna_http_listener_fd(const struct luna_http_listener *listener)
{
    return listener->epoll_fd;
}

int luna_http_listener_port(const struct luna_http_listener *listener)
{
    return listener->port;
}
