/*
 * migrate.h: brings a database to the schema of this build.
 *
 * The migrations are sql/NNNN_name.sql, embedded at build time: numbered without gaps,
 * forward-only. Each runs in one transaction, under an advisory lock, and is recorded with its
 * SHA-256. LUNA_ECONFLICT, before anything is changed, when an applied migration differs from the
 * embedded one, or when one was applied before one with a lower number. The handle's role must own
 * the schema, and be a superuser or have CREATEROLE the first time.
 *
 * A database may be newer than this build. A migration with the line "-- compatible-from: N" only
 * adds to what builds use whose last migration is N or a later one; the number is recorded with it.
 * Such builds go on while it is applied, and return when the newer release is rolled back. For the
 * others, and after a migration without that line, LUNA_ECONFLICT.
 */
#ifndef LUNA_STORE_MIGRATE_H
#define LUNA_STORE_MIGRATE_H

#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>
#include <stdint.h>

enum luna_migration_state {
    LUNA_MIGRATION_PENDING,
    LUNA_MIGRATION_APPLIED,
    LUNA_MIGRATION_CHANGED,
    LUNA_MIGRATION_NEWER,  /* not of this build, which is compatible with it */
    LUNA_MIGRATION_UNKNOWN /* not of this build, and not compatible */
};

struct luna_migration {
    int number;
    char name[64];
    int compatible_from; /* see above; the migration's own number: only builds that have it */
    char checksum[65];   /* SHA-256 in hex; of the applied one when it was applied */
    enum luna_migration_state state;
    int64_t applied_ms;
};

/* Applies what is pending, and calls `each` (may be NULL) after each commit. LUNA_ECONFIG: the role
 * may not create tables. */
enum luna_code luna_migrate_up(struct luna_database *database,
                               void (*each)(void *context, const struct luna_migration *migration),
                               void *context, int *ret_applied,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* Embedded and recorded ones, in order of number. Works on an empty database too. */
enum luna_code luna_migrate_status(struct luna_database *database,
                                   void (*each)(void *context,
                                                const struct luna_migration *migration),
                                   void *context, struct luna_error *err) LUNA_MUSTCHECK;
/* For programs at start, with any role: can this build use the schema? LUNA_ECONFLICT, with
 * the command to run: no. */
enum luna_code luna_migrate_check(struct luna_database *database,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
