/*
 * fcgi_reader.h: the records of one FastCGI request, each checked before anything uses it.
 *
 * The caller passes the bytes of a connection as they arrive, in pieces of any size. The reader
 * takes no byte behind the record that ends the request, so the rest can be the next request of a
 * kept connection, of this process or of another.
 * What is not one whole request for a responder is invalid: another version, type, order, request
 * id or role; management and abort records; too many or too long parameters, one that is longer
 * than its records, has no name, or contains a zero byte. The length of a body is the caller's to
 * limit.
 * Pure: no input or output, no memory from the heap. The caller owns the reader.
 */
#ifndef FCGI_WORKER_FCGI_READER_H
#define FCGI_WORKER_FCGI_READER_H

#include <fastcgi.h>
#include <stddef.h>

enum {
    FCGI_PARAMS_MAX = 64,
    /* Twice what nginx accepts of headers: the path and query are sent more than once. */
    FCGI_PARAMS_BYTES_MAX = 65536
};

struct fcgi_bytes {
    const unsigned char *at;
    size_t len;
};

struct fcgi_param {
    const char *name; /* not terminated */
    size_t name_len;
    const char *value; /* terminated */
};

enum fcgi_stage {
    FCGI_STAGE_BEGIN,
    FCGI_STAGE_PARAMS,
    FCGI_STAGE_BODY,
    FCGI_STAGE_END, /* only the padding of the last record may be left */
    FCGI_STAGE_INVALID
};

enum fcgi_read {
    FCGI_READ_MORE, /* every byte was taken, and the request goes on */
    FCGI_READ_HEAD, /* the parameters are complete */
    FCGI_READ_BODY, /* bytes of the body: *ret_body, within the input */
    FCGI_READ_END,  /* the request is complete */
    FCGI_READ_INVALID
};

struct fcgi_reader {
    enum fcgi_stage stage;
    const char *fault; /* what is invalid, for a log; NULL: nothing */
    int request_id;
    FCGI_Header header;
    size_t header_len;   /* how much of the next record's header has arrived */
    size_t content_left; /* of the present record */
    size_t padding_left;
    FCGI_BeginRequestBody begin;
    size_t param_count;
    struct fcgi_param params[FCGI_PARAMS_MAX]; /* point into `param_bytes` */
    size_t param_bytes_len;
    unsigned char param_bytes[FCGI_PARAMS_BYTES_MAX + 1];
};

/* Before the first byte of a request. */
void fcgi_reader_begin(struct fcgi_reader *reader);
/* Reads until something is complete, and moves `input` past what it has taken. After an end or
 * something invalid it takes nothing more, and says the same again. */
enum fcgi_read fcgi_reader_take(struct fcgi_reader *reader, struct fcgi_bytes *input,
                                struct fcgi_bytes *ret_body) __attribute__((warn_unused_result));
/* The first parameter of this name; NULL when there is none. After FCGI_READ_HEAD. */
const char *fcgi_reader_param(const struct fcgi_reader *reader, const char *name);

#endif
