/* xoshiro256++ seeded by splitmix64 (Blackman & Vigna 2021), normal deviates by the polar method
 * (Marsaglia & Bray 1964). */
#include <kalman/random.h>

#include <math.h>

static uint64_t splitmix(uint64_t *x)
{
    /* A seed of few set bits must not make a state of few set bits. */
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void kalman_random_seed(struct kalman_random *random, uint64_t seed)
{
    /* Never all zero, which is the one state that xoshiro does not leave: splitmix is a bijection
     * of a counter, so four of its values in a row differ. */
    for (int i = 0; i < 4; i++)
        random->word[i] = splitmix(&seed);
}

static uint64_t next(struct kalman_random *random)
{
    uint64_t *s = random->word, result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double kalman_random_uniform(struct kalman_random *random)
{
    /* 52 bits and a half: never 0 or 1, so that a logarithm of it is finite. */
    return ((double)(next(random) >> 12) + 0.5) * 0x1p-52;
}

double kalman_random_normal(struct kalman_random *random)
{
    /* the second deviate of a pair is not kept: the state is the four words and nothing else */
    for (;;) {
        double x = 2.0 * kalman_random_uniform(random) - 1.0,
               y = 2.0 * kalman_random_uniform(random) - 1.0;
        /* A point uniform in the unit disc: its angle is uniform, its squared radius s too, and
         * x sqrt(-2 log s / s) is Box and Muller's deviate without a cosine. */
        double square = x * x + y * y;
        if (square < 1.0 && square > 0.0)
            return x * sqrt(-2.0 * log(square) / square);
    }
}
