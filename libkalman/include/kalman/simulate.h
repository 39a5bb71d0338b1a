/*
 * Simulation smoother: draws of the states given all data (Durbin & Koopman 2002, Biometrika 89,
 * 603-615; DK 4.9), and draws of new data from the model. Randomness is explicit: the same seed
 * gives the same draws on every machine. Draws of states given data share the limit of
 * smoothed_state (kalman/run.h).
 */
#ifndef KALMAN_SIMULATE_H
#define KALMAN_SIMULATE_H

#include <kalman/model.h>
#include <kalman/random.h>
#include <kalman/run.h>
#include <kalman/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Workspace for kalman_simulate(). */
KALMAN_API enum kalman_status kalman_simulate_bytes(const struct kalman_model *model, size_t count,
                                                    size_t *ret_bytes) KALMAN_MUSTCHECK;

/* Draw draw_count paths given the series. signal: draw_count x n x p, states: draw_count x n x m;
 * either may be NULL. */
KALMAN_API enum kalman_status
kalman_simulate(const struct kalman_model *model, const struct kalman_series *series,
                const struct kalman_options *options, struct kalman_random *random,
                size_t draw_count, double *signal, double *states, void *workspace,
                size_t workspace_bytes, struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

/* Draw a series from the model itself (diffuse elements of the first state start at a1): fills
 * values (n x p) and, unless NULL, states (n x m). series gives count, times and inputs; its values
 * are not read. Workspace as kalman_simulate(). */
KALMAN_API enum kalman_status kalman_generate(const struct kalman_model *model,
                                              const struct kalman_series *series,
                                              struct kalman_random *random, double *values,
                                              double *states, void *workspace,
                                              size_t workspace_bytes) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
