/* The measurement update of a filter whose start is a regression (filter/augmented.h). Private to
 * libkalman. */
#ifndef KALMAN_FILTER_AUGMENTED_UPDATE_H
#define KALMAN_FILTER_AUGMENTED_UPDATE_H

#include "filter/row.h"

/* Take in element i, whose row of Z this is; M and result->F_finite are made. */
enum kalman_status filter_augmented_observe(struct filter_state *f, size_t i,
                                            const struct filter_row *row,
                                            struct filter_element *result,
                                            struct filter_record *record) KALMAN_MUSTCHECK;

/* After an observation: if the start has settled, what the regression made of it becomes part of a
 * and P. */
void filter_augmented_settle(struct filter_state *f, const struct filter_element *element);

#endif
