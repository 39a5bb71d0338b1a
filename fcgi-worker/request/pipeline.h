/*
 * pipeline.h: a request's whole way through a worker.
 *
 * pipeline_serve() takes the request that fcgi_io_accept() brought and leaves it answered, counted
 * and logged; the caller finishes the connection. Whatever happens, one answer is tried and one
 * line is logged.
 */
#ifndef FCGI_WORKER_PIPELINE_H
#define FCGI_WORKER_PIPELINE_H

#include "request/exchange.h"

/* The caller has set config, board, slot, admitter and io; this makes the rest. */
void pipeline_init(struct pipeline *pipeline);
void pipeline_done(struct pipeline *pipeline);
void pipeline_serve(struct pipeline *pipeline, int64_t accepted_ns);

#endif
