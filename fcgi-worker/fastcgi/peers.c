#include "fastcgi/peers.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 64 };

static enum luna_code add_user(const char *name, struct fcgi_io_options *options,
                               struct luna_error *err)
{
    /* NOLINT(concurrency-mt-unsafe): a worker has one thread */
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return LUNA_OK;
    if (options->peer_count == FCGI_IO_PEERS_MAX)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_SOCKET_PEERS names more than %d users",
                              FCGI_IO_PEERS_MAX - 2);
    options->peers[options->peer_count++] = user->pw_uid;
    return LUNA_OK;
}

enum luna_code peers_resolve(const char *names, struct fcgi_io_options *options,
                             struct luna_error *err)
{
    options->peer_count = 0;
    options->peers[options->peer_count++] = 0;
    options->peers[options->peer_count++] = geteuid();
    while (names != NULL && *names != '\0') {
        char name[NAME_BYTES];
        names += strspn(names, ", ");
        size_t len = strcspn(names, ", ");
        if (len >= sizeof name)
            return luna_error_set(err, LUNA_ECONFIG, "LUNA_SOCKET_PEERS: a name is longer than %d",
                                  NAME_BYTES - 1);
        memcpy(name, names, len);
        name[len] = '\0';
        names += len;
        if (len > 0) {
            enum luna_code code = add_user(name, options, err);
            if (code != LUNA_OK)
                return code;
        }
    }
    return LUNA_OK;
}
