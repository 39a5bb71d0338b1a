/*
 * One loop compiled twice: for every x86-64, and for registers of four doubles where the machine
 * has them. To the same bits: no sum crosses a lane and nothing is fused (-ffp-contract=off).
 * Private to libkalman.
 *
 *     WIDE_BODY void add_body(...) { loops }
 *     WIDE_TWICE(void, add, (const double *x, size_t count, double *to), (x, count, to))
 */
#ifndef KALMAN_WIDE_H
#define KALMAN_WIDE_H

#define WIDE_BODY static inline __attribute__((always_inline))

#ifdef __x86_64__
#define WIDE_TWICE(type, name, parameters, arguments)                                              \
    __attribute__((target("avx2"))) static type name##_wide parameters                             \
    {                                                                                              \
        name##_body arguments;                                                                     \
    }                                                                                              \
    static type name##_narrow parameters                                                           \
    {                                                                                              \
        name##_body arguments;                                                                     \
    }                                                                                              \
    static type name parameters                                                                    \
    {                                                                                              \
        if (__builtin_cpu_supports("avx2"))                                                        \
            name##_wide arguments;                                                                 \
        else                                                                                       \
            name##_narrow arguments;                                                               \
    }
#else
#define WIDE_TWICE(type, name, parameters, arguments)                                              \
    static type name parameters                                                                    \
    {                                                                                              \
        name##_body arguments;                                                                     \
    }
#endif

#endif
