#include "worker/self_test.h"

#include "luna/base/clock.h"
#include "luna/store/admission.h"
#include "shared/exit_code.h"
#include "worker/golden.h"

enum { STORE_LIMIT_MS = 3000 };

static int probe(const struct worker_config *config, struct luna_error *err)
{
    struct luna_admitter *admitter = NULL;
    const struct luna_admitter_options options = {
        .redis_url = config->redis_url,
        .database_url = config->database_url,
        .pepper = config->pepper,
        .pepper_len = config->pepper_len,
        .journal_dir = config->state_dir,
        .worker_slot = worker_config_self_test_slot(config),
        .redis_timeout_ms = (int)config->redis_timeout_ms,
        .database_timeout_ms = (int)config->database_timeout_ms};
    if (luna_admitter_new(&options, &admitter, err) != LUNA_OK)
        return WORKER_EXIT_CONFIG;
    enum luna_code code = luna_admitter_probe(admitter, luna_deadline_in_ms(STORE_LIMIT_MS), err);
    luna_admitter_free(admitter);
    return code == LUNA_OK ? WORKER_EXIT_CLEAN : WORKER_EXIT_UNAVAILABLE;
}

int self_test(const struct worker_config *config, struct luna_error *err)
{
    if (golden_check(err) != LUNA_OK)
        return WORKER_EXIT_SOFTWARE;
    return probe(config, err);
}
