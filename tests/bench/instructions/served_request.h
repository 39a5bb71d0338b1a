/*
 * served_request.h: a worker without its process. A child sends the same request repeatedly, as
 * nginx would; each takes all the steps that it takes in a worker, from accept to the log line.
 */
#ifndef BENCH_SERVED_REQUEST_H
#define BENCH_SERVED_REQUEST_H

#include "luna/store/admission.h"

#include <stddef.h>

struct served_request;

/* Listens in `folder` and starts the child, which asks without end and ends with its parent. Exits
 * the program when it cannot. `body` and `admitter` are borrowed; never freed. */
struct served_request *served_request_new(const char *folder, struct luna_admitter *admitter,
                                          const char *body, size_t body_len);
/* Until the child has connected: so that serving never finds nobody. */
void served_request_await(const struct served_request *served);
void served_request_serve(struct served_request *served);

#endif
