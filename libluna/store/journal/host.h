/*
 * journal_host.h: a journal directory makes itself known to PostgreSQL. Private to the store.
 *
 * A recovery gives back what was booked and is in no journal. That is right only for whoever has
 * all the journals, so PostgreSQL counts them: sql/0003_events.sql.
 */
#ifndef LUNA_STORE_JOURNAL_HOST_H
#define LUNA_STORE_JOURNAL_HOST_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/database.h"

/* May be repeated. `name` is luna_journal_dir_name()'s. LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_journal_host_announce(struct luna_database *database, const char *name,
                                          struct luna_deadline deadline,
                                          struct luna_error *err) LUNA_MUSTCHECK;

#endif
