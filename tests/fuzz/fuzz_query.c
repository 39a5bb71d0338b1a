/* A query string, parsed and laid over a request as options. Invariants: at most QUERY_PAIRS_MAX
 * pairs; decoded text is UTF-8 without NUL; every fault stands under "query"; a precision is 0 to
 * 17. */
#include "fuzz.h"

#include "http/query.h"
#include "luna/base/arena.h"
#include "luna/base/escape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void check_text(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        size_t used = luna_utf8_length(text + i, len - i);
        assert(used > 0);
        i += used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request;
    struct query query;
    luna_arena_init(&arena, 4096, 16 << 20);
    luna_faults_init(&faults, &arena);
    luna_request_init(&request);
    char *text = luna_arena_strndup(&arena, (const char *)data, size);
    if (text != NULL) {
        (void)query_parse(text, &arena, &query, &faults);
        assert(query.count <= QUERY_PAIRS_MAX);
        for (size_t i = 0; i < query.count; i++) {
            check_text(query.pairs[i].name);
            check_text(query.pairs[i].value);
        }
        int precision = query_precision(&query, &faults);
        assert(precision >= 0 && precision <= 17);
        enum luna_decode_status status =
            query_options_apply(&query, true, true, 16, &arena, &request, &faults);
        assert(status == LUNA_DECODE_OK || status == LUNA_DECODE_MEMORY || faults.count > 0);
        for (size_t i = 0; i < faults.count; i++)
            assert(strcmp(faults.list[i].loc[0].name, "query") == 0);
    }
    luna_arena_done(&arena);
    return 0;
}
