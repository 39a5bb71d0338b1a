#include "master/listener.h"

#include "luna/base/address.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SYSTEMD_FIRST_FD = 3, SOCKET_MODE = 0660 };

static enum luna_code fill_address(const char *path, struct sockaddr_un *address,
                                   struct luna_error *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    /* Room for ".<pid>" while it is being made, and for the NUL that the kernel does not ask
     * for. */
    if (strlen(path) + 12 >= sizeof address->sun_path)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_WORKER_SOCKET is longer than %zu characters",
                              sizeof address->sun_path - 13);
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return LUNA_OK;
}

/* Somebody answering at `path` means that another pool serves it. */
static bool is_live(const char *path)
{
    struct sockaddr_un address;
    if (fill_address(path, &address, NULL) != LUNA_OK)
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int failed = connect(fd, (struct sockaddr *)&address, sizeof address);
    bool live = failed == 0 || errno == EAGAIN; /* EAGAIN: it listens, and its queue is full */
    close(fd);
    return live;
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
        code = luna_error_set(err, LUNA_ECONFIG, "LUNA_WORKER_SOCKET: cannot put it at %s: %s",
                              config->socket_path, strerror(errno));
    if (code != LUNA_OK)
        (void)unlink(path);
    return code;
}

static enum luna_code make_socket(const struct worker_config *config, struct listener *ret_listener,
                                  struct luna_error *err)
{
    char private_path[sizeof ret_listener->path + 16];
    struct listener listener = {.fd = -1};
    if (is_live(config->socket_path))
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_WORKER_SOCKET: another process is serving %s",
                              config->socket_path);
    (void)snprintf(private_path, sizeof private_path, "%s.%ld", config->socket_path,
                   (long)getpid());
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd < 0)
        return luna_error_set(err, LUNA_EIO, "socket: %s", strerror(errno));
    (void)unlink(private_path);
    enum luna_code code = bind_and_listen(listener.fd, private_path, config, err);
    if (code != LUNA_OK) {
        close(listener.fd);
        return code;
    }
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
        return luna_error_set(err, LUNA_EINVAL, "descriptor %d is no listening socket", fd);
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
    /* So that a pool may follow another at once, while connections of that one still linger in
     * TIME_WAIT. */
    if (setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(listener.fd, (struct sockaddr *)&address.storage, address.len) != 0 ||
        listen(listener.fd, (int)backlog) != 0) {
        luna_error_set(err, LUNA_ECONFIG, "LUNA_WORKER_LISTEN: cannot listen on %s: %s", text,
                       strerror(errno));
        close(listener.fd);
        return LUNA_ECONFIG;
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

enum luna_code listener_open(const struct worker_config *config, struct listener *ret_listener,
                             struct luna_error *err)
{
    if (systemd_passed_one())
        return listener_adopt(SYSTEMD_FIRST_FD, "", ret_listener, err);
    if (config->worker_listen != NULL && *config->worker_listen != '\0')
        return listen_on(config->worker_listen, config->backlog, ret_listener, err);
    return make_socket(config, ret_listener, err);
}

void listener_close(struct listener *listener, bool remove)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
    if (remove && listener->path[0] != '\0' && !is_live(listener->path))
        (void)unlink(listener->path);
}
