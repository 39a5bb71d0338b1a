/*
 * credential.h: keys and tokens that a client puts where a log would show them.
 */
#ifndef FCGI_WORKER_CREDENTIAL_H
#define FCGI_WORKER_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes of a text, `max` at most, stand before what may be a key of either form, or a
 * token. */
size_t credential_free_len(const char *text, size_t len, size_t max);

/* Does the text hold a key of today's form? */
bool credential_key_in(const char *text);

/* Is the text a part of the key or token in X-API-Key or Authorization, or is that a part of the
 * text? Small and capital letters are the same, and dashes do not count, as in a UUID. Only this
 * comparison tells a key of the old form from any other UUID. Headers of more than 2 KiB hold no
 * credential; neither do texts of less than 8 characters without the dashes. */
bool credential_shown(const char *text, const char *api_key, const char *authorization);

#endif
