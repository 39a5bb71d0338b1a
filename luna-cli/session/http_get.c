#include "session/http_get.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_BYTES_MAX = 64, ANSWER_BYTES_MAX = 1 << 20 };

static enum luna_code wait_for(int fd, short events, const char *address,
                               struct luna_deadline deadline, struct luna_error *err)
{
    struct pollfd wait = {.fd = fd, .events = events};
    for (;;) {
        int ready = poll(&wait, 1, luna_deadline_left_ms(deadline));
        if (ready > 0)
            return LUNA_OK;
        if (ready == 0)
            return luna_error_set(err, LUNA_ETIMEOUT, "%s: no response before the timeout",
                                  address);
        if (errno != EINTR)
            return luna_error_set(err, LUNA_EIO, "%s: %s", address, strerrordesc_np(errno));
    }
}

static enum luna_code resolve(const char *address, struct addrinfo **ret_info,
                              struct luna_error *err)
{
    const char *colon = strrchr(address, ':');
    char host[HOST_BYTES_MAX];
    size_t len = colon ? (size_t)(colon - address) : 0;
    bool bracketed = len > 2 && address[0] == '[' && address[len - 1] == ']';
    if (bracketed)
        len -= 2;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (len == 0 || len >= sizeof host)
        return luna_error_set(err, LUNA_EINVAL, "\"%s\" is not host:port", address);
    memcpy(host, address + (bracketed ? 1 : 0), len);
    host[len] = '\0';
    int failed = getaddrinfo(host, colon + 1, &hints, ret_info);
    if (failed || !*ret_info)
        return luna_error_set(err, LUNA_EUNAVAILABLE, "%s: %s", address, gai_strerror(failed));
    return LUNA_OK;
}

static enum luna_code connect_to(const char *address, struct luna_deadline deadline, int *ret_fd,
                                 struct luna_error *err)
{
    struct addrinfo *info = NULL;
    enum luna_code code = resolve(address, &info, err);
    if (code != LUNA_OK || !info)
        return code;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool failed =
        fd < 0 || (connect(fd, info->ai_addr, info->ai_addrlen) != 0 && errno != EINPROGRESS);
    freeaddrinfo(info);
    int socket_error = failed ? errno : 0;
    socklen_t len = sizeof socket_error;
    if (!failed) {
        code = wait_for(fd, POLLOUT, address, deadline, err);
        if (code == LUNA_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &socket_error, &len) != 0)
            socket_error = errno;
    }
    if (code == LUNA_OK && socket_error != 0)
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "%s: %s", address,
                              strerrordesc_np(socket_error));
    if (code != LUNA_OK) {
        if (fd >= 0)
            close(fd);
        return code;
    }
    *ret_fd = fd;
    return LUNA_OK;
}

static enum luna_code exchange(int fd, const char *address, const char *path,
                               struct luna_deadline deadline, struct luna_buf *answer,
                               struct luna_error *err)
{
    char request[512];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, address);
    if (len < 0 || (size_t)len >= sizeof request)
        return luna_error_set(err, LUNA_EINVAL, "\"%s\" is too long", path);
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return luna_error_set(err, LUNA_EUNAVAILABLE, "%s: %s", address, strerrordesc_np(errno));
    for (;;) {
        enum luna_code code = wait_for(fd, POLLIN, address, deadline, err);
        if (code != LUNA_OK)
            return code;
        char *room = luna_buf_reserve(answer, 4096);
        if (!room)
            return luna_error_set(err, LUNA_EPROTOCOL, "%s: the response is longer than %d bytes",
                                  address, ANSWER_BYTES_MAX);
        ssize_t got = recv(fd, room, 4096, 0);
        if (got == 0)
            return LUNA_OK;
        if (got > 0)
            luna_buf_advance(answer, (size_t)got);
        else if (errno != EINTR && errno != EAGAIN)
            return luna_error_set(err, LUNA_EUNAVAILABLE, "%s: %s", address,
                                  strerrordesc_np(errno));
    }
}

/* 200 for "HTTP/1.1 200 OK"; 0 when it is not a status line. */
static int read_status(const char *head)
{
    static const char version[] = "HTTP/1.";
    size_t len = sizeof version - 1;
    if (strncmp(head, version, len) != 0 || head[len] == '\0' || head[len + 1] != ' ')
        return 0;
    long status = strtol(head + len + 2, NULL, 10);
    return status >= 100 && status <= 599 ? (int)status : 0;
}

enum luna_code http_get(const char *address, const char *path, struct luna_deadline deadline,
                        int *ret_status, struct luna_buf *body, struct luna_error *err)
{
    int fd = -1;
    enum luna_code code = connect_to(address, deadline, &fd, err);
    if (code != LUNA_OK)
        return code;
    struct luna_buf answer;
    luna_buf_init(&answer, ANSWER_BYTES_MAX);
    code = exchange(fd, address, path, deadline, &answer, err);
    close(fd);
    if (code == LUNA_OK) {
        luna_buf_putc(&answer, '\0'); /* the head is read as a string */
        const char *head_end = answer.overflow ? NULL : strstr(answer.data, "\r\n\r\n");
        int status = head_end ? read_status(answer.data) : 0;
        if (status == 0) {
            code = luna_error_set(err, LUNA_EPROTOCOL, "%s: the response is not HTTP", address);
        } else {
            luna_buf_puts(body, head_end + 4);
            *ret_status = status;
        }
    }
    luna_buf_done(&answer);
    return code;
}
