#include "commands/handlers.h"

#include "luna/store/migrate.h"
#include "session/session.h"
#include "terminal/output.h"

static const char *const states[] = {[LUNA_MIGRATION_PENDING] = "pending",
                                     [LUNA_MIGRATION_APPLIED] = "applied",
                                     [LUNA_MIGRATION_CHANGED] = "changed since it was applied",
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
        CELL_T("state", states[migration->state]), CELL_MS("applied_at", migration->applied_ms),
        CELL_T("sha256", migration->checksum)};
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
