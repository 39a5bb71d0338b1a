/*
 * body_hash.h: fingerprint and hash of a request: of its body, and of all else that determines the
 * answer.
 *
 * The fingerprint is on the scoreboard while a body is worked on, to recognise one that has killed
 * workers: 128 bits of XXH3, fast enough for every body. Its key is derived from the pepper:
 * without it nobody can make two bodies collide, and it is the same on all hosts and after every
 * start, so that an operator finds a body in another log. The hash is BLAKE2b-256, for
 * Idempotency-Key and ETag: it needs no key.
 */
#ifndef FCGI_WORKER_BODY_HASH_H
#define FCGI_WORKER_BODY_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { BODY_HASH_BYTES = 32, BODY_FINGERPRINT_BYTES = 16, BODY_FINGERPRINT_KEY_BYTES = 192 };

struct body_fingerprint_key {
    unsigned char bytes[BODY_FINGERPRINT_KEY_BYTES];
};

/* All that determines the answer to a request: two that differ in any of it are not the same. Texts
 * and body are borrowed. */
struct body_identity {
    int route; /* its number */
    int64_t account_id, key_id;
    int format_out; /* enum format */
    /* As sent. A Content-Type also says how a table is to be read. */
    const char *query, *content_type, *content_encoding;
    const void *body;
    size_t body_len;
};

/* Of a pepper of any length (pepper.h). */
void body_fingerprint_key_make(const unsigned char *pepper, size_t pepper_len,
                               struct body_fingerprint_key *ret_key);
/* Both are of all of it. */
void body_fingerprint(const struct body_fingerprint_key *key, const struct body_identity *of,
                      unsigned char ret_fingerprint[BODY_FINGERPRINT_BYTES]);
void body_hash_make(const struct body_identity *of, unsigned char ret_hash[BODY_HASH_BYTES]);

#endif
