/*
 * pepper.h: the key of the API keys' digests, as every program reads it from LUNA_KEY_PEPPER.
 *
 * A pepper has an id, so that two can be in force while one replaces the other: a key's digest is
 * stored with the id of the pepper that it was made with, and moves to the present one when the key
 * is used. PostgreSQL has a fingerprint of each pepper, by which a wrong one is found.
 */
#ifndef LUNA_STORE_PEPPER_H
#define LUNA_STORE_PEPPER_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/database.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LUNA_PEPPER_BYTES_MIN = 32,
    LUNA_PEPPER_BYTES_MAX = 128,
    LUNA_PEPPER_ID_MAX = 9999,
    LUNA_PEPPER_MARK_BYTES = 65
};

/* The pepper that the present one replaces. */
struct luna_pepper {
    int id;     /* 0: none */
    size_t len; /* 0: none */
    unsigned char bytes[LUNA_PEPPER_BYTES_MAX];
};

/* Decodes hexadecimal digits. LUNA_ECONFIG names the setting and its length, never its value; `out`
 * is undefined then. */
enum luna_code luna_pepper_decode(const char *text, unsigned char out[LUNA_PEPPER_BYTES_MAX],
                                  size_t *ret_len, struct luna_error *err) LUNA_MUSTCHECK;
/* The same of LUNA_KEY_PEPPER_PREVIOUS (NULL: not set) and LUNA_KEY_PEPPER_PREVIOUS_ID (0: not
 * set). */
enum luna_code luna_pepper_previous(const char *text, int64_t id, int64_t current_id,
                                    struct luna_pepper *ret_pepper,
                                    struct luna_error *err) LUNA_MUSTCHECK;

/* What is derived from a pepper, in hexadecimal digits. */
struct luna_pepper_mark {
    int id;                                   /* 0: none */
    char fingerprint[LUNA_PEPPER_MARK_BYTES]; /* recognises it */
    char move_key[LUNA_PEPPER_MARK_BYTES];    /* proves a digest; a secret */
};
struct luna_pepper_marks {
    struct luna_pepper_mark current, previous;
};
/* `id` 0 stands for 1; `previous` may be NULL. */
void luna_pepper_marks_make(int id, const unsigned char *pepper, size_t pepper_len,
                            const struct luna_pepper *previous,
                            struct luna_pepper_marks *ret_marks);
/* What proves to PostgreSQL that `fresh` is the digest of the key that has the digest `earlier`
 * under another pepper: SHA-256 of move_key and both texts. `ret_proof` has 32 bytes. */
void luna_pepper_prove(const struct luna_pepper_mark *mark, const char *earlier, const char *fresh,
                       unsigned char *ret_proof);
/* Are these the peppers that PostgreSQL knows by their ids? A new one is recorded if the other one
 * is known, or if it is the first of all. LUNA_ECONFIG says which is wrong. */
enum luna_code luna_pepper_verify(struct luna_database *database,
                                  const struct luna_pepper_marks *marks,
                                  struct luna_deadline deadline,
                                  struct luna_error *err) LUNA_MUSTCHECK;

/* May an operator make keys under these peppers? LUNA_ECONFIG when no pool would take them, now or
 * soon: no pool has started with the present one (but with another), or there is a newer one that
 * the caller does not have, or that keys are made with. Records nothing. */
enum luna_code luna_pepper_check_use(struct luna_database *database,
                                     const struct luna_pepper_marks *marks,
                                     struct luna_deadline deadline,
                                     struct luna_error *err) LUNA_MUSTCHECK;

struct luna_pepper_use {
    int id;
    int64_t since_ms;
    int64_t live_keys; /* whose digests were made with it */
};
/* For an operator; stops when `each` returns false. */
enum luna_code luna_pepper_list(struct luna_database *database,
                                bool (*each)(void *context, const struct luna_pepper_use *use),
                                void *context, struct luna_error *err) LUNA_MUSTCHECK;

#endif
