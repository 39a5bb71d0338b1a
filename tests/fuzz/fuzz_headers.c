/* Header values and small bodies: Accept, Content-Type, JSON of a few options. The first byte
 * chooses. Invariants: a format is one of ours; an option is within its range. */
#include "fuzz.h"

#include "api/small_body.h"
#include "http/formats.h"
#include "http/http.h"
#include "luna/base/arena.h"

#include <assert.h>

static void fuzz_media(const char *text)
{
    enum format format = FORMAT_JSON;
    for (int i = 0; i < FORMAT_COUNT; i++)
        assert(format_accepted(text, (enum format)i) < FORMAT_COUNT);
    if (format_of_content(text, &format))
        assert(http_media_named(text, "application/json") || format != FORMAT_JSON);
}

static void fuzz_small_body(const char *body, size_t len, struct luna_arena *arena)
{
    int64_t number = 7;
    unsigned scopes = 1;
    struct luna_faults faults;
    const struct small_member members[] = {
        {.name = "grace_s", .type = SMALL_INT, .min = 0, .max = 10, .ret_int = &number},
        {.name = "scopes", .type = SMALL_SCOPES, .ret_scopes = &scopes},
        {.name = NULL}};
    luna_faults_init(&faults, arena);
    small_body_read(body, len, members, &faults);
    assert(number >= 0 && number <= 10);
    assert(faults.count > 0 || (scopes >= 1 && scopes <= 7));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_arena arena;
    if (size == 0)
        return 0;
    luna_arena_init(&arena, 4096, 16 << 20);
    const char *text = luna_arena_strndup(&arena, (const char *)data + 1, size - 1);
    if (text != NULL && data[0] % 2 == 0)
        fuzz_media(text);
    else if (text != NULL)
        fuzz_small_body((const char *)data + 1, size - 1, &arena);
    luna_arena_done(&arena);
    return 0;
}
