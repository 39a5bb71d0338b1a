#include "fastcgi/fcgi_io.h"

#include "fastcgi/fcgi_records.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PARAMS_MAX = 64, READ_CHUNK_BYTES = 32768, LOOK_PAUSE_NS = 1000000 };

struct fcgi_io {
    struct fcgi_io_options options;
    FCGX_Request request;
    bool open;
    int64_t looked_ns; /* when the peer was last checked; 0: not yet */
    size_t param_count;
    const char *params[PARAMS_MAX]; /* NAME=value, libfcgi's */
};

static enum luna_code library_start(struct luna_error *err)
{
    /* Both limit waits of libfcgi that this file avoids; set for any path that it does not. */
    (void)setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "200", 1);
    (void)setenv("LIBFCGI_IS_AF_UNIX_KEEPER_POLL_TIMEOUT", "200", 1);
    if (FCGX_Init() != 0)
        return luna_error_set(err, LUNA_EIO, "libfcgi does not start");
    /* FCGX_Init() installs handlers of its own. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGUSR1, SIG_DFL);
    return LUNA_OK;
}

enum luna_code fcgi_io_new(const struct fcgi_io_options *options, struct fcgi_io **ret_io,
                           struct luna_error *err)
{
    enum luna_code code = library_start(err);
    if (code != LUNA_OK)
        return code;
    struct fcgi_io *io = calloc(1, sizeof *io);
    if (io == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for the FastCGI connection");
    io->options = *options;
    /* No listening socket: libfcgi must never accept by itself, and fails at once if it tries. */
    if (FCGX_InitRequest(&io->request, -1, 0) != 0) {
        free(io);
        return luna_error_set(err, LUNA_EIO, "libfcgi makes no request");
    }
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

static bool may_connect(const struct fcgi_io *io, int fd, const struct sockaddr_storage *address,
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

/* libfcgi's reads are bare read(2)s: only the socket can limit them. */
static void limit_reads(const struct fcgi_io *io, int fd)
{
    struct timeval limit = {.tv_sec = io->options.read_timeout_ms / 1000,
                            .tv_usec = io->options.read_timeout_ms % 1000 * 1000L};
    /* cannot fail on a socket */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static void index_params(struct fcgi_io *io)
{
    io->param_count = 0;
    for (char **p = io->request.envp; p != NULL && *p != NULL && io->param_count < PARAMS_MAX; p++)
        io->params[io->param_count++] = *p;
}

enum fcgi_accept fcgi_io_accept(struct fcgi_io *io, int listen_fd, struct luna_error *err)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t peer_len = sizeof peer;
    int fd = accept4(listen_fd, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC);
    if (fd < 0)
        return classify_accept_error(err);
    if (!may_connect(io, fd, &peer, err)) {
        close(fd);
        return FCGI_ACCEPT_DROPPED;
    }
    limit_reads(io, fd);
    /* An open connection that is "kept": libfcgi reads the next request from it instead of
     * accepting one. "Detached" makes it close without lingering for what the peer may still
     * send. */
    io->request.ipcFd = fd;
    io->request.keepConnection = 1;
    io->request.detached = 1;
    if (FCGX_Accept_r(&io->request) != 0) {
        luna_error_set(err, LUNA_EPROTOCOL, "a connection brought no whole FastCGI request");
        return FCGI_ACCEPT_DROPPED;
    }
    io->open = true;
    io->looked_ns = 0;
    index_params(io);
    return FCGI_ACCEPT_OK;
}

const char *fcgi_io_param(const struct fcgi_io *io, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < io->param_count; i++)
        if (strncmp(io->params[i], name, len) == 0 && io->params[i][len] == '=')
            return io->params[i] + len + 1;
    return "";
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

enum fcgi_body fcgi_io_read_body(struct fcgi_io *io, struct luna_buf *body,
                                 struct luna_deadline deadline)
{
    static char chunk[READ_CHUNK_BYTES];
    long long announced = announced_length(io);
    long long total = 0;
    int got = 0;
    /* to the end of the stream, even past CONTENT_LENGTH and past the cap: nothing may stay in
     * the socket */
    do {
        if (luna_deadline_passed(deadline))
            return FCGI_BODY_TIMEOUT;
        got = FCGX_GetStr(chunk, sizeof chunk, io->request.in);
        total += got;
        if (total <= (long long)body->max)
            luna_buf_append(body, chunk, (size_t)got);
    } while (got == (int)sizeof chunk);
    int error = FCGX_GetError(io->request.in);
    if (error == EAGAIN)
        return FCGI_BODY_TIMEOUT;
    if (error != 0)
        return FCGI_BODY_INCOMPLETE;
    if (total > (long long)body->max || body->overflow)
        return FCGI_BODY_TOO_LARGE;
    return total == announced ? FCGI_BODY_OK : FCGI_BODY_INCOMPLETE;
}

bool fcgi_io_client_left(struct fcgi_io *io)
{
    struct pollfd peer = {.fd = io->request.ipcFd, .events = POLLRDHUP};
    int64_t now_ns = luna_clock_mono_ns();
    if (!io->open || now_ns - io->looked_ns < LOOK_PAUSE_NS)
        return false;
    io->looked_ns = now_ns;
    return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static enum fcgi_send send_records(const struct fcgi_io *io, const struct fcgi_answer *answer,
                                   struct luna_deadline deadline)
{
    switch (fcgi_records_send(io->request.ipcFd, answer, deadline)) {
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
    const struct fcgi_answer answer = {io->request.requestId, head, head_len, body, body_len, true};
    return send_records(io, &answer, deadline);
}

enum fcgi_send fcgi_io_send(struct fcgi_io *io, const void *head, size_t head_len, const void *body,
                            size_t body_len, struct luna_deadline deadline)
{
    const struct fcgi_answer answer = {
        io->request.requestId, head, head_len, body, body_len, false};
    return send_records(io, &answer, deadline);
}

void fcgi_io_finish(struct fcgi_io *io)
{
    io->param_count = 0;
    io->open = false;
    /* Not FCGX_Finish_r(): its streams would write end records after ours. */
    FCGX_Free(&io->request, 1);
}
