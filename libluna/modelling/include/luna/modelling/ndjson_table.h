/*
 * ndjson_table.h: NDJSON whose lines are records, such as {"ts":"2020-01-01","value":1120}, as CSV.
 *
 * Records have the questions of a table: which member is the observation, which the time, are there
 * several series. One reader answers them for both, so records become the CSV that it reads: the
 * members of the first record are its columns. Memory is the arena's.
 */
#ifndef LUNA_MODELLING_NDJSON_TABLE_H
#define LUNA_MODELLING_NDJSON_TABLE_H

#include "luna/base/arena.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"

#include <stdbool.h>
#include <stddef.h>

/* Is the first line an object with other members than "value"? */
bool luna_ndjson_is_table(const char *body, size_t len);

/* The records as CSV with a line of names. A record with a member that the first one lacks, or with
 * a list or an object in it, is a fault. */
enum luna_decode_status luna_ndjson_to_csv(const char *body, size_t len, int nesting_max,
                                           struct luna_arena *arena, const char **ret_csv,
                                           size_t *ret_len, struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
