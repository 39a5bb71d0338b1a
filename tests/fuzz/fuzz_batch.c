/* A batch in JSON, flat or ragged. Invariants: counts add up; every item is sound or has faults; a
 * place that a fault names begins with "body"; what is sound has values a double can hold. */
#include "fuzz.h"

#include "luna/base/arena.h"
#include "luna/modelling/batch.h"

#include <assert.h>
#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct luna_request_limits limits = {.points_max = 500, .nesting_max = 16};
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_batch batch;
    luna_arena_init(&arena, 4096, 64 << 20);
    luna_faults_init(&faults, &arena);
    enum luna_decode_status status =
        luna_decode_batch_json((const char *)data, size, &limits, &arena, &batch, &faults);
    assert(status != LUNA_DECODE_FAULTS ||
           (faults.count > 0 && strcmp(faults.list[0].loc[0].name, "body") == 0));
    size_t sound = 0, points = 0, told = 0;
    for (size_t i = 0; status == LUNA_DECODE_OK && i < batch.count; i++) {
        const struct luna_batch_item *item = &batch.items[i];
        if (item->faults != NULL) {
            told += item->faults->count;
            continue;
        }
        sound++;
        points += item->request.n;
        for (size_t k = 0; k < item->request.n; k++)
            assert(!isinf(item->request.values[k]));
    }
    if (status == LUNA_DECODE_OK)
        assert(batch.count >= 1 && sound == batch.sound && points == batch.points &&
               points <= limits.points_max && told <= LUNA_FAULTS_MAX &&
               (told > 0 || sound == batch.count));
    luna_arena_done(&arena);
    return 0;
}
