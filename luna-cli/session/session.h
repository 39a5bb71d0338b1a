/*
 * session.h: the settings, connections, pepper and actor that a command works with.
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
    SESSION_PEPPER = 8,       /* LUNA_KEY_PEPPER must be set, and be one that pools have */
    SESSION_PEPPER_ALONE = 16 /* the same, without a database to compare it with */
};

enum { SESSION_ACTOR_BYTES = 80 };

struct session {
    struct cli_config config;
    struct luna_database *database; /* NULL: not requested */
    struct luna_counters *counters; /* NULL: not requested, or not configured */
    unsigned char pepper[LUNA_PEPPER_BYTES_MAX];
    size_t pepper_len;
    struct luna_pepper previous_pepper; /* id 0: none */
    char actor[SESSION_ACTOR_BYTES];    /* "cli:" and the user's name */
};

/* `needs`: bits of enum session_needs. On failure it prints the error, returns its exit status, and
 * leaves nothing to close. */
enum cli_exit session_open(struct session *session, unsigned needs);
void session_close(struct session *session);
/* The session as an argument of the store's functions; borrowed from `session`. */
struct luna_operator session_operator(const struct session *session);
/* Finds an account by id or name; prints the error when that fails, or when it is deleted. */
enum cli_exit session_account(const struct session *session, const char *which,
                              struct luna_account *ret_account);

#endif
