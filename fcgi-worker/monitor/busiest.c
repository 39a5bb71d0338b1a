#include "monitor/busiest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000, MS_PER_S = 1000 };

static uint32_t sum_of(const uint32_t counts[BUSIEST_STEPS])
{
    uint32_t sum = 0;
    for (int i = 0; i < BUSIEST_STEPS; i++)
        sum += counts[i];
    return sum;
}

static void step_begin(struct busiest *busiest, int64_t now_ns)
{
    busiest->step = (busiest->step + 1) % BUSIEST_STEPS;
    busiest->step_ns = now_ns;
    busiest->samples[busiest->step] = 0;
    for (int i = 0; i < BUSIEST_KEYS; i++)
        busiest->keys[i].seen[busiest->step] = 0;
}

/* The place of this key; a new key takes that of the least busy one. */
static struct busiest_key *place_of(struct busiest *busiest, int64_t account_id, const char *key)
{
    struct busiest_key *least = &busiest->keys[0];
    for (int i = 0; i < BUSIEST_KEYS; i++) {
        struct busiest_key *place = &busiest->keys[i];
        if (place->account_id == account_id && strcmp(place->key, key) == 0)
            return place;
        if (sum_of(place->seen) < sum_of(least->seen))
            least = place;
    }
    *least = (struct busiest_key){.account_id = account_id};
    memcpy(least->key, key, strlen(key));
    return least;
}

/* A UUID may be sent in either case. */
static void worker_note(struct busiest *busiest, const struct scoreboard_worker *worker)
{
    struct breadcrumb crumb;
    if (!scoreboard_read(worker, &crumb) || crumb.torn || crumb.key[0] == '\0')
        return;
    for (char *at = crumb.key; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    place_of(busiest, crumb.account_id, crumb.key)->seen[busiest->step]++;
}

void busiest_note(struct busiest *busiest, const struct scoreboard *board, int64_t now_ns)
{
    if (now_ns - busiest->sample_ns < BUSIEST_SAMPLE_MS * (int64_t)NS_PER_MS)
        return;
    busiest->sample_ns = now_ns;
    if (now_ns - busiest->step_ns >= BUSIEST_STEP_MS * (int64_t)NS_PER_MS)
        step_begin(busiest, now_ns);
    busiest->samples[busiest->step]++;
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        /* the slot of a killed worker still shows its request */
        if (atomic_load_explicit(&board->master[i].pid, memory_order_relaxed) != 0)
            worker_note(busiest, &board->worker[i]);
}

static int by_share(const void *a, const void *b)
{
    const struct busiest_share *left = a, *right = b;
    if (left->busy_ms_per_s != right->busy_ms_per_s)
        return left->busy_ms_per_s > right->busy_ms_per_s ? -1 : 1;
    return left->account_id < right->account_id ? -1 : 1;
}

size_t busiest_list(const struct busiest *busiest, struct busiest_share ret_list[BUSIEST_SHOWN])
{
    struct busiest_share all[BUSIEST_KEYS];
    size_t count = 0;
    uint32_t samples = sum_of(busiest->samples);
    for (int i = 0; i < BUSIEST_KEYS; i++) {
        const struct busiest_key *key = &busiest->keys[i];
        uint32_t seen = sum_of(key->seen);
        if (seen > 0)
            all[count++] = (struct busiest_share){key->account_id, key->key,
                                                  (int64_t)seen * MS_PER_S / samples};
    }
    qsort(all, count, sizeof all[0], by_share);
    count = count < BUSIEST_SHOWN ? count : BUSIEST_SHOWN;
    memcpy(ret_list, all, count * sizeof all[0]);
    return count;
}
