#include "fastcgi/fcgi_reader.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static const size_t BEGIN_BYTES = sizeof(FCGI_BeginRequestBody);

void fcgi_reader_begin(struct fcgi_reader *reader)
{
    reader->stage = FCGI_STAGE_BEGIN;
    reader->fault = NULL;
    reader->request_id = FCGI_NULL_REQUEST_ID;
    reader->header_len = 0;
    reader->content_left = 0;
    reader->padding_left = 0;
    reader->param_count = 0;
    reader->param_bytes_len = 0;
}

static enum fcgi_read invalid(struct fcgi_reader *reader, const char *fault)
{
    reader->stage = FCGI_STAGE_INVALID;
    reader->fault = fault;
    return FCGI_READ_INVALID;
}

/* Takes up to `len` bytes; returns how many. */
static size_t take_bytes(struct fcgi_bytes *input, size_t len, void *out)
{
    size_t taken = len < input->len ? len : input->len;
    if (out != NULL && taken > 0)
        memcpy(out, input->at, taken);
    input->at += taken;
    input->len -= taken;
    return taken;
}

/* One byte, or four with the highest bit set. */
static bool read_length(unsigned char **at, const unsigned char *end, size_t *ret_len)
{
    const unsigned char *from = *at;
    if (from == end)
        return false;
    if (from[0] < 0x80) {
        *ret_len = from[0];
        *at += 1;
        return true;
    }
    if (end - from < 4)
        return false;
    *ret_len = (from[0] & 0x7fu) << 24 | (size_t)from[1] << 16 | (size_t)from[2] << 8 | from[3];
    *at += 4;
    return true;
}

/* The pair at `*at`; NULL, or what is invalid. */
static const char *read_param(unsigned char **at, const unsigned char *end,
                              struct fcgi_param *ret_param)
{
    size_t name_len = 0, value_len = 0;
    if (!read_length(at, end, &name_len) || !read_length(at, end, &value_len))
        return "parameters that end within a length";
    size_t left = (size_t)(end - *at);
    if (name_len > left || value_len > left - name_len)
        return "a parameter that is longer than its records";
    if (name_len == 0)
        return "a parameter without a name";
    if (memchr(*at, '\0', name_len + value_len) != NULL)
        return "a zero byte in a parameter";
    *ret_param = (struct fcgi_param){(const char *)*at, name_len, (const char *)*at + name_len};
    *at += name_len + value_len;
    return NULL;
}

static enum fcgi_read read_params(struct fcgi_reader *reader)
{
    unsigned char *at = reader->param_bytes;
    const unsigned char *end = at + reader->param_bytes_len;
    reader->param_bytes[reader->param_bytes_len] = '\0';
    while (at < end) {
        unsigned char *start = at;
        if (reader->param_count == FCGI_PARAMS_MAX)
            return invalid(reader, "too many parameters");
        const char *fault = read_param(&at, end, &reader->params[reader->param_count]);
        if (fault != NULL)
            return invalid(reader, fault);
        reader->param_count++;
        *start = '\0'; /* its length was read: now it ends the value before */
    }
    reader->stage = FCGI_STAGE_BODY;
    return FCGI_READ_HEAD;
}

static enum fcgi_read read_begin(struct fcgi_reader *reader)
{
    if ((reader->begin.roleB1 << 8 | reader->begin.roleB0) != FCGI_RESPONDER)
        return invalid(reader, "a role other than responder");
    reader->stage = FCGI_STAGE_PARAMS;
    return FCGI_READ_MORE;
}

static enum fcgi_read read_content(struct fcgi_reader *reader, struct fcgi_bytes *input,
                                   struct fcgi_bytes *ret_body)
{
    const unsigned char *at = input->at;
    void *out = NULL;
    if (reader->stage == FCGI_STAGE_BEGIN)
        out = (unsigned char *)&reader->begin + (BEGIN_BYTES - reader->content_left);
    else if (reader->stage == FCGI_STAGE_PARAMS)
        out = reader->param_bytes + reader->param_bytes_len;
    size_t taken = take_bytes(input, reader->content_left, out);
    reader->content_left -= taken;
    if (reader->stage == FCGI_STAGE_BODY && taken > 0) {
        *ret_body = (struct fcgi_bytes){at, taken};
        return FCGI_READ_BODY;
    }
    if (reader->stage == FCGI_STAGE_PARAMS)
        reader->param_bytes_len += taken;
    if (reader->stage == FCGI_STAGE_BEGIN && reader->content_left == 0)
        return read_begin(reader);
    return FCGI_READ_MORE;
}

static const char *fault_of_type(const struct fcgi_reader *reader)
{
    static const unsigned char expected[] = {[FCGI_STAGE_BEGIN] = FCGI_BEGIN_REQUEST,
                                             [FCGI_STAGE_PARAMS] = FCGI_PARAMS,
                                             [FCGI_STAGE_BODY] = FCGI_STDIN};
    if (reader->header.version != FCGI_VERSION_1)
        return "a version other than 1";
    if (reader->header.type == FCGI_ABORT_REQUEST)
        return "a request that was aborted";
    return reader->header.type == expected[reader->stage] ? NULL : "a record of another type";
}

static const char *fault_of_record(const struct fcgi_reader *reader, int request_id)
{
    const char *fault = fault_of_type(reader);
    if (fault != NULL)
        return fault;
    if (reader->stage == FCGI_STAGE_BEGIN) {
        if (request_id == FCGI_NULL_REQUEST_ID)
            return "a request without an id";
        return reader->content_left == BEGIN_BYTES ? NULL : "a begin record of another size";
    }
    if (request_id != reader->request_id)
        return "a record of another request";
    if (reader->stage == FCGI_STAGE_PARAMS &&
        reader->content_left > FCGI_PARAMS_BYTES_MAX - reader->param_bytes_len)
        return "too long parameters";
    return NULL;
}

/* A record without content ends the parameters, and then the body. */
static enum fcgi_read read_header(struct fcgi_reader *reader)
{
    const FCGI_Header *header = &reader->header;
    int request_id = header->requestIdB1 << 8 | header->requestIdB0;
    reader->header_len = 0;
    reader->content_left = (size_t)header->contentLengthB1 << 8 | header->contentLengthB0;
    reader->padding_left = header->paddingLength;
    const char *fault = fault_of_record(reader, request_id);
    if (fault != NULL)
        return invalid(reader, fault);
    reader->request_id = request_id;
    if (reader->content_left > 0)
        return FCGI_READ_MORE;
    if (reader->stage == FCGI_STAGE_PARAMS)
        return read_params(reader);
    reader->stage = FCGI_STAGE_END;
    return FCGI_READ_MORE;
}

/* The next part of a record: content, padding, or the header of the next one. */
static enum fcgi_read read_part(struct fcgi_reader *reader, struct fcgi_bytes *input,
                                struct fcgi_bytes *ret_body)
{
    if (reader->content_left > 0)
        return read_content(reader, input, ret_body);
    if (reader->padding_left > 0) {
        reader->padding_left -= take_bytes(input, reader->padding_left, NULL);
        return FCGI_READ_MORE;
    }
    reader->header_len += take_bytes(input, sizeof reader->header - reader->header_len,
                                     (unsigned char *)&reader->header + reader->header_len);
    return reader->header_len < sizeof reader->header ? FCGI_READ_MORE : read_header(reader);
}

enum fcgi_read fcgi_reader_take(struct fcgi_reader *reader, struct fcgi_bytes *input,
                                struct fcgi_bytes *ret_body)
{
    enum fcgi_read outcome = FCGI_READ_MORE;
    if (reader->stage == FCGI_STAGE_INVALID)
        return FCGI_READ_INVALID;
    while (outcome == FCGI_READ_MORE) {
        if (reader->stage == FCGI_STAGE_END && reader->padding_left == 0)
            return FCGI_READ_END;
        if (input->len == 0)
            return FCGI_READ_MORE;
        outcome = read_part(reader, input, ret_body);
    }
    return outcome;
}

const char *fcgi_reader_param(const struct fcgi_reader *reader, const char *name)
{
    size_t len = strlen(name);
    assert(reader->stage >= FCGI_STAGE_BODY);
    for (size_t i = 0; i < reader->param_count; i++)
        if (reader->params[i].name_len == len && memcmp(reader->params[i].name, name, len) == 0)
            return reader->params[i].value;
    return NULL;
}
