/*
 * etag.h: entity tags, for answers that a client may cache and revalidate (RFC 9110 §8.8,
 * §13.1.2).
 *
 * A tag is strong: the hash of the answer's bytes, the same from every worker, and different in
 * another format. nginx makes it weak when it compresses the answer; If-None-Match compares weakly,
 * as the RFC requires.
 */
#ifndef FCGI_WORKER_ETAG_H
#define FCGI_WORKER_ETAG_H

#include <stdbool.h>
#include <stddef.h>

enum { ETAG_BYTES = 35 }; /* 32 digits, two quotes, a NUL */

void etag_make(const void *bytes, size_t len, char ret_etag[ETAG_BYTES]);
/* Does the value of If-None-Match (may be "") match `etag`? "*" matches any. */
bool etag_matches(const char *if_none_match, const char *etag);

#endif
