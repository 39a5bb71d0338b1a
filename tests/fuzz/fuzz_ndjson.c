/* NDJSON in, as one series and as a batch. Invariants: bounded counts; a sound series holds no
 * infinity; what is encoded from it decodes to the same values; a fault names a line that is
 * there. */
#include "fuzz.h"

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/batch.h"
#include "luna/modelling/ndjson.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct luna_request_limits limits = {.points_max = 1000, .nesting_max = 16};

static void check_faults(const struct luna_faults *faults, size_t lines)
{
    assert(faults->count > 0 && faults->count <= LUNA_FAULTS_MAX);
    for (size_t i = 0; i < faults->count; i++) {
        const struct luna_fault *fault = &faults->list[i];
        assert(fault->loc_count >= 1 && strcmp(fault->loc[0].name, "body") == 0);
        assert(fault->loc_count < 2 ||
               (fault->loc[1].name == NULL && (size_t)fault->loc[1].index < lines));
    }
}

/* The values as lines again: the decoder must read what it read before. */
static void check_again(const struct luna_request *request, struct luna_arena *arena)
{
    struct luna_buf text;
    struct luna_request again;
    struct luna_faults faults;
    const struct luna_result result = {.n = request->n, .processed = request->values};
    luna_buf_init(&text, 1 << 20);
    luna_encode_ndjson(request, &result, 0, &text);
    luna_faults_init(&faults, arena);
    /* A line out has two members; the decoder wants the value alone. */
    for (char *at = text.data;
         (at = memchr(at, ',', (size_t)(text.data + text.len - at))) != NULL;) {
        char *end = memchr(at, '\n', (size_t)(text.data + text.len - at));
        memset(at, ' ', (size_t)(end - at));
        *at = '}';
        at = end;
    }
    assert(luna_decode_ndjson(text.data, text.len, &limits, arena, &again, &faults) ==
           LUNA_DECODE_OK);
    assert(again.n == request->n);
    assert(memcmp(again.values, request->values, request->n * sizeof(double)) == 0 ||
           request->n == 0);
    luna_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request;
    struct luna_batch batch;
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    luna_arena_init(&arena, 4096, 64 << 20);
    luna_faults_init(&faults, &arena);
    enum luna_decode_status status =
        luna_decode_ndjson((const char *)data, size, &limits, &arena, &request, &faults);
    if (status == LUNA_DECODE_OK) {
        assert(request.n >= 1 && request.n <= limits.points_max);
        for (size_t i = 0; i < request.n; i++)
            assert(!isinf(request.values[i]));
        check_again(&request, &arena);
    } else if (status == LUNA_DECODE_FAULTS) {
        check_faults(&faults, lines);
    }
    luna_faults_clear(&faults);
    status = luna_decode_batch_ndjson((const char *)data, size, &limits, &arena, &batch, &faults);
    for (size_t i = 0; status == LUNA_DECODE_OK && i < batch.count; i++) {
        const struct luna_batch_item *item = &batch.items[i];
        if (item->faults == NULL)
            assert(item->request.n >= 1);
        else if (item->faults->count > 0) /* none: the items before have all that are listed */
            check_faults(item->faults, lines);
    }
    luna_arena_done(&arena);
    return 0;
}
