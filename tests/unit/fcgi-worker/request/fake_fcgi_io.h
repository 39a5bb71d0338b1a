/*
 * fake_fcgi_io.h: fcgi_io.h without a socket: a test sets the request and reads the answer.
 */
#ifndef TEST_FAKE_FCGI_IO_H
#define TEST_FAKE_FCGI_IO_H

#include "fastcgi/fcgi_io.h"

enum { FAKE_PARAMS_MAX = 16 };

struct fcgi_io {
    struct fake_param {
        const char *name, *value;
    } params[FAKE_PARAMS_MAX];
    size_t param_count;
    const char *body;
    bool body_fails;      /* it ends before its announced length */
    bool client_left;     /* every poll and every send finds it */
    struct luna_buf sent; /* head and body, terminated */
    bool ended;           /* the last part was sent */
};

/* An empty request. `sent` keeps its memory. */
void fake_fcgi_io_reset(struct fcgi_io *io);
/* NULL or "": no such parameter. */
void fake_fcgi_io_set(struct fcgi_io *io, const char *name, const char *value);

#endif
