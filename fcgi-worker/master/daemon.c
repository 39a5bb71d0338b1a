#include "master/daemon.h"

#include "luna/base/log.h"
#include "luna/sandbox/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATH_BYTES = 512, NS_PER_US = 1000 };

static enum luna_code find_ids(const struct worker_config *config, uid_t *ret_uid, gid_t *ret_gid,
                               struct luna_error *err)
{
    /* NOLINT(concurrency-mt-unsafe): one thread */
    const struct passwd *user = getpwnam(config->user);
    if (user == NULL)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_USER: there is no user %s", config->user);
    *ret_uid = user->pw_uid;
    *ret_gid = user->pw_gid;
    if (config->group != NULL && *config->group != '\0') {
        const struct group *group = getgrnam(config->group); /* NOLINT(concurrency-mt-unsafe) */
        if (group == NULL)
            return luna_error_set(err, LUNA_ECONFIG, "LUNA_GROUP: there is no group %s",
                                  config->group);
        *ret_gid = group->gr_gid;
    }
    if (*ret_uid == 0)
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_USER is root; expected a user without privileges");
    return LUNA_OK;
}

static enum luna_code become(const struct worker_config *config, struct luna_error *err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    enum luna_code code = find_ids(config, &uid, &gid, err);
    if (code != LUNA_OK)
        return code;
    assert(uid != 0); /* find_ids() refuses root */
    if (initgroups(config->user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
        return luna_error_set(err, LUNA_EIO, "LUNA_USER: cannot switch to %s: %s", config->user,
                              strerror(errno));
    if (setuid(0) == 0 || geteuid() != uid || getegid() != gid)
        return luna_error_set(
            err, LUNA_EIO, "LUNA_USER: the process could become root again after switching to %s",
            config->user);
    return LUNA_OK;
}

static bool changes_user(const struct worker_config *config)
{
    return geteuid() == 0 && config->user != NULL && *config->user != '\0';
}

enum luna_code daemon_make_state_dir(const struct worker_config *config, struct luna_error *err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    if (changes_user(config)) {
        enum luna_code code = find_ids(config, &uid, &gid, err);
        if (code != LUNA_OK)
            return code;
    }
    bool made = mkdir(config->state_dir, 0700) == 0;
    if (!made && errno != EEXIST)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_STATE_DIR: cannot create %s: %s",
                              config->state_dir, strerror(errno));
    if (made && changes_user(config) && chown(config->state_dir, uid, gid) != 0)
        return luna_error_set(err, LUNA_EIO, "LUNA_STATE_DIR: chown %s: %s", config->state_dir,
                              strerror(errno));
    return LUNA_OK;
}

enum luna_code daemon_drop_privileges(const struct worker_config *config, struct luna_error *err)
{
    enum luna_code code = LUNA_OK;
    if (changes_user(config))
        code = become(config, err);
    if (code == LUNA_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        code = luna_error_set(err, LUNA_EIO, "no_new_privs: %s", strerror(errno));
    if (code == LUNA_OK && !config->core_dumps)
        code = luna_sandbox_hide_memory(err);
    return code;
}

enum luna_code daemon_write_pid_file(const char *path, struct luna_error *err)
{
    char fresh[PATH_BYTES];
    char text[32];
    if (path == NULL || *path == '\0')
        return LUNA_OK;
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_PID_FILE is longer than %zu bytes",
                              sizeof fresh - sizeof ".new");
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len && rename(fresh, path) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (!written)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_PID_FILE: cannot write %s: %s", path,
                              strerror(reason));
    return LUNA_OK;
}

void daemon_remove_pid_file(const char *path)
{
    if (path != NULL && *path != '\0')
        (void)unlink(path);
}

void daemon_notify(const char *state)
{
    const char *path =
        getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe): the master has one thread */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof address.sun_path)
        return;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* the abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    /* A manager that does not listen is not a fault of the pool. */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
                 len);
    close(fd);
}

void daemon_reload_name(const struct worker_config *config, char name[RELOAD_NAME_BYTES])
{
    (void)snprintf(name, RELOAD_NAME_BYTES, "worker-%lld", (long long)config->journal_slot_first);
}

void daemon_report(const struct worker_config *config, const struct luna_reload_outcome *outcome)
{
    char name[RELOAD_NAME_BYTES];
    struct luna_error err;
    daemon_reload_name(config, name);
    if (luna_reload_report(config->state_dir, name, outcome, &err) != LUNA_OK)
        luna_log(LUNA_LOG_WARNING, "outcome_not_reported", LUNA_LOG_S("reason", err.msg));
}

int64_t daemon_watchdog_ns(void)
{
    const char *interval = getenv("WATCHDOG_USEC"); /* NOLINT(concurrency-mt-unsafe) */
    const char *pid = getenv("WATCHDOG_PID");       /* NOLINT(concurrency-mt-unsafe) */
    if (interval == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoll(interval, NULL, 10) * NS_PER_US;
}
