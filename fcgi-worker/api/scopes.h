/*
 * scopes.h: the scopes of the sender of a request, and which of them it may pass on.
 */
#ifndef FCGI_WORKER_SCOPES_H
#define FCGI_WORKER_SCOPES_H

#include "luna/base/buf.h"
#include "request/exchange.h"

/* ["model","read"] */
void scopes_put_json(unsigned scopes, struct luna_buf *out);
/* The key's, or those that a token has of them; of an admitted request. */
unsigned scopes_of_sender(const struct exchange *exchange);
/* 403: `wanted` holds scopes that the sender lacks; the sentence about it starts with `what`. */
enum step_outcome scopes_refuse(struct exchange *exchange, unsigned wanted, const char *what);

#endif
