/*
 * Nanoseconds per number for decoding and encoding, beside jansson in the same run.
 *
 *     bench_modelling [points] [rounds]
 *
 * Bodies as clients send them: shortest round-trip text of random doubles, and prices with three
 * decimals.
 */
#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/base/clock.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/number.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 88172645463325252U;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) * 0x1p-53;
}

struct times {
    double decode_ns, encode_ns, jansson_decode_ns, jansson_encode_ns;
};

static void keep_least(double *least, int64_t began_ns, size_t n)
{
    double ns = (double)(luna_clock_mono_ns() - began_ns) / (double)n;
    if (*least <= 0 || ns < *least)
        *least = ns;
}

static void fill(struct luna_buf *body, size_t n, int decimals)
{
    luna_buf_puts(body, "{\"results\":[");
    for (size_t i = 0; i < n; i++) {
        double value = 100 + 20 * (random_unit() - 0.5);
        if (decimals > 0)
            value = round(value * 1000) / 1000;
        char text[LUNA_NUMBER_TEXT_BYTES];
        if (i > 0)
            luna_buf_putc(body, ',');
        luna_buf_append(body, text, luna_number_print(value, 0, text));
    }
    luna_buf_puts(body, "]}");
}

static void time_luna(const struct luna_buf *body, size_t n, struct luna_arena *arena,
                      struct luna_buf *out, struct times *times)
{
    const struct luna_request_limits limits = {.points_max = n, .nesting_max = 16};
    struct luna_request request;
    struct luna_faults faults;
    luna_arena_reset(arena);
    luna_faults_init(&faults, arena);
    int64_t began_ns = luna_clock_mono_ns();
    if (luna_decode_json(body->data, body->len, &limits, arena, &request, &faults) !=
        LUNA_DECODE_OK)
        abort();
    keep_least(&times->decode_ns, began_ns, n);
    const struct luna_result result = {.n = n, .processed = request.values};
    request.input = NULL; /* so that both arrays are printed, none copied */
    luna_buf_clear(out);
    began_ns = luna_clock_mono_ns();
    luna_encode_json(&request, &result, 0, out);
    keep_least(&times->encode_ns, began_ns, 2 * n);
    if (out->overflow)
        abort();
}

static void time_jansson(const struct luna_buf *body, size_t n, double *values, struct times *times)
{
    int64_t began_ns = luna_clock_mono_ns();
    json_t *root = json_loadb(body->data, body->len, JSON_REJECT_DUPLICATES, NULL);
    json_t *array = json_object_get(root, "results");
    for (size_t i = 0; i < n; i++)
        values[i] = json_number_value(json_array_get(array, i));
    json_decref(root);
    keep_least(&times->jansson_decode_ns, began_ns, n);
    began_ns = luna_clock_mono_ns();
    root = json_object();
    array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_real(values[i]));
    json_object_set_new(root, "processed_results", array);
    char *text = json_dumps(root, JSON_COMPACT);
    keep_least(&times->jansson_encode_ns, began_ns, n);
    free(text);
    json_decref(root);
}

static void measure(const char *label, size_t n, int rounds, int decimals)
{
    struct luna_buf body, out;
    struct luna_arena arena;
    struct times times = {0};
    double *values = calloc(n, sizeof *values);
    luna_buf_init(&body, n * 40 + 4096);
    luna_buf_init(&out, n * 80 + 4096);
    luna_arena_init(&arena, 65536, n * 16 + 65536);
    fill(&body, n, decimals);
    for (int round_index = 0; round_index < rounds && values != NULL; round_index++) {
        time_luna(&body, n, &arena, &out, &times);
        time_jansson(&body, n, values, &times);
    }
    printf("%-16s %4.1f B/number  decode %6.1f ns  (jansson %6.1f, x%4.1f)  encode %6.1f ns  "
           "(jansson %6.1f, "
           "x%4.1f)\n",
           label, (double)body.len / (double)n, times.decode_ns, times.jansson_decode_ns,
           times.jansson_decode_ns / times.decode_ns, times.encode_ns, times.jansson_encode_ns,
           times.jansson_encode_ns / times.encode_ns);
    luna_arena_done(&arena);
    luna_buf_done(&out);
    luna_buf_done(&body);
    free(values);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 15;
    printf("points %zu, best of %d rounds\n", n, rounds);
    measure("full precision", n, rounds, 0);
    measure("three decimals", n, rounds, 3);
    return 0;
}
