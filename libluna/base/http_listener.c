#include "luna/base/http_listener.h"

#include "luna/base/address.h"
#include "luna/base/clock.h"

#include <errno.h>
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
    EVENTS_MAX = LUNA_HTTP_CONNECTIONS_MAX + 2,
    TICK_MS = 500, /* how late a late connection may be noticed */
    HEAD_BYTES_MAX = 512
};

enum phase { PHASE_FREE, PHASE_READING, PHASE_WRITING, PHASE_DRAINING };

struct connection {
    enum phase phase;
    int fd;
    struct luna_deadline deadline;
    size_t request_len;
    size_t sent_len;
    struct luna_buf response;
    char request[LUNA_HTTP_REQUEST_BYTES_MAX + 1];
};

struct luna_http_listener {
    int epoll_fd;
    int listen_fd;
    int timer_fd;
    int port;
    luna_http_handler handler;
    void *context;
    struct luna_buf body;
    struct connection connections[LUNA_HTTP_CONNECTIONS_MAX];
};

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

static void connection_close(struct connection *c)
{
    if (c->phase != PHASE_FREE) {
        close(c->fd); /* leaves the epoll set by itself */
        c->phase = PHASE_FREE;
        c->fd = -1;
    }
}

static void watch(const struct luna_http_listener *listener, struct connection *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(listener->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0)
        connection_close(c);
}

/* What a client still sends after its request is read and dropped until it closes: closing a socket with
 * unread bytes resets it, and the reset can overtake the answer. */
static void connection_drain(struct connection *c)
{
    char dropped[1024];
    for (;;) {
        ssize_t got = read(c->fd, dropped, sizeof dropped);
        if (got > 0)
            continue;
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            connection_close(c);
        return;
    }
}

static void connection_write(const struct luna_http_listener *listener, struct connection *c)
{
    while (c->sent_len < c->response.len) {
        ssize_t put =
            send(c->fd, c->response.data + c->sent_len, c->response.len - c->sent_len, MSG_NOSIGNAL);
        if (put > 0) {
            c->sent_len += (size_t)put;
        } else if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(listener, c, EPOLLOUT);
            return;
        } else if (put == 0 || errno != EINTR) {
            connection_close(c);
            return;
        }
    }
    if (shutdown(c->fd, SHUT_WR) != 0) {
        connection_close(c);
        return;
    }
    c->phase = PHASE_DRAINING;
    watch(listener, c, EPOLLIN);
    if (c->phase == PHASE_DRAINING)
        connection_drain(c);
}

static void respond(struct luna_http_listener *listener, struct connection *c,
                    const struct luna_http_reply *reply, bool head_only)
{
    luna_buf_clear(&c->response);
    luna_buf_printf(&c->response,
                    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                    "Connection: close\r\n%s\r\n",
                    reply->status, reason_of(reply->status), reply->content_type, reply->body->len,
                    reply->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!head_only)
        luna_buf_append(&c->response, reply->body->data, reply->body->len);
    c->phase = PHASE_WRITING;
    c->sent_len = 0;
    if (c->response.overflow)
        connection_close(c);
    else
        connection_write(listener, c);
}

static void refuse(struct luna_http_listener *listener, struct connection *c, int status)
{
    luna_buf_clear(&listener->body);
    luna_buf_printf(&listener->body, "%s\n", reason_of(status));
    struct luna_http_reply reply = {status, "text/plain; charset=utf-8", &listener->body};
    respond(listener, c, &reply, false);
}

/* Splits "GET /path?query HTTP/1.1"; cuts `line` up in place. False when it is not a request line. */
static bool split_request_line(char *line, char **ret_method, char **ret_path)
{
    char *target = strchr(line, ' ');
    if (!target)
        return false;
    *target++ = '\0';
    char *version = strchr(target, ' ');
    if (!version)
        return false;
    *version++ = '\0';
    if (target[0] != '/' || strncmp(version, "HTTP/1.", 7) != 0)
        return false;
    target[strcspn(target, "?#")] = '\0';
    *ret_method = line;
    *ret_path = target;
    return true;
}

static void answer(struct luna_http_listener *listener, struct connection *c)
{
    char *method = NULL;
    char *path = NULL;
    c->request[strcspn(c->request, "\r\n")] = '\0';
    if (!split_request_line(c->request, &method, &path)) {
        refuse(listener, c, 400);
        return;
    }
    bool head_only = strcmp(method, "HEAD") == 0;
    if (!head_only && strcmp(method, "GET") != 0) {
        refuse(listener, c, 405);
        return;
    }
    luna_buf_clear(&listener->body);
    struct luna_http_reply reply = {404, "text/plain; charset=utf-8", &listener->body};
    listener->handler(listener->context, path, &reply);
    if (listener->body.overflow) {
        refuse(listener, c, 500);
        return;
    }
    if (reply.status == 404 && listener->body.len == 0)
        luna_buf_puts(&listener->body, "Not Found\n");
    respond(listener, c, &reply, head_only);
}

static void connection_read(struct luna_http_listener *listener, struct connection *c)
{
    while (c->request_len < LUNA_HTTP_REQUEST_BYTES_MAX) {
        ssize_t got = read(c->fd, c->request + c->request_len, LUNA_HTTP_REQUEST_BYTES_MAX - c->request_len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (got <= 0) {
            connection_close(c);
            return;
        }
        c->request_len += (size_t)got;
        c->request[c->request_len] = '\0';
        if (strstr(c->request, "\r\n\r\n") || strstr(c->request, "\n\n")) {
            answer(listener, c);
            return;
        }
    }
    refuse(listener, c, 431);
}

/* A free place, or the oldest connection's. */
static struct connection *place_for_newcomer(struct luna_http_listener *listener)
{
    struct connection *oldest = &listener->connections[0];
    for (size_t i = 0; i < LUNA_HTTP_CONNECTIONS_MAX; i++) {
        struct connection *c = &listener->connections[i];
        if (c->phase == PHASE_FREE)
            return c;
        if (c->deadline.at_ns < oldest->deadline.at_ns)
            oldest = c;
    }
    connection_close(oldest);
    return oldest;
}

static void accept_waiting(struct luna_http_listener *listener)
{
    /* Bounded, so that a flood of connections cannot keep the owner's loop in here. */
    for (int i = 0; i < LUNA_HTTP_CONNECTIONS_MAX; i++) {
        int fd = accept4(listener->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct connection *c = place_for_newcomer(listener);
        c->phase = PHASE_READING;
        c->fd = fd;
        c->request_len = 0;
        c->deadline = luna_deadline_in_ms(LUNA_HTTP_DEADLINE_MS);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(listener->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            connection_close(c);
        else
            connection_read(listener, c);
    }
}

static void close_late(struct luna_http_listener *listener)
{
    uint64_t ticks;
    if (read(listener->timer_fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
        return;
    for (size_t i = 0; i < LUNA_HTTP_CONNECTIONS_MAX; i++) {
        struct connection *c = &listener->connections[i];
        if (c->phase != PHASE_FREE && luna_deadline_passed(c->deadline))
            connection_close(c);
    }
}

static void connection_serve(struct luna_http_listener *listener, struct connection *c)
{
    switch (c->phase) {
    case PHASE_READING:
        connection_read(listener, c);
        break;
    case PHASE_WRITING:
        connection_write(listener, c);
        break;
    case PHASE_DRAINING:
        connection_drain(c);
        break;
    case PHASE_FREE: /* closed by an earlier event of the same batch */
        break;
    }
}

void luna_http_listener_serve(struct luna_http_listener *listener)
{
    struct epoll_event events[EVENTS_MAX];
    int ready = epoll_wait(listener->epoll_fd, events, EVENTS_MAX, 0);
    bool newcomers = false;
    for (int i = 0; i < ready; i++) {
        if (events[i].data.ptr == &listener->listen_fd)
            newcomers = true;
        else if (events[i].data.ptr == &listener->timer_fd)
            close_late(listener);
        else
            connection_serve(listener, events[i].data.ptr);
    }
    /* Last: a newcomer may take the place of a connection that this batch still had an event for. */
    if (newcomers)
        accept_waiting(listener);
}

static enum luna_code open_socket(struct luna_http_listener *listener, const char *address,
                                  struct luna_error *err)
{
    struct luna_address wanted;
    enum luna_code code = luna_address_parse(address, &wanted, err);
    if (code != LUNA_OK)
        return code;
    listener->listen_fd = socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage bound = {0};
    socklen_t bound_len = sizeof bound;
    int one = 1;
    bool ok = listener->listen_fd >= 0 &&
              setsockopt(listener->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(listener->listen_fd, (struct sockaddr *)&wanted.storage, wanted.len) == 0 &&
              listen(listener->listen_fd, SOMAXCONN) == 0 &&
              getsockname(listener->listen_fd, (struct sockaddr *)&bound, &bound_len) == 0;
    if (!ok)
        return luna_error_set(err, LUNA_EIO, "cannot listen on %s: %s", address, strerror(errno));
    char bound_port[PORT_BYTES];
    if (getnameinfo((struct sockaddr *)&bound, bound_len, NULL, 0, bound_port, sizeof bound_port,
                    NI_NUMERICSERV) != 0)
        return luna_error_set(err, LUNA_EIO, "cannot tell the port of %s", address);
    listener->port = (int)strtol(bound_port, NULL, 10);
    return LUNA_OK;
}

static enum luna_code open_epoll(struct luna_http_listener *listener, struct luna_error *err)
{
    listener->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listener->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec tick = {.it_interval = {.tv_nsec = TICK_MS * 1000000L},
                              .it_value = {.tv_nsec = TICK_MS * 1000000L}};
    struct epoll_event newcomers = {.events = EPOLLIN, .data.ptr = &listener->listen_fd};
    struct epoll_event ticks = {.events = EPOLLIN, .data.ptr = &listener->timer_fd};
    if (listener->epoll_fd < 0 || listener->timer_fd < 0 ||
        timerfd_settime(listener->timer_fd, 0, &tick, NULL) != 0 ||
        epoll_ctl(listener->epoll_fd, EPOLL_CTL_ADD, listener->listen_fd, &newcomers) != 0 ||
        epoll_ctl(listener->epoll_fd, EPOLL_CTL_ADD, listener->timer_fd, &ticks) != 0)
        return luna_error_set(err, LUNA_EIO, "cannot set up an event queue: %s", strerror(errno));
    return LUNA_OK;
}

enum luna_code luna_http_listener_open(const char *address, luna_http_handler handler, void *context,
                                       struct luna_http_listener **ret_listener, struct luna_error *err)
{
    struct luna_http_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for a listener");
    listener->epoll_fd = listener->listen_fd = listener->timer_fd = -1;
    listener->handler = handler;
    listener->context = context;
    luna_buf_init(&listener->body, LUNA_HTTP_RESPONSE_BYTES_MAX);
    for (size_t i = 0; i < LUNA_HTTP_CONNECTIONS_MAX; i++)
        luna_buf_init(&listener->connections[i].response, LUNA_HTTP_RESPONSE_BYTES_MAX + HEAD_BYTES_MAX);
    enum luna_code code = open_socket(listener, address, err);
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
    if (!listener)
        return;
    for (size_t i = 0; i < LUNA_HTTP_CONNECTIONS_MAX; i++) {
        connection_close(&listener->connections[i]);
        luna_buf_done(&listener->connections[i].response);
    }
    luna_buf_done(&listener->body);
    if (listener->timer_fd >= 0)
        close(listener->timer_fd);
    if (listener->listen_fd >= 0)
        close(listener->listen_fd);
    if (listener->epoll_fd >= 0)
        close(listener->epoll_fd);
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
