/*
 * The saved form of a stream, little-endian whatever the machine:
 *     "KLMN"  u32 version  u64 model digest  u64 payload length  payload  u64 FNV-1a of all before
 * payload: f64 last time, then the scalar filter's or the general filter's state, field by field as
 * below.
 */
#include <kalman/stream.h>

#include "model/system.h"
#include "numeric/expect.h"
#include "run/stream_state.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { SAVE_VERSION = 1, SAVE_HEADER = 24, SAVE_TRAILER = 8 };

static const uint64_t fnv_start = UINT64_C(14695981039346656037);

/* Against a torn or truncated file and a wrong model, not against forgery: what is loaded is
 * checked for what could reach outside an array. */
static uint64_t fnv(uint64_t hash, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

/* One walk over the fields serves size, save and load; so they cannot disagree. */
enum cursor_mode { CURSOR_MEASURE, CURSOR_WRITE, CURSOR_READ };

struct cursor {
    enum cursor_mode mode;
    unsigned char *out;
    const unsigned char *in;
    size_t at, end;
    bool failed; /* ran past the end while reading */
};

static void field_u64(struct cursor *c, uint64_t *value)
{
    EXPECT(c->mode == CURSOR_MEASURE || c->in || c->out);
    size_t at = c->at;
    c->at += 8;
    if (c->mode == CURSOR_MEASURE)
        return;
    if (c->at > c->end) {
        c->failed = true;
        return;
    }
    if (c->mode == CURSOR_WRITE) {
        for (size_t i = 0; i < 8; i++)
            c->out[at + i] = (unsigned char)(*value >> (8 * i));
        return;
    }
    *value = 0;
    for (size_t i = 0; i < 8; i++)
        *value |= (uint64_t)c->in[at + i] << (8 * i);
}

static void field_double(struct cursor *c, double *value)
{
    uint64_t bits = 0;
    memcpy(&bits, value, sizeof bits);
    field_u64(c, &bits);
    memcpy(value, &bits, sizeof bits);
}

static void field_flag(struct cursor *c, bool *value)
{
    uint64_t bits = *value != 0;
    field_u64(c, &bits);
    c->failed = c->failed || bits > 1;
    *value = bits != 0;
}

static void fields_sum(struct cursor *c, struct likelihood_sum *sum)
{
    field_double(c, &sum->block);
    field_double(c, &sum->squares);
    field_double(c, &sum->compensation);
    field_double(c, &sum->mantissa);
    uint64_t exponent = (uint64_t)sum->exponent; /* two's complement, and back */
    field_u64(c, &exponent);
    sum->exponent = (int64_t)exponent;
    field_u64(c, &sum->count);
    field_u64(c, &sum->diffuse);
    field_u64(c, &sum->exact);
    field_double(c, &sum->diffuse_log);
    field_double(c, &sum->steady_F);
    field_u64(c, &sum->steady_count);
    field_double(c, &sum->steady_log);
}

static void fields_level(struct cursor *c, struct level_state *s)
{
    field_double(c, &s->centre);
    field_double(c, &s->a);
    field_double(c, &s->P);
    field_double(c, &s->predicted_before);
    field_double(c, &s->dt);
    field_double(c, &s->steady_F);
    field_double(c, &s->steady_K);
    field_double(c, &s->steady_P);
    field_double(c, &s->steady_scale);
    field_u64(c, &s->count);
    field_u64(c, &s->steady_at);
    field_flag(c, &s->started);
    field_flag(c, &s->steady);
    fields_sum(c, &s->sum);
}

static void fields_filter(struct cursor *c, struct filter_state *f)
{
    EXPECT(f->kept || c->mode == CURSOR_MEASURE);
    /* Widths are checked before they are narrowed: columns of A in use, observations left. */
    field_double(c, &f->centre);
    field_double(c, &f->steady_dt);
    field_u64(c, &f->count);
    field_u64(c, &f->steady_at);
    uint64_t left = f->diffuse_left;
    field_u64(c, &left);
    c->failed = c->failed || left > f->model->diffuse;
    f->diffuse_left = (uint32_t)left;
    field_flag(c, &f->root);
    left = f->root_left;
    field_u64(c, &left);
    c->failed = c->failed || left > 2 * f->model->states;
    f->root_left = (uint32_t)left;
    if (f->model->collinear) { /* other models have no such fields */
        field_flag(c, &f->augmented);
        left = f->start.columns;
        field_u64(c, &left);
        c->failed = c->failed || left > f->model->diffuse;
        f->start.columns = left;
    }
    field_flag(c, &f->started);
    field_flag(c, &f->steady);
    field_flag(c, &f->comparable);
    fields_sum(c, &f->sum);
    for (size_t i = 0; i < f->kept_count && !c->failed; i++)
        field_double(c, &f->kept[i]);
}

static void fields_stream(struct cursor *c, struct kalman_stream *stream)
{
    assert(stream->model);
    field_double(c, &stream->last_time);
    if (stream->scalar)
        fields_level(c, &stream->level);
    else
        fields_filter(c, &stream->filter);
}

static uint64_t hash_matrix(uint64_t hash, const double *data, size_t count)
{
    /* By bits: -0.0 differs from 0.0 here, which costs a refusal at worst. */
    return data ? fnv(hash, (const unsigned char *)data, count * sizeof *data) : hash;
}

/* What must be the same for a saved state to make sense: the model's numbers and the options.
 * Varying custom matrices count by their first. */
static uint64_t model_digest(const struct kalman_stream *stream)
{
    const struct kalman_model *m = stream->model;
    const uint64_t sizes[] = {m->spec.kind,
                              m->observed,
                              m->states,
                              m->disturbances,
                              m->diffuse,
                              m->input_count,
                              (uint64_t)(int64_t)m->sd_exponent,
                              stream->options.engine,
                              (uint64_t)stream->scalar};
    uint64_t hash = fnv_start;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t byte = 0; byte < 8; byte++) {
            unsigned char octet = (unsigned char)(sizes[i] >> (8 * byte));
            hash = fnv(hash, &octet, 1);
        }
    const double *const matrices[] = {m->Z, m->H, m->T, m->V, m->c, m->d, m->a1, m->P1, m->A1};
    const size_t counts[] = {m->observed * m->states,
                             m->observed * m->observed,
                             m->states * m->states,
                             m->states * m->states,
                             m->states,
                             m->observed,
                             m->states,
                             m->states * m->states,
                             m->states * m->diffuse};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        hash = hash_matrix(hash, matrices[i], counts[i]);
    return hash_matrix(hash, &stream->options.robust_threshold, 1);
}

enum kalman_status kalman_stream_save_bytes(const struct kalman_stream *stream, size_t *ret_bytes)
{
    if (!stream)
        return KALMAN_EINVAL;
    struct kalman_stream measured = *stream; /* measuring reads the fields and changes none */
    struct cursor cursor = {.mode = CURSOR_MEASURE};
    fields_stream(&cursor, &measured);
    *ret_bytes = SAVE_HEADER + cursor.at + SAVE_TRAILER;
    return KALMAN_OK;
}

enum kalman_status kalman_stream_save(const struct kalman_stream *stream, void *buffer,
                                      size_t buffer_bytes, size_t *ret_bytes)
{
    size_t needed = 0;
    enum kalman_status status = kalman_stream_save_bytes(stream, &needed);
    if (status != KALMAN_OK)
        return status;
    if (!buffer || buffer_bytes < needed)
        return KALMAN_EWORKSPACE;
    unsigned char *bytes = buffer;
    struct kalman_stream written = *stream;
    uint64_t version = SAVE_VERSION, digest = model_digest(stream),
             payload = needed - SAVE_HEADER - SAVE_TRAILER;
    struct cursor cursor = {.mode = CURSOR_WRITE, .out = bytes, .end = needed};
    uint64_t head = UINT64_C(0x4e4d4c4b) | version << 32; /* "KLMN", version */
    field_u64(&cursor, &head);
    field_u64(&cursor, &digest);
    field_u64(&cursor, &payload);
    fields_stream(&cursor, &written);
    uint64_t check = fnv(fnv_start, bytes, needed - SAVE_TRAILER);
    field_u64(&cursor, &check);
    EXPECT(!cursor.failed && cursor.at == needed);
    *ret_bytes = needed;
    return KALMAN_OK;
}

/* Flags that contradict each other or the model. Numbers are taken as they are: any can come out of
 * extreme data, and none can do worse than give an error or a NaN at the next push. */
static bool filter_sound(const struct filter_state *f)
{
    return !(f->steady && (!f->invariant || f->root || f->augmented)) &&
           !((f->reference || f->diffuse_left > 0) && !f->root);
}

/* Header and checksum, before a single field is believed. */
static enum kalman_status saved_check(const unsigned char *bytes, size_t count, uint64_t digest)
{
    if (count < SAVE_HEADER + SAVE_TRAILER || memcmp(bytes, "KLMN", 4) != 0)
        return KALMAN_EFORMAT;
    uint64_t head = 0, saved_digest = 0, payload = 0, check = 0;
    /* Version before checksum: another version may place that elsewhere. The digest last, so that a
     * damaged file is not taken for one of another model. */
    struct cursor cursor = {.mode = CURSOR_READ, .in = bytes, .end = count};
    field_u64(&cursor, &head);
    field_u64(&cursor, &saved_digest);
    field_u64(&cursor, &payload);
    if (head >> 32 != SAVE_VERSION)
        return KALMAN_EVERSION;
    cursor.at = count - SAVE_TRAILER;
    field_u64(&cursor, &check);
    if (payload != count - SAVE_HEADER - SAVE_TRAILER ||
        check != fnv(fnv_start, bytes, count - SAVE_TRAILER))
        return KALMAN_EFORMAT;
    return saved_digest == digest ? KALMAN_OK : KALMAN_EMISMATCH;
}

enum kalman_status kalman_stream_load(void *memory, size_t memory_bytes,
                                      const struct kalman_model *model,
                                      const struct kalman_options *options, const void *saved,
                                      size_t saved_bytes, struct kalman_stream **ret_stream)
{
    struct kalman_stream *stream = NULL;
    enum kalman_status status = kalman_stream_init(memory, memory_bytes, model, options, &stream);
    if (status != KALMAN_OK)
        return status;
    if (!saved)
        return KALMAN_EINVAL;
    status = saved_check(saved, saved_bytes, model_digest(stream));
    if (status != KALMAN_OK)
        return status;
    struct cursor cursor = {
        .mode = CURSOR_READ, .in = saved, .at = SAVE_HEADER, .end = saved_bytes - SAVE_TRAILER};
    fields_stream(&cursor, stream);
    bool sound = stream->scalar || filter_sound(&stream->filter);
    if (cursor.failed || cursor.at != cursor.end || !sound)
        return KALMAN_EFORMAT;
    *ret_stream = stream;
    return KALMAN_OK;
}
