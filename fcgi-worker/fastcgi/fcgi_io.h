/*
 * fcgi_io.h: one FastCGI request at a time, each on its own connection.
 *
 *   - a connection is accepted, its peer's user or address checked, and only then read;
 *   - what it brings is checked record by record (fcgi_reader.h), within a deadline for the whole
 *     head and one for the body; nothing here waits without one;
 *   - the body is read to its end and its length compared with CONTENT_LENGTH; what is over the cap
 *     is read and dropped;
 *   - the answer leaves as STDOUT records of up to 64 KiB in as few writes as the socket takes;
 *   - the connection is closed after every request, whatever the web server asked for.
 * Who: worker.c and pipeline.c, in a worker process, with every signal blocked. Not for threads.
 * Ownership: parameters and the body live until fcgi_io_finish().
 */
#ifndef FCGI_WORKER_FCGI_IO_H
#define FCGI_WORKER_FCGI_IO_H

#include "luna/base/buf.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "shared/peers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fcgi_io;

struct fcgi_io_options {
    struct peers peers;  /* who may connect */
    int head_timeout_ms; /* until the parameters are complete */
};

enum fcgi_accept {
    FCGI_ACCEPT_OK,   /* a request is there */
    FCGI_ACCEPT_NONE, /* another worker took the connection, or it was closed: wait again */
    /* a connection was refused: its peer may not connect, or it is not FastCGI; err says which */
    FCGI_ACCEPT_DROPPED,
    /* out of descriptors or memory: pause, then wait again; err says which */
    FCGI_ACCEPT_EXHAUSTED
};

enum fcgi_body {
    FCGI_BODY_OK,
    FCGI_BODY_TOO_LARGE,  /* read to its end and dropped */
    FCGI_BODY_INCOMPLETE, /* the stream was shorter or longer than announced, or failed */
    FCGI_BODY_TIMEOUT
};

enum fcgi_send { FCGI_SEND_OK, FCGI_SEND_GONE, FCGI_SEND_TIMEOUT };

enum luna_code fcgi_io_new(const struct fcgi_io_options *options, struct fcgi_io **ret_io,
                           struct luna_error *err) LUNA_MUSTCHECK;
void fcgi_io_free(struct fcgi_io *io);

/* Takes one connection from the non-blocking `listen_fd` and reads its request's head. The caller
 * starts the clock before: a peer that sends nothing costs up to the limit of a head. */
enum fcgi_accept fcgi_io_accept(struct fcgi_io *io, int listen_fd,
                                struct luna_error *err) LUNA_MUSTCHECK;
/* The parameter; "" when it is missing. */
const char *fcgi_io_param(const struct fcgi_io *io, const char *name);
/* Reads the body to its end into `body` (up to body->max bytes are kept). */
enum fcgi_body fcgi_io_read_body(struct fcgi_io *io, struct luna_buf *body,
                                 struct luna_deadline deadline) LUNA_MUSTCHECK;
/* True when the web server has closed the connection, as nginx does when its client disconnects.
 * The socket is asked once a millisecond at most; in between the answer is no. */
bool fcgi_io_poll_client_left(struct fcgi_io *io);
enum fcgi_send fcgi_io_send(struct fcgi_io *io, const void *head, size_t head_len, const void *body,
                            size_t body_len, struct luna_deadline deadline) LUNA_MUSTCHECK;
/* A part of an answer; the last one goes through fcgi_io_send(). */
enum fcgi_send fcgi_io_send_part(struct fcgi_io *io, const void *head, size_t head_len,
                                 const void *body, size_t body_len,
                                 struct luna_deadline deadline) LUNA_MUSTCHECK;
/* Closes the connection and forgets the request. Legal after every outcome. */
void fcgi_io_finish(struct fcgi_io *io);

#endif
