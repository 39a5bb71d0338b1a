/*
 * etag.h: validators of what a client may keep and ask for again (RFC 9110 §8.8, §13.1.2).
 *
 * A strong one: the hash of the answer's bytes, so it is the same from every worker, and another
 * format has another one. nginx makes it weak when it compresses on the way; If-None-Match compares
 * weakly, as it has to.
 */
#ifndef FCGI_WORKER_ETAG_H
#define FCGI_WORKER_ETAG_H

#include <stdbool.h>
#include <stddef.h>

enum { ETAG_BYTES = 35 }; /* 32 digits, two quotes, a NUL */

void etag_make(const void *bytes, size_t len, char ret_etag[ETAG_BYTES]);
/* Does If-None-Match's value ("" when there is none) name `etag`? "*" names any. */
bool etag_named(const char *if_none_match, const char *etag);

#endif
