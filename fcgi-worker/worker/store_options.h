/*
 * store_options.h: how a worker and the self-test reach the stores, from the settings.
 */
#ifndef FCGI_WORKER_STORE_OPTIONS_H
#define FCGI_WORKER_STORE_OPTIONS_H

#include "luna/store/admission.h"
#include "shared/worker_config.h"

/* What both need; borrowed from `config`. `journal_slot`: of this process alone. */
struct luna_admitter_options store_options_of(const struct worker_config *config, int journal_slot);

#endif
