/* A connection's bytes, in pieces of a length that the first byte chooses. Invariants: no byte is
 * taken twice or behind the request's end; parameters lie within the reader and end with a zero
 * byte; a body lies within the input; pieces of one byte give the same parameters and body. */
#include "fuzz.h"

#include "fastcgi/fcgi_reader.h"

#include <assert.h>
#include <string.h>

struct outcome {
    enum fcgi_read last;
    const char *fault;
    size_t taken;
    size_t body_len;
    unsigned body_sum;
};

static void check_params(const struct fcgi_reader *reader)
{
    const char *first = (const char *)reader->param_bytes;
    assert(reader->param_count <= FCGI_PARAMS_MAX);
    assert(reader->param_bytes_len <= FCGI_PARAMS_BYTES_MAX);
    for (size_t i = 0; i < reader->param_count; i++) {
        const struct fcgi_param *param = &reader->params[i];
        assert(param->name_len > 0 && param->name + param->name_len == param->value);
        assert(param->name > first && param->value <= first + reader->param_bytes_len);
        assert(strlen(param->value) <= reader->param_bytes_len);
    }
}

static void add_body(struct outcome *outcome, const struct fcgi_bytes *input,
                     const struct fcgi_bytes *body)
{
    assert(body->len > 0 && body->at + body->len == input->at);
    outcome->body_len += body->len;
    for (size_t i = 0; i < body->len; i++)
        outcome->body_sum = outcome->body_sum * 31 + body->at[i];
}

static struct outcome read_in_pieces(struct fcgi_reader *reader, const uint8_t *data, size_t size,
                                     size_t piece_len)
{
    struct outcome outcome = {.last = FCGI_READ_MORE};
    fcgi_reader_begin(reader);
    while (outcome.taken < size && outcome.last != FCGI_READ_END &&
           outcome.last != FCGI_READ_INVALID) {
        size_t left = size - outcome.taken;
        struct fcgi_bytes input = {data + outcome.taken, piece_len < left ? piece_len : left};
        const uint8_t *start = input.at;
        struct fcgi_bytes body;
        do {
            outcome.last = fcgi_reader_take(reader, &input, &body);
            if (outcome.last == FCGI_READ_HEAD)
                check_params(reader);
            else if (outcome.last == FCGI_READ_BODY)
                add_body(&outcome, &input, &body);
        } while (outcome.last == FCGI_READ_HEAD || outcome.last == FCGI_READ_BODY);
        assert(outcome.last != FCGI_READ_MORE || input.len == 0);
        outcome.taken += (size_t)(input.at - start);
    }
    outcome.fault = reader->fault;
    assert((outcome.last == FCGI_READ_INVALID) == (outcome.fault != NULL));
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fcgi_reader reader, again;
    if (size < 2)
        return 0;
    struct outcome a = read_in_pieces(&reader, data + 1, size - 1, 1 + (size_t)data[0] * 16);
    struct outcome b = read_in_pieces(&again, data + 1, size - 1, 1);
    assert(a.last == b.last && a.fault == b.fault && a.taken == b.taken);
    assert(a.body_len == b.body_len && a.body_sum == b.body_sum);
    assert(reader.param_count == again.param_count);
    for (size_t i = 0; i < reader.param_count; i++)
        if (a.last != FCGI_READ_INVALID)
            assert(strcmp(reader.params[i].value, again.params[i].value) == 0);
    return 0;
}
