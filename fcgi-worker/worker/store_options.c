#include "worker/store_options.h"

struct luna_admitter_options store_options_of(const struct worker_config *config, int journal_slot)
{
    return (struct luna_admitter_options){.redis_url = config->redis_url,
                                          .database_url = config->database_url,
                                          .pepper = config->pepper,
                                          .pepper_len = config->pepper_len,
                                          .pepper_id = (int)config->key_pepper_id,
                                          .previous = &config->previous_pepper,
                                          .journal_dir = config->state_dir,
                                          .worker_slot = journal_slot,
                                          .durability = (enum luna_durability)config->durability,
                                          .redis_timeout_ms = (int)config->redis_timeout_ms,
                                          .database_timeout_ms = (int)config->database_timeout_ms,
                                          .clock_offset_max_ms = config->clock_offset_max_ms};
}
