/*
 * random.h: random numbers, from one source for the whole process.
 *
 * They come from the kernel, call by call: nothing is kept that a fork could copy, so two children
 * of one process draw different numbers, and nothing has to be seeded. Costs one system call; meant
 * for jitter and for names, not for inner loops and not for secret keys. Never blocks.
 */
#ifndef LUNA_BASE_RANDOM_H
#define LUNA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void luna_random_bytes(void *out, size_t len);
/* Uniform over all of its range. */
uint32_t luna_random_u32(void);
/* Uniform over low … high, both included; low <= high. */
int64_t luna_random_between(int64_t low, int64_t high);

/* For tests: from now on this process, and its children, draw one fixed sequence. */
void luna_random_seed(uint64_t seed);

#endif
