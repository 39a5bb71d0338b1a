/*
 * clocks.h: how far the clocks of this host, of Redis and of PostgreSQL are apart.
 *
 * Redis's clock decides when a period ends and how fast an account may be; PostgreSQL's is what it
 * is compared with. Nobody is asked for that: once PostgreSQL has said what time it is, the
 * monotonic clock of this host says what time it is there now, also while PostgreSQL is
 * unavailable and whatever somebody does to a wall clock.
 */
#ifndef LUNA_STORE_CLOCKS_H
#define LUNA_STORE_CLOCKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero at first. Processes of one host may share it, in memory that they all map. */
struct luna_clocks {
    atomic_llong database_minus_mono_ms; /* 0: not known */
    /* Minus this host's wall clock, when the server was last asked. */
    atomic_llong redis_offset_ms, database_offset_ms;
};

/* Within the default bound, clocks that are set by NTP never come near it. */
enum { LUNA_CLOCK_OFFSET_MAX_MS = 60000 };

/* What a server said its time is, just now. */
void luna_clocks_note_redis(struct luna_clocks *clocks, int64_t redis_ms);
void luna_clocks_note_database(struct luna_clocks *clocks, int64_t database_ms);
/* PostgreSQL's time now; 0: it was never asked. */
int64_t luna_clocks_database_ms(const struct luna_clocks *clocks);
/* Is Redis's clock within `max_ms` of PostgreSQL's? Yes, as long as PostgreSQL was never asked. */
bool luna_clocks_agree(const struct luna_clocks *clocks, int64_t redis_ms, int64_t max_ms);

#endif
