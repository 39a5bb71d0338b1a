/*
 * scopes.h: what a key may do, in words.
 */
#ifndef FCGI_WORKER_SCOPES_H
#define FCGI_WORKER_SCOPES_H

#include "luna/base/buf.h"
#include "luna/store/admission.h"

/* The bit of "model", "read" or "keys"; 0 for any other word. */
unsigned scope_by_name(const char *name);
/* ["model","read"] */
void scopes_put_json(unsigned scopes, struct luna_buf *out);

#endif
