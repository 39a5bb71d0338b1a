/*
 * fcgi_records.h: an answer as FastCGI records, written with few system calls.
 *
 * The answer is head and body, cut into STDOUT records, then the empty STDOUT record and
 * END_REQUEST; an answer in parts has this end after its last part. Pure except for the socket;
 * borrows everything.
 */
#ifndef FCGI_WORKER_FCGI_RECORDS_H
#define FCGI_WORKER_FCGI_RECORDS_H

#include "luna/base/clock.h"

#include <stdbool.h>
#include <stddef.h>

struct fcgi_answer {
    int request_id;
    const void *head;
    size_t head_len;
    const void *body;
    size_t body_len;
    bool more; /* another part of the same answer follows: no end is written */
};

/* Writes it all to `fd`, waiting for room until the deadline. 0, ETIMEDOUT, or the errno of the
 * write. */
int fcgi_records_send(int fd, const struct fcgi_answer *answer, struct luna_deadline deadline)
    __attribute__((warn_unused_result));

#endif
