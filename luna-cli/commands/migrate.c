#include "commands/handlers.h"

#include "luna/store/migrate.h"
#include "session/session.h"
#include "terminal/output.h"

enum { PING_TIMEOUT_MS = 5000 };

static const char *const states[] = {[LUNA_MIGRATION_PENDING] = "pending",
                                     [LUNA_MIGRATION_APPLIED] = "applied",
                                     [LUNA_MIGRATION_CHANGED] = "changed since it was applied",
                                     [LUNA_MIGRATION_NEWER] = "of a newer build, compatible",
                                     [LUNA_MIGRATION_UNKNOWN] = "not of this build"};

struct listing {
    struct output_list *list;
    int pending, wrong;
};

static void list_migration(void *context, const struct luna_migration *migration)
{
    struct listing *listing = context;
    listing->pending += migration->state == LUNA_MIGRATION_PENDING;
    listing->wrong +=
        migration->state == LUNA_MIGRATION_CHANGED || migration->state == LUNA_MIGRATION_UNKNOWN;
    const struct cell cells[] = {
        CELL_I("number", migration->number), CELL_T("name", migration->name),
        CELL_STATE("state", states[migration->state], migration->state == LUNA_MIGRATION_APPLIED),
        CELL_MS("applied_at", migration->applied_ms), CELL_T("sha256", migration->checksum)};
    output_list_add(listing->list, cells, OUTPUT_COUNT(cells));
}

enum cli_exit cmd_migrate_up(const struct invocation *invocation)
{
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    struct listing listing = {.list = output_list_new(invocation->json)};
    struct luna_error err;
    int applied = 0;
    enum luna_code code =
        luna_migrate_up(session.database, list_migration, &listing, &applied, &err);
    output_list_print(listing.list,
                      code == LUNA_OK ? "The schema is up to date." : "No migration was applied.");
    if (code != LUNA_OK)
        status = cli_exit_report(&err);
    session_close(&session);
    return status;
}

enum cli_exit cmd_migrate_status(const struct invocation *invocation)
{
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    struct listing listing = {.list = output_list_new(invocation->json)};
    struct luna_error err;
    enum luna_code code = luna_migrate_status(session.database, list_migration, &listing, &err);
    output_list_print(listing.list, "This build has no migrations.");
    if (code != LUNA_OK)
        status = cli_exit_report(&err);
    else if (listing.wrong > 0 || listing.pending > 0)
        status = CLI_FAILED;
    session_close(&session);
    return status;
}

struct preflight {
    struct output_list *list;
    int level; /* the last migration that is applied */
    int stops; /* pending ones that the running release cannot stay for */
    bool wrong;
};

static void look_at(void *context, const struct luna_migration *migration)
{
    struct preflight *preflight = context;
    const char *effect = NULL;
    if (migration->state == LUNA_MIGRATION_APPLIED && preflight->stops == 0)
        preflight->level = migration->number;
    if (migration->state == LUNA_MIGRATION_PENDING) {
        bool stays = migration->compatible_from <= preflight->level;
        preflight->stops += !stays;
        effect = stays ? "the running release continues, and can be reinstalled"
                       : "stop the service first; the running release cannot be reinstalled";
    } else if (migration->state == LUNA_MIGRATION_CHANGED ||
               migration->state == LUNA_MIGRATION_UNKNOWN) {
        preflight->wrong = true;
        effect = "this build cannot use the schema";
    }
    if (effect == NULL)
        return;
    const struct cell cells[] = {CELL_T("name", migration->name),
                                 CELL_T("state", states[migration->state]),
                                 CELL_T("effect", effect)};
    output_list_add(preflight->list, cells, OUTPUT_COUNT(cells));
}

enum cli_exit cmd_upgrade(const struct invocation *invocation)
{
    struct session session;
    struct luna_error err;
    if (invocation_option(invocation, "check") == NULL) {
        luna_error_set(&err, LUNA_EINVAL, "--check is required; to upgrade, use apt");
        return cli_exit_report(&err);
    }
    enum cli_exit status = session_open(&session, SESSION_DATABASE | SESSION_CACHE);
    if (status != CLI_OK)
        return status;
    struct preflight preflight = {.list = output_list_new(invocation->json)};
    enum luna_code code = luna_migrate_status(session.database, look_at, &preflight, &err);
    if (code == LUNA_OK)
        code = luna_counters_ping(session.counters, luna_deadline_in_ms(PING_TIMEOUT_MS), &err);
    output_list_print(preflight.list, code == LUNA_OK ? "The schema is up to date."
                                                      : "Not everything could be checked.");
    if (code != LUNA_OK)
        status = cli_exit_report(&err);
    else if (preflight.wrong || preflight.stops > 0)
        status = CLI_FAILED;
    session_close(&session);
    return status;
}
