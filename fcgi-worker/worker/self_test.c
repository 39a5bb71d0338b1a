#include "worker/self_test.h"

#include "luna/base/arena.h"
#include "luna/base/clock.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/run.h"
#include "shared/exit_code.h"
#include "worker/store_options.h"

#include <math.h>
#include <string.h>

/* Annual flow of the Nile at Aswan, 1871-1970, and the variances of Durbin & Koopman (2012),
 * section 2.2.5. */
static const char body[] =
    "{\"results\":["
    "1120,1160,963,1210,1160,1160,813,1230,1370,1140,995,935,1110,994,1020,960,1180,799,958,"
    "1140,1100,1210,1150,1250,1260,1220,1030,1100,774,840,874,694,940,833,701,916,692,1020,"
    "1050,969,831,726,456,824,702,1120,1100,832,764,821,768,845,864,862,698,845,744,796,1040,"
    "759,781,865,845,944,984,897,822,1010,771,676,649,846,812,742,801,1040,860,874,848,890,"
    "744,749,838,1050,918,986,797,923,975,815,1020,906,901,1170,912,746,919,718,714,740"
    "],\"model\":{\"name\":\"local_level\",\"parameters\":{\"level_variance\":1469.1,"
    "\"observation_variance\":15099}}}";

/* Filtered level by R's KFAS: every observation before a point has gone into it. */
static const struct {
    size_t index;
    double level;
} expected[] = {{0, 1120.0},
                {1, 1140.927839934822},
                {2, 1072.7985295274439},
                {49, 849.07056620427761},
                {99, 798.37029260836425}};

enum {
    ARENA_BLOCK_BYTES = 16 * 1024,
    ARENA_BYTES_MAX = 4 * 1024 * 1024,
    COMPUTE_LIMIT_MS = 5000,
    STORE_LIMIT_MS = 3000
};

static enum luna_code compare(const struct luna_result *result, struct luna_error *err)
{
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        size_t index = expected[i].index;
        if (index >= result->n || !(fabs(result->processed[index] / expected[i].level - 1) < 1e-12))
            return luna_error_set(err, LUNA_EPROTOCOL,
                                  "golden vector: point %zu of the filtered Nile series is wrong",
                                  index);
    }
    return LUNA_OK;
}

enum luna_code self_test_compute(struct luna_error *err)
{
    struct luna_arena arena;
    luna_arena_init(&arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
    struct luna_faults faults;
    luna_faults_init(&faults, &arena);
    const struct luna_request_limits limits = {.points_max = 1000, .nesting_max = 8};
    const struct luna_run_control control = {.deadline = luna_deadline_in_ms(COMPUTE_LIMIT_MS)};
    struct luna_request request = {0};
    struct luna_result result = {0};
    enum luna_code code;
    if (luna_decode_json(body, strlen(body), &limits, &arena, &request, &faults) != LUNA_DECODE_OK)
        code =
            luna_error_set(err, LUNA_EPROTOCOL, "golden vector: the Nile series cannot be decoded");
    else if (luna_run(&request, &control, &arena, &result, &faults) != LUNA_RUN_OK)
        code = luna_error_set(err, LUNA_EPROTOCOL,
                              "golden vector: the Nile series cannot be filtered");
    else
        code = compare(&result, err);
    luna_arena_done(&arena);
    return code;
}

static int reach_stores(const struct worker_config *config, struct luna_error *err)
{
    struct luna_admitter *admitter = NULL;
    const struct luna_admitter_options options =
        store_options_of(config, worker_config_self_test_slot(config));
    if (luna_admitter_new(&options, &admitter, err) != LUNA_OK)
        return WORKER_EXIT_CONFIG;
    enum luna_code code = luna_admitter_probe(admitter, luna_deadline_in_ms(STORE_LIMIT_MS), err);
    luna_admitter_free(admitter);
    if (code == LUNA_ECONFIG) /* a pepper that PostgreSQL does not know */
        return WORKER_EXIT_CONFIG;
    return code == LUNA_OK ? WORKER_EXIT_CLEAN : WORKER_EXIT_UNAVAILABLE;
}

int self_test_run(const struct worker_config *config, struct luna_error *err)
{
    if (self_test_compute(err) != LUNA_OK)
        return WORKER_EXIT_SOFTWARE;
    return reach_stores(config, err);
}
