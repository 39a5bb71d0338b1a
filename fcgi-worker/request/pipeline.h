/*
 * pipeline.h: one request through all its steps.
 *
 * pipeline_serve() takes the request that fcgi_io_accept() accepted, runs the steps of its route in
 * order, and leaves it answered, counted and logged; the caller finishes the connection. Whatever
 * happens, a charge that is outstanding is refunded, one answer is attempted and one line is
 * logged.
 */
#ifndef FCGI_WORKER_PIPELINE_H
#define FCGI_WORKER_PIPELINE_H

#include "request/exchange.h"

/* The caller has set all pointers of the struct; this makes the rest. */
void pipeline_init(struct pipeline *pipeline);
void pipeline_done(struct pipeline *pipeline);
void pipeline_serve(struct pipeline *pipeline, int64_t accepted_ns);

#endif
