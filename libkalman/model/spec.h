/* A spec checked and resolved: how every model and every fit begins. Private to libkalman. */
#ifndef KALMAN_MODEL_SPEC_H
#define KALMAN_MODEL_SPEC_H

#include "model/layout.h"

/* As kalman_spec_check(), and the layout of a spec that passes. */
enum kalman_status spec_resolve(const struct kalman_spec *spec, bool complete,
                                struct spec_layout *ret_layout,
                                const char **ret_name) KALMAN_MUSTCHECK;

#endif
