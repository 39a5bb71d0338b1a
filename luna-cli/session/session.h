/*
 * session.h: what a command needs of the outside: its settings, PostgreSQL, Redis, the pepper, and
 * who is asking.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "luna/store/account.h"
#include "luna/store/counters.h"
#include "luna/store/database.h"
#include "luna/store/pepper.h"
#include "session/cli_config.h"
#include "terminal/exit_status.h"

#include <stddef.h>

enum session_needs {
    SESSION_DATABASE = 1,     /* LUNA_DATABASE_URL must be set */
    SESSION_CACHE = 2,        /* LUNA_REDIS_URL must be set */
    SESSION_CACHE_IF_SET = 4, /* Redis is used when LUNA_REDIS_URL is set */
    SESSION_PEPPER = 8        /* LUNA_KEY_PEPPER must be set */
};

enum { SESSION_ACTOR_BYTES = 80 };

struct session {
    struct cli_config config;
    struct luna_database *database; /* NULL: not asked for */
    struct luna_counters *counters; /* NULL: not asked for, or not set */
    unsigned char pepper[LUNA_PEPPER_BYTES_MAX];
    size_t pepper_len;
    char actor[SESSION_ACTOR_BYTES]; /* "cli:" and the user's name */
};

/* `needs`: bits of enum session_needs. A fault is printed and its exit status returned; then
 * there is nothing to close. */
enum cli_exit session_open(struct session *session, unsigned needs);
void session_close(struct session *session);
/* The session as the store's verbs want it; borrows it. */
struct luna_operator session_operator(const struct session *session);
/* The account that `which`, an id or a name, means; a fault is printed. */
enum cli_exit session_account(const struct session *session, const char *which,
                              struct luna_account *ret_account);

#endif
