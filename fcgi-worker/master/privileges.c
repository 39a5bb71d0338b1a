#include "master/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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
                              "LUNA_USER is root; wanted a user with no privileges");
    return LUNA_OK;
}

static enum luna_code become(const struct worker_config *config, struct luna_error *err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    enum luna_code code = find_ids(config, &uid, &gid, err);
    if (code != LUNA_OK)
        return code;
    if (mkdir(config->state_dir, 0700) == 0 && chown(config->state_dir, uid, gid) != 0)
        return luna_error_set(err, LUNA_EIO, "LUNA_STATE_DIR: chown %s: %s", config->state_dir,
                              strerror(errno));
    if (initgroups(config->user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
        return luna_error_set(err, LUNA_EIO, "LUNA_USER: cannot become %s: %s", config->user,
                              strerror(errno));
    if (setuid(0) == 0 || geteuid() != uid || getegid() != gid)
        return luna_error_set(err, LUNA_EIO, "LUNA_USER: root could be regained after becoming %s",
                              config->user);
    return LUNA_OK;
}

static enum luna_code forbid_core_dumps(struct luna_error *err)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return luna_error_set(err, LUNA_EIO, "cannot forbid core dumps: %s", strerror(errno));
    return LUNA_OK;
}

enum luna_code privileges_drop(const struct worker_config *config, struct luna_error *err)
{
    enum luna_code code = LUNA_OK;
    if (geteuid() == 0 && config->user != NULL && *config->user != '\0')
        code = become(config, err);
    if (code == LUNA_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        code = luna_error_set(err, LUNA_EIO, "no_new_privs: %s", strerror(errno));
    if (code == LUNA_OK && !config->core_dumps)
        code = forbid_core_dumps(err);
    return code;
}
