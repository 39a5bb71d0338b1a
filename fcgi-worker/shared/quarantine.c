#include "shared/quarantine.h"

#include <assert.h>
#include <string.h>

#define RELAXED memory_order_relaxed

static bool same_fingerprint(const struct scoreboard_quarantine *entry, const unsigned char *hash)
{
    for (size_t i = 0; i < SCOREBOARD_FINGERPRINT_BYTES / 8; i++) {
        unsigned long long word = 0;
        memcpy(&word, hash + i * sizeof word, sizeof word);
        if (atomic_load_explicit(&entry->hash[i], RELAXED) != word)
            return false;
    }
    return true;
}

static unsigned entries_used(const struct scoreboard *board)
{
    unsigned used = atomic_load_explicit(&board->pool.quarantine_count, memory_order_acquire);
    return used < SCOREBOARD_QUARANTINE_MAX ? used : SCOREBOARD_QUARANTINE_MAX;
}

unsigned quarantine_kills(const struct scoreboard *board, const unsigned char *fingerprint,
                          int64_t now_wall_ms, int64_t max_age_ms)
{
    unsigned used = entries_used(board);
    for (unsigned i = 0; i < used; i++) {
        const struct scoreboard_quarantine *entry = &board->pool.quarantine[i];
        if (same_fingerprint(entry, fingerprint))
            return now_wall_ms - atomic_load_explicit(&entry->last_wall_ms, RELAXED) <= max_age_ms
                       ? atomic_load_explicit(&entry->kills, RELAXED)
                       : 0;
    }
    return 0;
}

static struct scoreboard_quarantine *oldest(struct scoreboard *board)
{
    assert(entries_used(board) == SCOREBOARD_QUARANTINE_MAX); /* else a free one is taken */
    struct scoreboard_quarantine *found = &board->pool.quarantine[0];
    for (int i = 1; i < SCOREBOARD_QUARANTINE_MAX; i++) {
        struct scoreboard_quarantine *entry = &board->pool.quarantine[i];
        if (atomic_load_explicit(&entry->last_wall_ms, RELAXED) <
            atomic_load_explicit(&found->last_wall_ms, RELAXED))
            found = entry;
    }
    return found;
}

unsigned quarantine_add(struct scoreboard *board, const unsigned char *fingerprint,
                        int64_t now_wall_ms)
{
    unsigned used = entries_used(board);
    struct scoreboard_quarantine *entry = NULL;
    for (unsigned i = 0; i < used && entry == NULL; i++)
        if (same_fingerprint(&board->pool.quarantine[i], fingerprint))
            entry = &board->pool.quarantine[i];
    bool fresh = entry == NULL;
    if (fresh)
        entry = used < SCOREBOARD_QUARANTINE_MAX ? &board->pool.quarantine[used] : oldest(board);
    unsigned kills = fresh ? 1 : atomic_load_explicit(&entry->kills, RELAXED) + 1;
    atomic_store_explicit(&entry->kills, 0,
                          RELAXED); /* a reader must not match a half-written one */
    for (size_t i = 0; fresh && i < SCOREBOARD_FINGERPRINT_BYTES / 8; i++) {
        unsigned long long word = 0;
        memcpy(&word, fingerprint + i * sizeof word, sizeof word);
        atomic_store_explicit(&entry->hash[i], word, RELAXED);
    }
    atomic_store_explicit(&entry->last_wall_ms, now_wall_ms, RELAXED);
    atomic_store_explicit(&entry->kills, kills, memory_order_release);
    if (fresh && used < SCOREBOARD_QUARANTINE_MAX)
        atomic_store_explicit(&board->pool.quarantine_count, used + 1, memory_order_release);
    return kills;
}
