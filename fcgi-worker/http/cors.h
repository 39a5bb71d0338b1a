/*
 * cors.h: which web pages of other origins may call the API from a browser.
 *
 * LUNA_CORS_ORIGINS lists them ("https://app.example.org,https://b.example"); "*" allows all of
 * them; empty, the default, allows none. A key is sent in a header, never in a cookie, so
 * credentials are not allowed and "*" exposes no session.
 */
#ifndef FCGI_WORKER_CORS_H
#define FCGI_WORKER_CORS_H

#include "http/http.h"

#include <stdbool.h>

/* Is any origin listed? Then every answer depends on it (Vary). */
bool cors_is_on(const char *origins);
/* For every answer: may this page read it, and which headers of it? */
void cors_headers_add(const char *origins, const char *origin, struct http_response *response);
/* For the answer to OPTIONS, after cors_headers_add(): what may the page send? `methods` as in
 * Allow. */
void cors_preflight_add(const char *origins, const char *origin, const char *methods,
                        struct http_response *response);

#endif
