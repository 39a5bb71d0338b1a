#include "api/stores.h"

#include "http/rate_headers.h"
#include "luna/base/log.h"
#include "luna/store/counters.h"
#include "luna/store/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000 };

struct api_stores {
    struct luna_database *database;
    struct luna_counters *counters;
};

enum luna_code api_stores_new(const struct worker_config *config, struct luna_store_meter *meter,
                              struct luna_database_breaker *breaker, struct api_stores **ret_stores,
                              struct luna_error *err)
{
    struct api_stores *stores = calloc(1, sizeof *stores);
    if (stores == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "out of memory");
    enum luna_code code = luna_database_new(config->database_url, (int)config->database_timeout_ms,
                                            &stores->database, err);
    if (code == LUNA_OK)
        code = luna_counters_new(config->redis_url, (int)config->redis_timeout_ms,
                                 &stores->counters, err);
    if (code != LUNA_OK) {
        api_stores_free(stores);
        return code;
    }
    luna_database_meter(stores->database, meter, LUNA_PURPOSE_API);
    luna_counters_meter(stores->counters, meter, LUNA_PURPOSE_API);
    luna_database_share_breaker(stores->database, breaker);
    *ret_stores = stores;
    return LUNA_OK;
}

void api_stores_free(struct api_stores *stores)
{
    if (stores == NULL)
        return;
    if (stores->database != NULL)
        luna_database_free(stores->database);
    if (stores->counters != NULL)
        luna_counters_free(stores->counters);
    free(stores);
}

struct luna_database *api_database(const struct exchange *exchange)
{
    return exchange->pipeline->stores->database;
}

struct luna_counters *api_counters(const struct exchange *exchange)
{
    return exchange->pipeline->stores->counters;
}

struct luna_operator api_operator(const struct exchange *exchange, char *actor, size_t actor_size)
{
    const struct worker_config *config = exchange->pipeline->config;
    (void)snprintf(actor, actor_size, "api:%s", exchange->request_id);
    return (struct luna_operator){.database = api_database(exchange),
                                  .counters = api_counters(exchange),
                                  .pepper = config->pepper,
                                  .pepper_len = config->pepper_len,
                                  .pepper_id = (int)config->key_pepper_id,
                                  .previous = &config->previous_pepper,
                                  .actor = actor,
                                  .maker = exchange->admission.key_digest};
}

bool api_key_seed(const struct exchange *exchange, unsigned char hash[BODY_HASH_BYTES],
                  struct luna_key_seed *ret_seed)
{
    const char *idempotency_key = exchange->request.idempotency_key;
    if (*idempotency_key == '\0')
        return false;
    body_hash_make(&exchange->identity, hash);
    *ret_seed = (struct luna_key_seed){
        .text = idempotency_key, .text_len = strlen(idempotency_key), .request_hash = hash};
    return true;
}

enum step_outcome api_store_failed(struct exchange *exchange, const struct luna_error *err)
{
    const char *detail = luna_arena_printf(&exchange->pipeline->arena, "%s.", err->msg);
    if (err->code == LUNA_ENOTFOUND)
        return exchange_refuse(exchange, PROBLEM_NOT_FOUND, detail);
    if (err->code == LUNA_ECONFLICT || err->code == LUNA_EINVAL)
        return exchange_refuse(exchange, PROBLEM_CONFLICT, detail);
    luna_log(LUNA_LOG_WARNING, "store_failed", LUNA_LOG_S("request_id", exchange->request_id),
             LUNA_LOG_I("account_id", exchange->ids.account_id), LUNA_LOG_S("reason", err->msg));
    retry_after_add(&exchange->pipeline->response, RETRY_MS);
    return exchange_refuse(exchange, PROBLEM_UNAVAILABLE, NULL);
}
