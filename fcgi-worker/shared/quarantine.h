/*
 * quarantine.h: which request bodies crashed workers, in the scoreboard.
 *
 * A body is known by its fingerprint (http/body_hash.h). Who: the master adds, workers read, and a
 * body that has crashed QUARANTINE_KILLS workers is refused.
 */
#ifndef FCGI_WORKER_QUARANTINE_H
#define FCGI_WORKER_QUARANTINE_H

#include "shared/scoreboard.h"

#include <stdint.h>

enum { QUARANTINE_KILLS = 2 };

/* How often a body has killed a worker; 0 when never or longer ago than `max_age_ms`. */
unsigned quarantine_kills(const struct scoreboard *board, const unsigned char *fingerprint,
                          int64_t now_wall_ms, int64_t max_age_ms);
/* Master only: one more kill. Returns the count. When all entries are used, the oldest is
 * replaced. */
unsigned quarantine_add(struct scoreboard *board, const unsigned char *fingerprint,
                        int64_t now_wall_ms);

#endif
