#include "fastcgi/fcgi_io.h"

#include "fastcgi/fcgi_reader.h"
#include "fastcgi/fcgi_records.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 65536, LOOK_PAUSE_NS = 1000000 };

struct fcgi_io {
    struct fcgi_io_options options;
    int fd;                   /* -1: no connection */
    int64_t looked_ns;        /* when the peer was last checked; 0: not yet */
    struct fcgi_bytes unread; /* received, and not yet taken by the reader */
    struct fcgi_reader reader;
    unsigned char received[RECEIVE_BYTES];
};

enum luna_code fcgi_io_new(const struct fcgi_io_options *options, struct fcgi_io **ret_io,
                           struct luna_error *err)
{
    struct fcgi_io *io = calloc(1, sizeof *io);
    if (io == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for the FastCGI connection");
    io->options = *options;
    io->fd = -1;
    *ret_io = io;
    return LUNA_OK;
}

void fcgi_io_free(struct fcgi_io *io)
{
    if (io == NULL)
        return;
    fcgi_io_finish(io);
    free(io);
}

static enum fcgi_accept classify_accept_error(struct luna_error *err)
{
    switch (errno) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
        return FCGI_ACCEPT_NONE;
    /* EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM: the connection stays queued, so a loop would spin */
    default:
        luna_error_set(err, LUNA_EIO, "accept: %s", strerror(errno));
        return FCGI_ACCEPT_EXHAUSTED;
    }
}

static bool check_peer(const struct fcgi_io *io, int fd, const struct sockaddr_storage *address,
                       struct luna_error *err)
{
    struct ucred process = {.uid = (uid_t)-1};
    socklen_t len = sizeof process;
    if (address->ss_family != AF_UNIX) {
        if (peers_allow_address(&io->options.peers, address))
            return true;
        luna_error_set(err, LUNA_EPROTOCOL,
                       "a connection from an address that LUNA_WORKER_PEERS does not name");
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &len) == 0 &&
        peers_allow_user(&io->options.peers, process.uid))
        return true;
    luna_error_set(err, LUNA_EPROTOCOL,
                   "a process of user %lld may not connect; see LUNA_SOCKET_PEERS",
                   (long long)process.uid);
    return false;
}

static int wait_for_bytes(int fd, struct luna_deadline deadline)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    int ready = poll(&in, 1, luna_deadline_left_ms(deadline));
    if (ready == 0)
        return ETIMEDOUT;
    return ready < 0 && errno != EINTR ? errno : 0;
}

/* 0, ETIMEDOUT, or why nothing more can arrive. */
static int receive(struct fcgi_io *io, struct luna_deadline deadline)
{
    int failed = 0;
    while (failed == 0) {
        ssize_t got = recv(io->fd, io->received, sizeof io->received, MSG_DONTWAIT);
        if (got > 0) {
            io->unread = (struct fcgi_bytes){io->received, (size_t)got};
            return 0;
        }
        if (got == 0)
            return ECONNRESET;
        if (errno == EAGAIN)
            failed = wait_for_bytes(io->fd, deadline);
        else if (errno != EINTR)
            failed = errno;
    }
    return failed;
}

/* The limit is for the whole head: a peer that sends a byte at a time gets no more. */
static enum luna_code read_head(struct fcgi_io *io, struct luna_error *err)
{
    struct luna_deadline deadline = luna_deadline_in_ms(io->options.head_timeout_ms);
    struct fcgi_bytes ignored;
    enum fcgi_read outcome = FCGI_READ_MORE;
    fcgi_reader_begin(&io->reader);
    while (outcome == FCGI_READ_MORE) {
        int failed = luna_deadline_passed(deadline) ? ETIMEDOUT : receive(io, deadline);
        if (failed != 0)
            return luna_error_set(err, LUNA_EPROTOCOL,
                                  "a connection sent no complete FastCGI request: %s",
                                  failed == ETIMEDOUT ? "timeout" : strerror(failed));
        outcome = fcgi_reader_take(&io->reader, &io->unread, &ignored);
    }
    if (outcome == FCGI_READ_HEAD)
        return LUNA_OK;
    return luna_error_set(err, LUNA_EPROTOCOL, "invalid FastCGI: %s", io->reader.fault);
}

enum fcgi_accept fcgi_io_accept(struct fcgi_io *io, int listen_fd, struct luna_error *err)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t peer_len = sizeof peer;
    int fd = accept4(listen_fd, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC);
    if (fd < 0)
        return classify_accept_error(err);
    if (!check_peer(io, fd, &peer, err)) {
        close(fd);
        return FCGI_ACCEPT_DROPPED;
    }
    io->fd = fd;
    io->looked_ns = 0;
    return read_head(io, err) == LUNA_OK ? FCGI_ACCEPT_OK : FCGI_ACCEPT_DROPPED;
}

const char *fcgi_io_param(const struct fcgi_io *io, const char *name)
{
    const char *value = fcgi_reader_param(&io->reader, name);
    return value != NULL ? value : "";
}

/* -1: not a number that a length can be. */
static long long announced_length(const struct fcgi_io *io)
{
    const char *text = fcgi_io_param(io, "CONTENT_LENGTH");
    if (*text == '\0')
        return 0;
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 15)
        return -1;
    return strtoll(text, NULL, 10);
}

/* To the end of the request, even past the cap: nothing may stay in the socket. */
static enum fcgi_read read_rest(struct fcgi_io *io, struct luna_buf *body,
                                struct luna_deadline deadline, long long *ret_total,
                                int *ret_failed)
{
    struct fcgi_bytes piece;
    for (;;) {
        enum fcgi_read outcome = fcgi_reader_take(&io->reader, &io->unread, &piece);
        if (outcome == FCGI_READ_BODY) {
            *ret_total += (long long)piece.len;
            if (*ret_total <= (long long)body->max)
                luna_buf_append(body, piece.at, piece.len);
        } else if (outcome != FCGI_READ_MORE) {
            return outcome;
        } else {
            *ret_failed = luna_deadline_passed(deadline) ? ETIMEDOUT : receive(io, deadline);
            if (*ret_failed != 0)
                return FCGI_READ_MORE;
        }
    }
}

enum fcgi_body fcgi_io_read_body(struct fcgi_io *io, struct luna_buf *body,
                                 struct luna_deadline deadline)
{
    long long announced = announced_length(io);
    long long total = 0;
    int failed = 0;
    enum fcgi_read outcome = read_rest(io, body, deadline, &total, &failed);
    if (failed == ETIMEDOUT)
        return FCGI_BODY_TIMEOUT;
    if (outcome != FCGI_READ_END)
        return FCGI_BODY_INCOMPLETE;
    if (total > (long long)body->max || body->overflow)
        return FCGI_BODY_TOO_LARGE;
    return total == announced ? FCGI_BODY_OK : FCGI_BODY_INCOMPLETE;
}

bool fcgi_io_poll_client_left(struct fcgi_io *io)
{
    struct pollfd peer = {.fd = io->fd, .events = POLLRDHUP};
    int64_t now_ns = luna_clock_mono_ns();
    if (io->fd < 0 || now_ns - io->looked_ns < LOOK_PAUSE_NS)
        return false;
    io->looked_ns = now_ns;
    return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static enum fcgi_send send_records(const struct fcgi_io *io, const struct fcgi_answer *answer,
                                   struct luna_deadline deadline)
{
    switch (fcgi_records_send(io->fd, answer, deadline)) {
    case 0:
        return FCGI_SEND_OK;
    case ETIMEDOUT:
        return FCGI_SEND_TIMEOUT;
    default:
        return FCGI_SEND_GONE;
    }
}

enum fcgi_send fcgi_io_send_part(struct fcgi_io *io, const void *head, size_t head_len,
                                 const void *body, size_t body_len, struct luna_deadline deadline)
{
    const struct fcgi_answer answer = {io->reader.request_id, head, head_len, body, body_len, true};
    return send_records(io, &answer, deadline);
}

enum fcgi_send fcgi_io_send(struct fcgi_io *io, const void *head, size_t head_len, const void *body,
                            size_t body_len, struct luna_deadline deadline)
{
    const struct fcgi_answer answer = {
        io->reader.request_id, head, head_len, body, body_len, false};
    return send_records(io, &answer, deadline);
}

void fcgi_io_finish(struct fcgi_io *io)
{
    if (io->fd >= 0)
        close(io->fd);
    io->fd = -1;
    io->unread = (struct fcgi_bytes){NULL, 0};
}
