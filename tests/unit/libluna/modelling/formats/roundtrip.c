/*
 * Random doubles through the decoder and the encoder: not one bit may change. The judge is glibc's
 * printf and strtod, which are correctly rounded and share no code with ours.
 *
 *     roundtrip [count [seed]]      default 200000
 */
#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 50000, TEXT_BYTES = 40 };

static uint64_t state;

/* splitmix64 */
static uint64_t random_bits(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Writes one number as a client might, in one of the ways that go wrong elsewhere. */
static size_t write_number(size_t index, char *out)
{
    uint64_t r = random_bits();
    uint64_t sign = r & (UINT64_C(1) << 63);
    switch (index % 5) {
    case 0: { /* any bit pattern */
        double value = of_bits(r);
        return (size_t)snprintf(out, TEXT_BYTES, "%.17g", isfinite(value) ? value : 0.1);
    }
    case 1: /* subnormals */
        return (size_t)snprintf(out, TEXT_BYTES, "%.17g", of_bits(sign | (r & 0xfffffffffffffu)));
    case 2: /* integers of every length */
        return (size_t)snprintf(out, TEXT_BYTES, "%s%" PRIu64, sign ? "-" : "",
                                r >> (1 + random_bits() % 63));
    case 3: /* short decimals */
        return (size_t)snprintf(out, TEXT_BYTES, "%s%u.%0*u", sign ? "-" : "",
                                (unsigned)(r % 100000), (int)(1 + r % 4),
                                (unsigned)(random_bits() % 10));
    default: /* more digits than a double has, and an exponent */
        return (size_t)snprintf(out, TEXT_BYTES, "%s%" PRIu64 ".%" PRIu64 "e%d", sign ? "-" : "",
                                r % 10, random_bits(), (int)(random_bits() % 600) - 320);
    }
}

static int same(const char *where, double got, double wanted, size_t index)
{
    if (bits_of(got) == bits_of(wanted))
        return 1;
    printf("number %zu, %s: %.17g, not %.17g\n", index, where, got, wanted);
    return 0;
}

/* Compares the member `name` of an answer with the values, number by number. */
static size_t compare_member(const char *answer, const char *name, const double *wanted, size_t n)
{
    size_t bad = 0;
    const char *at = strstr(answer, name) + strlen(name);
    for (size_t i = 0; i < n; i++) {
        char *end = NULL;
        double got = strtod(at + 1, &end);
        bad += !same(name, got, wanted[i], i);
        at = end;
    }
    return bad + (*at != ']');
}

static size_t run(size_t n, struct luna_arena *arena, struct luna_buf *body,
                  struct luna_buf *answer)
{
    static double wanted[BATCH];
    luna_buf_clear(body);
    luna_buf_puts(body, "{\"results\":[");
    for (size_t i = 0; i < n; i++) {
        char text[TEXT_BYTES];
        size_t len = write_number(i, text);
        wanted[i] = strtod(text, NULL);
        if (i > 0)
            luna_buf_putc(body, ',');
        luna_buf_append(body, text, len);
    }
    luna_buf_puts(body, "]}");
    struct luna_faults faults;
    struct luna_request request;
    const struct luna_request_limits limits = {.points_max = BATCH, .nesting_max = 8};
    luna_faults_init(&faults, arena);
    if (luna_decode_json(body->data, body->len, &limits, arena, &request, &faults) !=
        LUNA_DECODE_OK) {
        printf("refused: %s at %ld\n", faults.list[0].msg, faults.list[0].loc[2].index);
        return n;
    }
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += !same("decoded", request.values[i], wanted[i], i);
    const struct luna_result result = {.n = n, .processed = request.values};
    request.input = NULL; /* so that input_data is printed, not echoed */
    luna_buf_clear(answer);
    luna_encode_json(&request, &result, 0, answer);
    luna_buf_putc(answer, '\0');
    bad += compare_member(answer->data, "\"processed_results\":", wanted, n);
    return bad + compare_member(answer->data, "\"input_data\":", wanted, n);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261124;
    struct luna_arena arena;
    struct luna_buf body, answer;
    size_t bad = 0;
    luna_arena_init(&arena, 1 << 20, 64 << 20);
    luna_buf_init(&body, (size_t)64 << 20);
    luna_buf_init(&answer, (size_t)64 << 20);
    for (size_t done = 0; done < count; done += BATCH) {
        bad += run(count - done < BATCH ? count - done : BATCH, &arena, &body, &answer);
        luna_arena_reset(&arena);
    }
    luna_buf_done(&body);
    luna_buf_done(&answer);
    luna_arena_done(&arena);
    printf("%zu doubles there and back, %zu changed\n", count, bad);
    return bad > 0;
}
