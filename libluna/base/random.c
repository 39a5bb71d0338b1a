#include "luna/base/random.h"

#include "luna/base/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Of a test; a process that serves never has one. */
static struct {
    bool seeded;
    uint64_t state;
} fixed;

/* splitmix64 (Steele, Lea, Flood 2014): every state gives a well mixed number. */
static uint64_t mix(uint64_t state)
{
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
    return state ^ (state >> 31);
}

static uint64_t next_fixed(void)
{
    fixed.state += 0x9e3779b97f4a7c15u;
    return mix(fixed.state);
}

/* Only while the kernel has no entropy yet, early at boot: time and process still differ. */
static uint64_t number_of_last_resort(void)
{
    return mix((uint64_t)luna_clock_mono_ns() ^ (uint64_t)getpid() << 32);
}

static uint64_t draw(void)
{
    uint64_t number = 0;
    if (fixed.seeded)
        return next_fixed();
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) == (ssize_t)sizeof number)
        return number;
    return number_of_last_resort();
}

void luna_random_bytes(void *out, size_t len)
{
    if (!fixed.seeded && getrandom(out, len, GRND_NONBLOCK) == (ssize_t)len)
        return;
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t number = draw();
        size_t left = len - at;
        memcpy((char *)out + at, &number, left < sizeof number ? left : sizeof number);
    }
}

uint32_t luna_random_u32(void)
{
    return (uint32_t)draw();
}

int64_t luna_random_between(int64_t low, int64_t high)
{
    assert(low <= high);
    uint64_t count = (uint64_t)high - (uint64_t)low + 1;
    /* The bias of the remainder is below count / 2^64. */
    return count == 0 ? (int64_t)draw() : low + (int64_t)(draw() % count);
}

void luna_random_seed(uint64_t seed)
{
    fixed.seeded = true;
    fixed.state = seed;
}
