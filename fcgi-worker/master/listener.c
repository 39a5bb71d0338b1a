#include "master/listener.h"

#include "luna/base/address.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { SYSTEMD_FIRST_FD = 3, SOCKET_MODE = 0660, ANSWER_BYTES = 4096, ANSWER_LIMIT_US = 100000 };

static enum luna_code fill_address(const char *path, struct sockaddr_un *address,
                                   struct luna_error *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    /* Room for ".<pid>" while it is being made, and for a NUL, which the kernel does not need. */
    if (strlen(path) + 12 >= sizeof address->sun_path)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_WORKER_SOCKET is longer than %zu characters",
                              sizeof address->sun_path - 13);
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return LUNA_OK;
}

/* The process that called listen() on the other side; 0: it is in another process namespace. */
static pid_t listening_process(int fd)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

/* Who serves the socket at `path`: the process id of its master, 0 when that is unknown, -1 when
 * nobody does. The workers of a master that was killed keep its socket open, and serve nobody.
 * `orphans`: there are such workers of this pool, so a socket whose queue is full is theirs. */
static pid_t served_by(const char *path, bool orphans)
{
    struct sockaddr_un address;
    if (fill_address(path, &address, NULL) != LUNA_OK)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    pid_t master = -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        master = listening_process(fd);
        if (master > 0 && kill(master, 0) != 0 && errno == ESRCH)
            master = -1;
    } else if (errno == EAGAIN) { /* it listens, and its queue is full */
        master = orphans ? -1 : 0;
    }
    close(fd);
    return master;
}

static enum luna_code give_to_group(const char *path, const char *group_name,
                                    struct luna_error *err)
{
    if (group_name != NULL && *group_name != '\0') {
        /* NOLINT(concurrency-mt-unsafe): one thread */
        const struct group *group = getgrnam(group_name);
        if (group == NULL)
            return luna_error_set(err, LUNA_ECONFIG, "LUNA_SOCKET_GROUP: there is no group %s",
                                  group_name);
        if (chown(path, (uid_t)-1, group->gr_gid) != 0)
            return luna_error_set(err, LUNA_ECONFIG,
                                  "LUNA_SOCKET_GROUP: cannot give %s to group %s: %s", path,
                                  group_name, strerror(errno));
    }
    if (chmod(path, SOCKET_MODE) != 0)
        return luna_error_set(err, LUNA_EIO, "chmod %s: %s", path, strerror(errno));
    return LUNA_OK;
}

static enum luna_code bind_and_listen(int fd, const char *path, const struct worker_config *config,
                                      struct luna_error *err)
{
    struct sockaddr_un address;
    enum luna_code code = fill_address(path, &address, err);
    if (code != LUNA_OK)
        return code;
    mode_t before = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    if (bound != 0)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_WORKER_SOCKET: cannot bind %s: %s", path,
                              strerror(errno));
    code = give_to_group(path, config->socket_group, err);
    if (code == LUNA_OK && listen(fd, (int)config->backlog) != 0)
        code = luna_error_set(err, LUNA_EIO, "listen on %s: %s", path, strerror(errno));
    if (code == LUNA_OK && rename(path, config->socket_path) != 0)
        code = luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_WORKER_SOCKET: cannot move the socket to %s: %s",
                              config->socket_path, strerror(errno));
    if (code != LUNA_OK)
        (void)unlink(path);
    return code;
}

/* Anyone who can write to the folder can put another socket there, and receive the keys. */
static enum luna_code check_folder(const char *path, struct luna_error *err)
{
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path + 2];
    struct stat info;
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 0 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(folder, sizeof folder, "%.*s", len, path);
    if (len == 0)
        (void)snprintf(folder, sizeof folder, ".");
    if (stat(folder, &info) != 0)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_WORKER_SOCKET: %s: %s", folder,
                              strerror(errno));
    if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0)
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_WORKER_SOCKET: all users may write to %s: chmod o-w it",
                              folder);
    if (geteuid() != 0 && info.st_uid != 0 && info.st_uid != geteuid())
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_WORKER_SOCKET: %s belongs to user %lld: chown it", folder,
                              (long long)info.st_uid);
    return LUNA_OK;
}

static enum luna_code make_socket(const struct worker_config *config, bool orphans,
                                  struct listener *ret_listener, struct luna_error *err)
{
    char private_path[sizeof ret_listener->path + 16];
    struct listener listener = {.fd = -1};
    pid_t master = served_by(config->socket_path, orphans);
    if (master >= 0)
        return luna_error_set(err, LUNA_ECONFLICT,
                              "LUNA_WORKER_SOCKET: another process (process id %ld) is serving %s",
                              (long)master, config->socket_path);
    (void)snprintf(private_path, sizeof private_path, "%s.%ld", config->socket_path,
                   (long)getpid());
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd < 0)
        return luna_error_set(err, LUNA_EIO, "socket: %s", strerror(errno));
    (void)unlink(private_path);
    enum luna_code code = check_folder(config->socket_path, err);
    if (code == LUNA_OK)
        code = bind_and_listen(listener.fd, private_path, config, err);
    if (code != LUNA_OK) {
        close(listener.fd);
        return code;
    }
    /* fill_address() refuses a longer one; listener_close() would remove another file. */
    assert(strlen(config->socket_path) < sizeof listener.path);
    (void)snprintf(listener.path, sizeof listener.path, "%s", config->socket_path);
    *ret_listener = listener;
    return LUNA_OK;
}

enum luna_code listener_adopt(int fd, const char *path, struct listener *ret_listener,
                              struct luna_error *err)
{
    struct listener listener = {.fd = fd};
    int listening = 0;
    socklen_t len = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening)
        return luna_error_set(err, LUNA_EINVAL, "descriptor %d is not a listening socket", fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        return luna_error_set(err, LUNA_EIO, "fcntl: %s", strerror(errno));
    (void)snprintf(listener.path, sizeof listener.path, "%s", path);
    *ret_listener = listener;
    return LUNA_OK;
}

static enum luna_code listen_on(const char *text, int64_t backlog, struct listener *ret_listener,
                                struct luna_error *err)
{
    struct luna_address address;
    int one = 1;
    if (luna_address_parse(text, &address, err) != LUNA_OK) {
        luna_error_wrap(err, "LUNA_WORKER_LISTEN");
        return LUNA_ECONFIG;
    }
    struct listener listener = {
        .fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (listener.fd < 0)
        return luna_error_set(err, LUNA_EIO, "socket: %s", strerror(errno));
    /* So that a pool can replace another at once, while connections of that one are still in
     * TIME_WAIT. */
    if (setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(listener.fd, (struct sockaddr *)&address.storage, address.len) != 0 ||
        listen(listener.fd, (int)backlog) != 0) {
        enum luna_code code = errno == EADDRINUSE ? LUNA_ECONFLICT : LUNA_ECONFIG;
        luna_error_set(err, code, "LUNA_WORKER_LISTEN: cannot listen on %s: %s", text,
                       strerror(errno));
        close(listener.fd);
        return code;
    }
    *ret_listener = listener;
    return LUNA_OK;
}

static bool systemd_passed_one(void)
{
    const char *pid =
        getenv("LISTEN_PID"); /* NOLINT(concurrency-mt-unsafe): read at start, one thread */
    const char *count = getenv("LISTEN_FDS"); /* NOLINT(concurrency-mt-unsafe) */
    return pid != NULL && count != NULL && strtol(pid, NULL, 10) == (long)getpid() &&
           strtol(count, NULL, 10) >= 1;
}

enum luna_code listener_open(const struct worker_config *config, bool orphans,
                             struct listener *ret_listener, struct luna_error *err)
{
    bool passed = systemd_passed_one();
    if (worker_config_uses_tcp(config)) {
        /* The unit of every pool has a socket. */
        if (passed)
            close(SYSTEMD_FIRST_FD);
        return listen_on(config->worker_listen, config->backlog, ret_listener, err);
    }
    if (passed)
        return listener_adopt(SYSTEMD_FIRST_FD, "", ret_listener, err);
    return make_socket(config, orphans, ret_listener, err);
}

void listener_close(struct listener *listener, bool remove)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
    if (remove && listener->path[0] != '\0' && served_by(listener->path, false) < 0)
        (void)unlink(listener->path);
}

struct question {
    struct nlmsghdr header;
    struct unix_diag_req request;
};

static int netlink_socket(void)
{
    static int fd = -1;
    static pid_t opened_by;
    if (opened_by != getpid()) {
        const struct timeval limit = {.tv_usec = ANSWER_LIMIT_US};
        opened_by = getpid();
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        /* cannot fail on a socket */
        if (fd >= 0)
            (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    return fd;
}

static bool send_question(int fd, ino_t inode)
{
    const struct question question = {.header = {.nlmsg_len = sizeof question,
                                                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                                 .nlmsg_flags = NLM_F_REQUEST},
                                      .request = {.sdiag_family = AF_UNIX,
                                                  .udiag_states = UINT32_MAX,
                                                  .udiag_ino = (uint32_t)inode,
                                                  .udiag_show = UDIAG_SHOW_RQLEN,
                                                  .udiag_cookie = {UINT32_MAX, UINT32_MAX}}};
    return send(fd, &question, sizeof question, MSG_DONTWAIT) == (ssize_t)sizeof question;
}

static bool read_answer(const struct nlmsghdr *header, struct listener_backlog *ret_backlog)
{
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    const char *message = NLMSG_DATA(header);
    const char *end = (const char *)header + header->nlmsg_len;
    for (const char *at = message + NLMSG_ALIGN(sizeof(struct unix_diag_msg));
         at + sizeof(struct rtattr) <= end;) {
        struct rtattr attribute;
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute)
            return false;
        if (attribute.rta_type == UNIX_DIAG_RQLEN &&
            attribute.rta_len >= RTA_LENGTH(sizeof(struct unix_diag_rqlen))) {
            struct unix_diag_rqlen length;
            memcpy(&length, at + RTA_LENGTH(0), sizeof length);
            *ret_backlog = (struct listener_backlog){.depth = (int)length.udiag_rqueue,
                                                     .max = (int)length.udiag_wqueue};
            return true;
        }
        at += RTA_ALIGN(attribute.rta_len);
    }
    return false;
}

/* Of a listening TCP socket, tcp_info holds the queue where it holds a connection's segments. */
static bool read_tcp(int listen_fd, struct listener_backlog *ret_backlog)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(listen_fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    *ret_backlog =
        (struct listener_backlog){.depth = (int)info.tcpi_unacked, .max = (int)info.tcpi_sacked};
    return true;
}

static bool read_unix(int listen_fd, struct listener_backlog *ret_backlog)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
    struct stat socket_stat;
    int fd = netlink_socket();
    if (fd < 0 || fstat(listen_fd, &socket_stat) != 0 || !send_question(fd, socket_stat.st_ino))
        return false;
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    const struct nlmsghdr *header = (const void *)answer;
    return len >= (ssize_t)sizeof *header && header->nlmsg_len <= (size_t)len &&
           read_answer(header, ret_backlog);
}

struct listener_backlog listener_read_backlog(int listen_fd)
{
    struct listener_backlog backlog;
    if (read_tcp(listen_fd, &backlog) || read_unix(listen_fd, &backlog))
        return backlog;
    return (struct listener_backlog){.depth = -1, .max = -1};
}
