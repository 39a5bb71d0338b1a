/*
 * body_hash.h: a body's fingerprint: BLAKE2b-256 over the route's number and the bytes.
 *
 * For the idempotency check and for the quarantine of bodies that kill workers: both must not be led astray by bodies that
 * were made to collide.
 */
#ifndef FCGI_WORKER_BODY_HASH_H
#define FCGI_WORKER_BODY_HASH_H

#include <stddef.h>

enum { BODY_HASH_BYTES = 32 };

void body_hash(int route, const void *body, size_t len, unsigned char ret_hash[BODY_HASH_BYTES]);

#endif
