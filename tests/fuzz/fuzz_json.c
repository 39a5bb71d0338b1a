/* A JSON body. Invariants: jansson agrees on what is JSON and on every value; faults are bounded
 * and well formed; what is printed of an accepted series reads back bit for bit; a short
 * local-level series is answered or refused, in time. */
#include "fuzz.h"

#include "json_oracle.h"
#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct luna_request_limits limits = {.points_max = 1000, .nesting_max = 16};

static void check_faults(const struct luna_faults *faults)
{
    struct luna_buf text;
    luna_buf_init(&text, 1 << 20);
    assert(faults->count > 0 && faults->count <= LUNA_FAULTS_MAX);
    for (size_t i = 0; i < faults->count; i++)
        assert(strcmp(faults->list[i].loc[0].name, "body") == 0 && faults->list[i].hint != NULL);
    luna_faults_put_json(faults, &text);
    assert(!text.overflow);
    luna_buf_done(&text);
}

/* The answer's first array, cut out and sent as a request. */
static void check_round_trip(const struct luna_request *request, struct luna_arena *arena)
{
    static const char head[] = "{\"processed_results\":", next[] = ",\"input_data\":";
    struct luna_buf answer, again_text;
    struct luna_request again;
    struct luna_faults faults;
    const struct luna_result result = {.n = request->n, .processed = request->values};
    const struct luna_request bare = {.values = request->values, .n = request->n};
    luna_buf_init(&answer, 1 << 20);
    luna_buf_init(&again_text, 1 << 20);
    luna_faults_init(&faults, arena);
    luna_encode_json(&bare, &result, 0, &answer);
    assert(!answer.overflow && memcmp(answer.data, head, sizeof head - 1) == 0);
    const char *array = answer.data + sizeof head - 1;
    const char *end = memmem(array, answer.len - sizeof head + 1, next, sizeof next - 1);
    assert(end != NULL);
    luna_buf_puts(&again_text, "{\"results\":");
    luna_buf_append(&again_text, array, (size_t)(end - array));
    luna_buf_putc(&again_text, '}');
    assert(luna_decode_json(again_text.data, again_text.len, &limits, arena, &again, &faults) ==
           LUNA_DECODE_OK);
    assert(again.n == request->n &&
           memcmp(again.values, request->values, again.n * sizeof(double)) == 0);
    luna_buf_done(&answer);
    luna_buf_done(&again_text);
}

static void check_run(const struct luna_request *request, struct luna_arena *arena,
                      struct luna_faults *faults)
{
    struct luna_result result;
    const struct luna_run_control control = {.deadline = luna_deadline_in_ms(2000)};
    if (strcmp(request->model_name, "local_level") != 0 || request->n > 50 || request->horizon > 50)
        return;
    enum luna_run_status status = luna_run(request, &control, arena, &result, faults);
    assert(status == LUNA_RUN_OK || (status == LUNA_RUN_FAULTS && faults->count > 0));
    for (size_t i = 0; status == LUNA_RUN_OK && i < result.n; i++)
        assert(!isinf(result.processed[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request = {.n = 0};
    const char *body = (const char *)data;
    luna_arena_init(&arena, 4096, 64 << 20);
    luna_faults_init(&faults, &arena);
    enum luna_decode_status status =
        luna_decode_json(body, size, &limits, &arena, &request, &faults);
    const char *objection =
        json_oracle_objection(body, size, status == LUNA_DECODE_OK, &request, &faults);
    if (objection != NULL)
        fprintf(stderr, "%s\n", objection);
    assert(objection == NULL);
    if (status == LUNA_DECODE_OK) {
        assert(request.n >= 1 && request.n <= limits.points_max && faults.count == 0);
        check_round_trip(&request, &arena);
        check_run(&request, &arena, &faults);
    } else {
        assert(status == LUNA_DECODE_FAULTS || status == LUNA_DECODE_LONG);
        check_faults(&faults);
    }
    luna_arena_done(&arena);
    return 0;
}
