/* collect.h: what a run has found, as the result that encoders read. Private to this library. */
#ifndef LUNA_MODELLING_COLLECT_H
#define LUNA_MODELLING_COLLECT_H

#include "run/run_state.h"

/* After the computation: run->result. */
enum luna_run_status run_collect(struct run *run) __attribute__((warn_unused_result));

#endif
