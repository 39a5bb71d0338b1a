#include "journal/host.h"

#include "client/pg.h"

enum luna_code luna_journal_host_announce(struct luna_database *database, const char *name,
                                          struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_text(&params, name);
    enum luna_code code =
        luna_pg_query(database, deadline, "SELECT luna_host_seen($1)", &params, &result, err);
    if (code == LUNA_OK)
        luna_pg_result_free(result);
    return code;
}
