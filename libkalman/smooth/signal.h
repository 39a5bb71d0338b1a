/*
 * The backward pass of a long season, for the moments of the signal alone: what smooth/state.h does
 * with the whole state in m^3 a step of the start, here in m^2, from records of two vectors.
 * Private to libkalman.
 *
 * With r and N of DK 6.4.4 taken after the observation of the point, and P z its filtered
 * covariance with the state,
 *     signal^ = z'a + (P z)'r,   Var = z'P z - (P z)'N (P z),
 * and P z is a product: h K after an ordinary observation (K = M/F, M the predicted P z), h K0
 * after one that determined a diffuse direction: that one's signal has the variance h, and nothing
 * of the diffuse part is left in it. So of the expansion
 *     P -> kappa A A' + P,   r = r0 + r1/kappa,   N = N0 + N1/kappa + N2/kappa^2   (DK 5.3;
 *       Koopman 1997)
 * r0 and N0 suffice wherever there is an observation. Only a signal that was missing while it had a
 * diffuse part needs the others:
 *     signal^ = z'a + M'r0 + (A w)'r1,   Var = z'P z - M'N0 M - 2 (A w)'N1 M - (A w)'N2 (A w),
 *       w = A'z,
 * and is determined in the end if (A w)'N1 (A w) = w'w. Back over a diffuse element, with K = K0 +
 * K1/kappa + K2/kappa^2,
 *     K0 = A w/w'w,   K1 = (M - K0 F)/w'w,   K2 = -K1 F/w'w,
 * every order of r <- z v/F_kappa + (I - z K')r, N <- z z'/F_kappa + (I - z K')N(I - K z') is its
 * own line of the code.
 */
#ifndef KALMAN_SMOOTH_SIGNAL_H
#define KALMAN_SMOOTH_SIGNAL_H

#include "filter/state.h"

#include <stdbool.h>
#include <stddef.h>

enum { SIGNAL_ORDERS = 3 };

struct smooth_signal {
    size_t states;
    bool variances;
    /* a signal with a diffuse part is missing somewhere: all orders are wanted, where there are
     * any */
    bool diffuse_missing;
    bool deep;       /* they are in use */
    bool unresolved; /* the data never determined all of the start */
    /* The current point, after its observation. */
    double *r[SIGNAL_ORDERS - 1], *N[SIGNAL_ORDERS]; /* m, m x m */
    double *x[SIGNAL_ORDERS], *y, *work, *spare;     /* scratch: m each, m x m twice */
};

size_t smooth_signal_doubles(size_t states);
void smooth_signal_init(struct smooth_signal *smooth, size_t states, bool variances,
                        double *arrays);

/* From t+1 to t: r <- T'r, N <- T'N T. */
void smooth_signal_transition(struct smooth_signal *smooth, const struct sparse *T);

/* The moments of the signal of the current point, whose lean record this is; h: the variance of its
 * noise. Both in engine units; variance is NaN unless variances are wanted. Returns 0 where it is
 * not determined. */
bool smooth_signal_moments(struct smooth_signal *smooth, const struct filter_record *record,
                           const double *z, double h, double *ret_mean, double *ret_variance);

/* Over the observation of the current point, after smooth_signal_moments() of it. */
void smooth_signal_observation(struct smooth_signal *smooth, const struct filter_record *record,
                               const double *z);

#endif
