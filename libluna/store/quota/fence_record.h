/*
 * fence_record.h: the key quota:fence: the number of Redis's incarnation, and the scripts that are
 * in force. Private to the store.
 */
#ifndef LUNA_STORE_FENCE_RECORD_H
#define LUNA_STORE_FENCE_RECORD_H

#include "client/scripts.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/counters.h"
#include "luna/store/durability.h"

#include <stdbool.h>
#include <stdint.h>

struct luna_fence_record {
    int64_t abi;         /* 0: no record */
    int64_t incarnation; /* 0: no record, or one of another ABI */
    char run_id[64];
    char build[17];                  /* luna_script_build() of the build that loaded them */
    enum luna_durability durability; /* of the quota-syncd that loaded them */
    char sha[LUNA_SCRIPTS_SHARED][LUNA_SCRIPT_SHA_BYTES];
};

/* LUNA_OK with incarnation 0 when Redis has none, or one of another ABI, of which only `abi` is
 * read. */
enum luna_code luna_fence_record_read(struct luna_counters *counters, struct luna_deadline deadline,
                                      struct luna_fence_record *ret_record,
                                      struct luna_error *err) LUNA_MUSTCHECK;
/* LUNA_ECONFLICT: a newer incarnation is announced already. Deletes the dirty set in the same step:
 * what it named was booked from the journals. */
enum luna_code luna_fence_record_write(struct luna_counters *counters,
                                       const struct luna_fence_record *record,
                                       struct luna_deadline deadline,
                                       struct luna_error *err) LUNA_MUSTCHECK;
/* The scripts of another build take the place of those of build `from`, in the same incarnation;
 * `sha` is handover.lua. LUNA_ECONFLICT: another daemon was first. */
enum luna_code luna_fence_record_replace(struct luna_counters *counters, const char *sha,
                                         const char *from, const struct luna_fence_record *record,
                                         struct luna_deadline deadline,
                                         struct luna_error *err) LUNA_MUSTCHECK;
/* Does Redis have the scripts of the record? */
enum luna_code luna_fence_record_has_scripts(struct luna_counters *counters,
                                             const struct luna_fence_record *record,
                                             struct luna_deadline deadline, bool *ret_has_scripts,
                                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
