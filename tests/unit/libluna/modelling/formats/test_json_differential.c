/*
 * test_json_differential [bodies]: mutated bodies, the decoder against jansson.
 */
#include "decoding.h"
#include "json_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long bodies = 200000;
static uint64_t random_state = 88172645463325252U;

static size_t random_below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)((random_state >> 11) % n);
}

static const char *const seeds[] = {
    "{\"results\":[1,2.5,-3e2,null,0.1]}",
    "{\"results\":[1],\"model\":{\"name\":\"local_level\",\"parameters\":{\"level_variance\":1469."
    "1}}}",
    "{ \"results\" : [ 123456789.123456789 , 1e-320 ] , \"horizon\" : 3 , \"intervals\" : [ 0.5 ] "
    "}",
    "{\"res\\u0075lts\":[7],\"include\":[\"model\",\"variance\"],\"output\":\"smoothed\","
    "\"robust\":false}",
    "{\"results\":[\"\\ud83c\\udf19\xf0\x9f\x8c\x99\",{\"a\":[1,{}]},true],\"x\":\"\\n\\/\"}",
};

/* Pieces that hit the grammar harder than random bytes do. */
static const char *const pieces[] = {"\"",   "\\",       "{",       "}",       "[",
                                     "]",    ",",        ":",       "e",       "-",
                                     ".",    "0",        "1",       "null",    "NaN",
                                     "true", "1e999",    "\\ud83c", "\\u0000", "\xc3",
                                     "\xa9", " ",        "\n",      "\x01",    "\"results\":[2],",
                                     "E+5",  "\xf4\x90", "/**/"};

static size_t mutate(char *body, size_t len, size_t max)
{
    for (size_t changes = 1 + random_below(3); changes > 0; changes--) {
        size_t at = random_below(len + 1);
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        size_t size = strlen(piece), cut = random_below(3);
        if (cut > len - at)
            cut = len - at;
        if (len - cut + size > max)
            continue;
        memmove(body + at + size, body + at + cut, len - at - cut);
        memcpy(body + at, piece, size);
        len = len - cut + size;
    }
    return len;
}

static void the_decoder_and_jansson_disagree(void **state)
{
    (void)state;
    struct decoding d;
    long accepted_count = 0;
    decoding_init(&d);
    for (long i = 0; i < bodies; i++) {
        char draft[512];
        const char *seed = seeds[random_below(sizeof seeds / sizeof seeds[0])];
        memcpy(draft, seed, strlen(seed));
        size_t len = mutate(draft, strlen(seed), sizeof draft);
        char *body = malloc(len + 1);
        memcpy(body, draft, len);
        body[len] = '\0';
        bool accepted = decoding_json(&d, body, len) == LUNA_DECODE_OK;
        accepted_count += accepted;
        const char *objection = json_oracle_objection(body, len, accepted, &d.request, &d.faults);
        if (objection != NULL)
            fail_msg("%s: %s (%s)", body, objection, accepted ? "accepted" : decoding_faults(&d));
        free(body);
    }
    decoding_done(&d);
    /* else the mutations test nothing but refusal */
    assert_in_range(accepted_count, bodies / 200, bodies);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        bodies = strtol(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_decoder_and_jansson_disagree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
