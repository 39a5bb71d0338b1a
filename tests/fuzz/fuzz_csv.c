/* A CSV body. Invariants: bounded counts, no infinity in a sound series, faults that name a place
 * inside the text, and what is written of an accepted series reads back bit for bit. */
#include "fuzz.h"

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/encode.h"
#include "luna/table/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct luna_request_limits limits = {.points_max = 1000, .nesting_max = 16};

static void check_faults(const struct luna_faults *faults, size_t size)
{
    assert(faults->count > 0 && faults->count <= LUNA_FAULTS_MAX);
    for (size_t i = 0; i < faults->count; i++) {
        const struct luna_fault *fault = &faults->list[i];
        assert(fault->loc_count >= 1 && strcmp(fault->loc[0].name, "body") == 0 &&
               fault->hint != NULL);
        const struct luna_fault_loc *last = &fault->loc[fault->loc_count - 1];
        assert(last->name != NULL || (last->index >= 0 && (size_t)last->index <= size));
    }
}

static enum luna_decode_status decode(const char *text, size_t len, struct luna_arena *arena,
                                      struct luna_request *ret_request, struct luna_faults *faults)
{
    static const struct luna_table_options found = {.column = NULL};
    struct luna_table table;
    enum luna_decode_status status =
        luna_table_read(text, len, &found, false, &limits, arena, &table, faults);
    if (status == LUNA_DECODE_OK)
        luna_table_request(&table, 0, ret_request);
    return status;
}

static void check_round_trip(const struct luna_request *request, struct luna_arena *arena)
{
    struct luna_buf text;
    struct luna_request again;
    struct luna_faults faults;
    /* Empty rows at the end of a table are refused: a processed value is never missing there. */
    double *processed = luna_arena_calloc(arena, request->n, sizeof *processed);
    const struct luna_result result = {.n = request->n, .processed = processed};
    assert(processed != NULL);
    luna_buf_init(&text, 1 << 20);
    luna_faults_init(&faults, arena);
    luna_encode_csv(request, &result, 0, &text);
    assert(!text.overflow);
    assert(decode(text.data, text.len, arena, &again, &faults) == LUNA_DECODE_OK);
    assert(again.n == request->n &&
           memcmp(again.values, request->values, again.n * sizeof(double)) == 0);
    luna_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request;
    luna_arena_init(&arena, 4096, 64 << 20);
    luna_faults_init(&faults, &arena);
    enum luna_decode_status status = decode((const char *)data, size, &arena, &request, &faults);
    if (status == LUNA_DECODE_OK) {
        assert(request.n >= 1 && request.n <= limits.points_max && faults.count == 0);
        for (size_t i = 0; i < request.n; i++)
            assert(!isinf(request.values[i]));
        check_round_trip(&request, &arena);
    } else {
        assert(status == LUNA_DECODE_FAULTS || status == LUNA_DECODE_LONG);
        check_faults(&faults, size);
    }
    luna_arena_done(&arena);
    return 0;
}
