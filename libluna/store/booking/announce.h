/*
 * announce.h: loads the scripts of this build and announces them in quota:fence. Private to the
 * store; the caller is the leader and has compared Redis's run id over `connection`.
 */
#ifndef LUNA_STORE_ANNOUNCE_H
#define LUNA_STORE_ANNOUNCE_H

#include "booking/booker.h"
#include "quota/fence_record.h"

/* In a new incarnation, whose number this daemon has taken. */
enum luna_code luna_booking_announce(struct luna_booker *booker, uint64_t connection,
                                     const char *run_id, int64_t incarnation,
                                     struct luna_error *err) LUNA_MUSTCHECK;
/* In the incarnation that goes on, in the place of another build's scripts. These stay in Redis:
 * both may run beside each other (LUNA_SCRIPT_ABI), and a worker takes the new ones when it next
 * reads the record. LUNA_ECONFLICT: the incarnation has ended meanwhile, or another daemon was
 * first; nothing was announced. */
enum luna_code luna_booking_hand_over(struct luna_booker *booker, uint64_t connection,
                                      const struct luna_fence_record *from,
                                      struct luna_error *err) LUNA_MUSTCHECK;

#endif
