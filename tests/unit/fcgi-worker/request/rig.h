/*
 * rig.h: one worker's pipeline on fake_fcgi_io.h and fake_admitter.h, with a scoreboard of its own.
 * The worker is slot 0; account 42 asks.
 */
#ifndef TEST_REQUEST_RIG_H
#define TEST_REQUEST_RIG_H

#include "fake_admitter.h"
#include "fake_fcgi_io.h"
#include "request/exchange.h"

enum { RIG_ACCOUNT = 42 };

struct rig {
    struct worker_config config;
    struct scoreboard *board;
    struct luna_admitter admitter;
    struct fcgi_io io;
    struct pipeline pipeline; /* its routes are the API's; a test may set others */
};

extern struct rig rig;

/* What a client sends. NULL: not sent. */
struct rig_request {
    const char *method; /* NULL: POST */
    const char *path;
    const char *api_key;
    const char *authorization;
    const char *idempotency_key;
    const char *repeated_header; /* as nginx names it */
    const char *body;
    const char *content_type; /* NULL: application/json */
    const char *query, *accept;
};

/* cmocka's. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* Serves the request; the whole answer, as FastCGI has it: "Status: 200 OK\r\n…". "" when none was
 * sent. */
const char *rig_serve(const struct rig_request *request);
/* Another worker's computation of that account takes long. */
void rig_begin_long_run(int slot, int64_t account_id);
/* Is the account listed in that slot of shared/long_runs.h? */
bool rig_is_listed(int slot, int64_t account_id);
/* Computes until this thread has used so much processor time. */
void rig_compute_ms(int64_t ms);

#endif
