/*
 * pg_silence.h: whether a server that does not answer is worth another wait. Private to the store;
 * `silence` may be NULL.
 */
#ifndef LUNA_STORE_PG_SILENCE_H
#define LUNA_STORE_PG_SILENCE_H

#include "luna/store/database.h"

#include <stdbool.h>

/* False: do not ask now. True during a silence: the caller is the one who looks, and has
 * `patience_ms` for it. */
bool luna_pg_silence_lets(struct luna_database_silence *silence, int patience_ms);
void luna_pg_silence_unheard(struct luna_database_silence *silence);
void luna_pg_silence_heard(struct luna_database_silence *silence);

#endif
