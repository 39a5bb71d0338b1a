/*
 * The random numbers of kalman/simulate.h. The same seed gives the same numbers on every machine.
 */
#ifndef KALMAN_RANDOM_H
#define KALMAN_RANDOM_H

#include <kalman/status.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* xoshiro256++ (Blackman & Vigna 2021). Not for secrets. */
struct kalman_random {
    uint64_t word[4];
};

KALMAN_API void kalman_random_seed(struct kalman_random *random, uint64_t seed);
KALMAN_API double kalman_random_uniform(struct kalman_random *random); /* (0, 1) */
KALMAN_API double kalman_random_normal(struct kalman_random *random);  /* N(0, 1) */

#ifdef __cplusplus
}
#endif

#endif
