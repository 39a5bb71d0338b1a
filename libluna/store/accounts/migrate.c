#include "luna/store/migrate.h"

#include "client/digest.h"
#include "client/pg.h"
#include "luna/base/digits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIGRATION_TIMEOUT_MS = 10 * 60 * 1000 };

/* "luna" as a number, and 2. */
#define LOCK_SQL "SELECT pg_advisory_lock(1819635297, 2)"
#define UNLOCK_SQL "SELECT pg_advisory_unlock(1819635297, 2)"

extern const char *const luna_sql_names[], *const luna_sql_texts[];

/* Embedded or recorded, or both. */
struct entry {
    struct luna_migration migration;
    const char *text; /* NULL: not in this build */
};

struct plan {
    struct entry *entries;
    int count, capacity, embedded;
};

/* What the text says in a line of its own; `number`: nothing. */
static int compatible_from(const char *text, int number)
{
    static const char words[] = "-- compatible-from: ";
    const char *line = strstr(text, words);
    bool own_line = line != NULL && (line == text || line[-1] == '\n');
    return own_line ? (int)strtol(line + sizeof words - 1, NULL, 10) : number;
}

static enum luna_code embedded_entry(int index, struct entry *ret_entry, struct luna_error *err)
{
    unsigned char digest[LUNA_DIGEST_BYTES];
    const char *name = luna_sql_names[index];
    struct entry entry = {.text = luna_sql_texts[index]};
    entry.migration.number = (int)strtol(name, NULL, 10);
    if (entry.migration.number != index + 1 || strlen(name) >= sizeof entry.migration.name)
        return luna_error_set(err, LUNA_EINVAL,
                              "migration \"%s\" breaks the numbering: expected %04d_…", name,
                              index + 1);
    snprintf(entry.migration.name, sizeof entry.migration.name, "%s", name);
    luna_digest_sha256(entry.text, strlen(entry.text), digest);
    luna_hex_encode(digest, sizeof digest, entry.migration.checksum);
    entry.migration.compatible_from = compatible_from(entry.text, entry.migration.number);
    entry.migration.state = LUNA_MIGRATION_PENDING;
    *ret_entry = entry;
    return LUNA_OK;
}

static enum luna_code record_exists(struct luna_database *database, bool *ret_exists,
                                    struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT to_regclass('public.schema_migrations') IS NOT NULL", NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    *ret_exists = luna_pg_bool(result, 0, 0);
    luna_pg_result_free(result);
    return LUNA_OK;
}

static void merge_row(struct plan *plan, const struct luna_pg_result *result, int row)
{
    assert(plan->count < plan->capacity);
    int number = (int)luna_pg_int(result, row, 0);
    const char *checksum = luna_pg_text(result, row, 2);
    struct entry *entry = number >= 1 && number <= plan->embedded ? &plan->entries[number - 1]
                                                                  : &plan->entries[plan->count++];
    int compatible = (int)luna_pg_int(result, row, 4);
    enum luna_migration_state state =
        compatible <= plan->embedded ? LUNA_MIGRATION_NEWER : LUNA_MIGRATION_UNKNOWN;
    if (entry->text != NULL)
        state = strcmp(entry->migration.checksum, checksum) == 0 ? LUNA_MIGRATION_APPLIED
                                                                 : LUNA_MIGRATION_CHANGED;
    entry->migration.state = state;
    entry->migration.number = number;
    entry->migration.compatible_from = compatible;
    snprintf(entry->migration.name, sizeof entry->migration.name, "%s",
             luna_pg_text(result, row, 1));
    snprintf(entry->migration.checksum, sizeof entry->migration.checksum, "%s", checksum);
    entry->migration.applied_ms = luna_pg_int(result, row, 3);
}

static enum luna_code plan_read(struct luna_database *database, struct plan *ret_plan,
                                struct luna_error *err)
{
    struct plan plan = {.count = 0};
    struct luna_pg_result *result = NULL;
    bool exists = false;
    int rows = 0;
    while (luna_sql_names[plan.embedded] != NULL)
        plan.embedded++;
    enum luna_code code = luna_digest_init(err);
    if (code == LUNA_OK)
        code = record_exists(database, &exists, err);
    if (code == LUNA_OK && exists)
        code = luna_pg_query(
            database, luna_pg_deadline(database),
            /* by JSON: an earlier build has made the table without the last column */
            "SELECT number, name, checksum, (extract(epoch FROM applied_at) * 1000)::bigint, "
            "COALESCE((to_jsonb(m) ->> 'compatible_from')::int, number) "
            "FROM public.schema_migrations m ORDER BY number",
            NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    rows = result != NULL ? luna_pg_rows(result) : 0;
    /* At most all of this build and all that are recorded; one more, for calloc(0) may be NULL. */
    plan.capacity = plan.embedded + rows + 1;
    plan.entries = calloc((size_t)plan.capacity, sizeof *plan.entries);
    if (plan.entries == NULL) {
        luna_pg_result_free(result);
        return luna_error_set(err, LUNA_ENOMEM, "no memory for the migrations");
    }
    assert(plan.count == 0); /* embedded ones first: merge_row() finds them by their number */
    for (; plan.count < plan.embedded && code == LUNA_OK; plan.count++)
        code = embedded_entry(plan.count, &plan.entries[plan.count], err);
    for (int row = 0; row < rows && code == LUNA_OK; row++)
        merge_row(&plan, result, row);
    luna_pg_result_free(result);
    if (code != LUNA_OK)
        free(plan.entries);
    else
        *ret_plan = plan;
    return code;
}

/* What forbids any migration. */
static enum luna_code plan_check(const struct plan *plan, struct luna_error *err)
{
    bool hole = false;
    for (int i = 0; i < plan->count; i++) {
        const struct luna_migration *migration = &plan->entries[i].migration;
        if (migration->state == LUNA_MIGRATION_UNKNOWN)
            return luna_error_set(err, LUNA_ECONFLICT,
                                  "the database has migration %04d (%s), which this build "
                                  "does not have and is not compatible with: use a newer build",
                                  migration->number, migration->name);
        if (migration->state == LUNA_MIGRATION_CHANGED)
            return luna_error_set(err, LUNA_ECONFLICT,
                                  "migration %s was applied with another text: restore its file, "
                                  "and put the change into a "
                                  "new one",
                                  migration->name);
        if ((migration->state == LUNA_MIGRATION_APPLIED ||
             migration->state == LUNA_MIGRATION_NEWER) &&
            hole)
            return luna_error_set(err, LUNA_ECONFLICT,
                                  "migration %s was applied before one with a lower number",
                                  migration->name);
        hole = hole || migration->state == LUNA_MIGRATION_PENDING;
    }
    return LUNA_OK;
}

static enum luna_code apply(struct luna_database *database, const struct entry *entry,
                            struct luna_error *err)
{
    struct luna_buf sql;
    assert(entry->text != NULL && entry->migration.state == LUNA_MIGRATION_PENDING);
    luna_buf_init(&sql, (size_t)4 << 20);
    luna_buf_printf(&sql, "BEGIN;\nSET LOCAL statement_timeout = %d;\n", MIGRATION_TIMEOUT_MS);
    luna_buf_puts(&sql, entry->text);
    /* Name and checksum are from our own build: letters, digits and underscores. */
    luna_buf_printf(&sql,
                    "\nRESET ROLE;\nINSERT INTO public.schema_migrations (number, name, checksum, "
                    "compatible_from) VALUES (%d, '%s', '%s', %d);\n"
                    "COMMIT;",
                    entry->migration.number, entry->migration.name, entry->migration.checksum,
                    entry->migration.compatible_from);
    luna_buf_putc(&sql, '\0');
    enum luna_code code =
        sql.overflow
            ? luna_error_set(err, LUNA_ELIMIT, "too long")
            : luna_pg_script(database, luna_deadline_in_ms(MIGRATION_TIMEOUT_MS), sql.data, err);
    luna_buf_done(&sql);
    if (code == LUNA_OK)
        return LUNA_OK;
    luna_pg_drop(database); /* rolls the transaction back */
    return luna_error_wrap(err, "migration %s", entry->migration.name);
}

static enum luna_code apply_pending(struct luna_database *database, struct plan *plan,
                                    void (*each)(void *context,
                                                 const struct luna_migration *migration),
                                    void *context, int *ret_applied, struct luna_error *err)
{
    int applied = 0;
    enum luna_code code = plan_check(plan, err);
    for (int i = 0; i < plan->embedded && code == LUNA_OK; i++) {
        struct entry *entry = &plan->entries[i];
        if (entry->migration.state != LUNA_MIGRATION_PENDING)
            continue;
        code = apply(database, entry, err);
        if (code != LUNA_OK)
            break;
        applied++;
        entry->migration.state = LUNA_MIGRATION_APPLIED;
        entry->migration.applied_ms = luna_clock_wall_ms();
        if (each != NULL)
            each(context, &entry->migration);
    }
    if (code == LUNA_OK)
        *ret_applied = applied;
    return code;
}

static enum luna_code check_role(struct luna_database *database, struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT has_schema_privilege('public', 'CREATE'), current_user", NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    if (!luna_pg_bool(result, 0, 0))
        code =
            luna_error_set(err, LUNA_ECONFIG,
                           "the role %.64s may not create tables: migrate as luna_owner, or as a "
                           "superuser the first time, when the roles are created",
                           luna_pg_text(result, 0, 1));
    luna_pg_result_free(result);
    return code;
}

static enum luna_code prepare(struct luna_database *database, struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code = check_role(database, err);
    if (code == LUNA_OK)
        code = luna_pg_query_long(database, MIGRATION_TIMEOUT_MS, LOCK_SQL, NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_result_free(result);
    return luna_pg_script(
        database, luna_pg_deadline(database),
        "CREATE TABLE IF NOT EXISTS public.schema_migrations (number INTEGER PRIMARY KEY, name "
        "TEXT NOT "
        "NULL, "
        "checksum TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP);"
        "GRANT SELECT ON public.schema_migrations TO PUBLIC;"
        /* ALTER asks for the owner even when it has nothing to do */
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = "
        "'public.schema_migrations'::regclass AND attname = 'compatible_from') THEN "
        "ALTER TABLE public.schema_migrations ADD COLUMN compatible_from INTEGER; END IF; END $$",
        err);
}

/* The record belongs to luna_owner, like all else, so that luna_owner can migrate after a superuser
 * did. Nothing is done for a table that this role may not give away. */
static enum luna_code hand_over_record(struct luna_database *database, struct luna_error *err)
{
    return luna_pg_script(
        database, luna_pg_deadline(database),
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_class c, pg_roles r WHERE c.oid = "
        "'public.schema_migrations'::regclass AND r.rolname = 'luna_owner' AND c.relowner <> r.oid "
        "AND pg_has_role(c.relowner, 'USAGE') AND pg_has_role(r.oid, 'USAGE')) THEN "
        "ALTER TABLE public.schema_migrations OWNER TO luna_owner; END IF; END $$",
        err);
}

enum luna_code luna_migrate_up(struct luna_database *database,
                               void (*each)(void *context, const struct luna_migration *migration),
                               void *context, int *ret_applied, struct luna_error *err)
{
    struct plan plan = {.count = 0};
    struct luna_error ignored;
    enum luna_code code = prepare(database, err);
    if (code != LUNA_OK)
        return code;
    code = plan_read(database, &plan, err);
    if (code == LUNA_OK) {
        code = apply_pending(database, &plan, each, context, ret_applied, err);
        if (code == LUNA_OK)
            code = hand_over_record(database, err);
        free(plan.entries);
    }
    /* A session that was dropped has lost the lock with it. */
    if (luna_pg_fd(database) >= 0 &&
        luna_pg_script(database, luna_pg_deadline(database), UNLOCK_SQL, &ignored) != LUNA_OK)
        luna_pg_drop(database);
    return code;
}

enum luna_code luna_migrate_status(struct luna_database *database,
                                   void (*each)(void *context,
                                                const struct luna_migration *migration),
                                   void *context, struct luna_error *err)
{
    struct plan plan = {.count = 0};
    enum luna_code code = plan_read(database, &plan, err);
    if (code != LUNA_OK)
        return code;
    for (int i = 0; i < plan.count; i++)
        each(context, &plan.entries[i].migration);
    free(plan.entries);
    return LUNA_OK;
}

enum luna_code luna_migrate_check(struct luna_database *database, struct luna_error *err)
{
    struct plan plan = {.count = 0};
    enum luna_code code = plan_read(database, &plan, err);
    if (code != LUNA_OK)
        return code;
    code = plan_check(&plan, err);
    for (int i = 0; i < plan.count && code == LUNA_OK; i++)
        if (plan.entries[i].migration.state == LUNA_MIGRATION_PENDING)
            code = luna_error_set(err, LUNA_ECONFLICT,
                                  "the database lacks migration %s: run \"luna migrate up\"",
                                  plan.entries[i].migration.name);
    free(plan.entries);
    return code;
}
