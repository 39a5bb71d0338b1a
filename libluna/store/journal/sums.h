/*
 * sums.h: the units of all committed charges of a host, added up. Private to the store.
 *
 * Before the call, raise the recovery counters of these accounts in the page: page.h says why.
 */
#ifndef LUNA_STORE_JOURNAL_SUMS_H
#define LUNA_STORE_JOURNAL_SUMS_H

#include "journal/map.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"

#include <stdint.h>

/* Of one account (0: all) and one epoch (-1: all). Waits until no worker is in the middle of an
 * append: LUNA_ETIMEOUT. */
enum luna_code luna_journal_sums_read(const char *dir, int64_t account_id, int64_t epoch,
                                      struct luna_deadline deadline,
                                      struct luna_journal_sums *ret_sums,
                                      struct luna_error *err) LUNA_MUSTCHECK;

#endif
