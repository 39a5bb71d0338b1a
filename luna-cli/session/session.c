#include "session/session.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum luna_code read_pepper(struct session *session, struct luna_error *err)
{
    const struct cli_config *config = &session->config;
    enum luna_code code = cli_config_need(config, "LUNA_KEY_PEPPER", err);
    if (code == LUNA_OK)
        code = luna_pepper_decode(config->key_pepper, session->pepper, &session->pepper_len, err);
    return code != LUNA_OK
               ? code
               : luna_pepper_previous(config->key_pepper_previous, config->key_pepper_previous_id,
                                      config->key_pepper_id, &session->previous_pepper, err);
}

/* A key that is made under a wrong, an old or an unknown pepper is refused by every worker. */
static enum luna_code verify_pepper(struct session *session, struct luna_error *err)
{
    struct luna_pepper_marks marks;
    enum luna_code code = read_pepper(session, err);
    if (code != LUNA_OK)
        return code;
    luna_pepper_marks_make((int)session->config.key_pepper_id, session->pepper, session->pepper_len,
                           &session->previous_pepper, &marks);
    struct luna_deadline deadline = luna_deadline_in_ms(session->config.database_timeout_ms);
    code = luna_pepper_check_use(session->database, &marks, deadline, err);
    if (code == LUNA_OK)
        code = luna_pepper_verify(session->database, &marks, deadline, err);
    explicit_bzero(&marks, sizeof marks);
    return code;
}

static enum luna_code open_database(struct session *session, struct luna_error *err)
{
    enum luna_code code = cli_config_need(&session->config, "LUNA_DATABASE_URL", err);
    if (code != LUNA_OK)
        return code;
    return luna_database_new(session->config.database_url, (int)session->config.database_timeout_ms,
                             &session->database, err);
}

static enum luna_code open_cache(struct session *session, unsigned needs, struct luna_error *err)
{
    if (!(needs & SESSION_CACHE) && !session->config.redis_url)
        return LUNA_OK;
    enum luna_code code = cli_config_need(&session->config, "LUNA_REDIS_URL", err);
    if (code != LUNA_OK)
        return code;
    return luna_counters_new(session->config.redis_url, (int)session->config.redis_timeout_ms,
                             &session->counters, err);
}

static void name_actor(struct session *session)
{
    /* NOLINT(concurrency-mt-unsafe): there is one thread */
    const struct passwd *user = getpwuid(getuid());
    if (user)
        snprintf(session->actor, sizeof session->actor, "cli:%s", user->pw_name);
    else
        snprintf(session->actor, sizeof session->actor, "cli:uid-%ld", (long)getuid());
}

enum cli_exit session_open(struct session *session, unsigned needs)
{
    *session = (struct session){.database = NULL};
    struct luna_error err;
    enum luna_code code = cli_config_load(&session->config, &err);
    if (code == LUNA_OK && (needs & SESSION_DATABASE))
        code = open_database(session, &err);
    if (code == LUNA_OK && (needs & (SESSION_CACHE | SESSION_CACHE_IF_SET)))
        code = open_cache(session, needs, &err);
    if (code == LUNA_OK && (needs & SESSION_PEPPER))
        code = verify_pepper(session, &err);
    if (code == LUNA_OK && (needs & SESSION_PEPPER_ALONE))
        code = read_pepper(session, &err);
    if (code != LUNA_OK) {
        session_close(session);
        return cli_exit_report(&err);
    }
    name_actor(session);
    return CLI_OK;
}

void session_close(struct session *session)
{
    luna_counters_free(session->counters);
    luna_database_free(session->database);
    explicit_bzero(session->pepper, sizeof session->pepper);
    explicit_bzero(&session->previous_pepper, sizeof session->previous_pepper);
    cli_config_done(&session->config);
}

struct luna_operator session_operator(const struct session *session)
{
    return (struct luna_operator){.database = session->database,
                                  .counters = session->counters,
                                  .pepper = session->pepper_len > 0 ? session->pepper : NULL,
                                  .pepper_len = session->pepper_len,
                                  .pepper_id = (int)session->config.key_pepper_id,
                                  .previous = &session->previous_pepper,
                                  .actor = session->actor};
}

enum cli_exit session_account(const struct session *session, const char *which,
                              struct luna_account *ret_account)
{
    struct luna_error err;
    enum luna_code code = luna_account_find(session->database, which, ret_account, &err);
    if (code == LUNA_OK && ret_account->deleted_ms != 0)
        code = luna_error_set(&err, LUNA_ENOTFOUND, "account \"%.100s\" is deleted", which);
    return code == LUNA_OK ? CLI_OK : cli_exit_report(&err);
}
