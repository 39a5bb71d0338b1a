/*
 * exchange.h: one request and its response, and what every step may do with them.
 *
 * What is wrong with a query or a body is a `complaint`: it is kept until the key has been checked,
 * so that nobody learns anything without a key, and then answered at no charge. What only one
 * route needs is that route's own struct, in the arena, behind `route_state`. Ownership: an
 * exchange lives for one request; all it points to is the pipeline's or in its arena.
 */
#ifndef FCGI_WORKER_EXCHANGE_H
#define FCGI_WORKER_EXCHANGE_H

#include "fastcgi/fcgi_io.h"
#include "http/body_hash.h"
#include "http/http.h"
#include "http/problem.h"
#include "http/token.h"
#include "luna/base/arena.h"
#include "luna/base/clock.h"
#include "luna/modelling/fault.h"
#include "luna/store/admission.h"
#include "request/queue_wait.h"
#include "request/route.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"

struct pipeline { /* what a worker process has for all its requests */
    const struct worker_config *config;
    const struct route_table *routes;
    struct scoreboard *board;
    struct scoreboard_worker *slot;
    struct luna_admitter *admitter;
    struct api_stores *stores; /* api/stores.h */
    struct fcgi_io *io;
    struct queue_wait queue_wait; /* the worker notes when its queue is empty */
    struct body_fingerprint_key fingerprint_key;
    /* fair_share.c: the processor's clock at the end of the last request that cost no unit */
    int64_t unpaid_cpu_ns;
    struct luna_arena arena;
    struct luna_buf body;
    struct luna_buf unpacked; /* the body, when it was sent compressed */
    struct luna_buf head;
    struct http_response response;
};

struct exchange_timing {
    int64_t accepted_ns;
    struct luna_deadline deadline; /* of the answer */
    int64_t hard_limit_ns;         /* the master kills then: a little after the deadline */
    int64_t wait_ns;               /* in the queue, before it was accepted */
    enum phase phase;
    int64_t phase_since_ns;
    int64_t phase_ns[PHASE_COUNT]; /* of the phases that have ended */
};

/* Why the computation has to end early: set by the poll that finds it. The first reason stays. */
enum stop_reason {
    STOP_NONE,
    STOP_OVER_SHARE, /* by fair_share.h */
    STOP_DEADLINE,
    STOP_CLIENT_LEFT
};

/* For fair_share.h, except `expected_s` and `stop`. */
struct exchange_computation {
    int64_t cpu_since_ns;  /* the processor's clock; 0: not measured */
    int64_t before_cpu_ns; /* from the phase's start until then, by the other clock */
    bool is_listed;        /* in shared/long_runs.h */
    double expected_s;     /* of the last fit: how long it would take; series_run() */
    enum stop_reason stop;
};

enum answer_state {
    ANSWER_UNSENT,    /* it may still become another one */
    ANSWER_STREAMING, /* its head is sent, its body follows in parts */
    ANSWER_CUT        /* its end will be missing: something failed after its head was sent */
};

/* What only the log and the metrics read. */
struct exchange_notes {
    enum problem_id problem; /* the last one that was answered; PROBLEM_NONE: a success */
    size_t bytes_out;
    bool was_cold; /* the account had to be loaded */
    bool was_shed;
    bool was_quarantined;
};

/* What a success shall cost. */
struct exchange_price {
    int64_t units;
    bool divisible; /* if the quota has less left, the rest of it is accepted instead */
};

struct exchange {
    struct pipeline *pipeline;
    struct http_request request;
    char request_id[SCOREBOARD_ID_BYTES + 1];
    const struct route *route; /* NULL until it is found */
    struct route_ids ids;      /* all 0 until then */
    void *route_state;         /* NULL until exchange_route_state_new() */
    struct exchange_timing timing;
    struct token_claims token; /* account_id 0: a key was sent, or nothing */
    bool checked;              /* by step_check(): the key may send this body */
    bool body_read;
    struct body_identity identity;   /* set when the body is read */
    struct problem_report complaint; /* id PROBLEM_NONE: no complaint */
    struct luna_faults faults;       /* of the query, the body and the model */
    struct exchange_price price;
    size_t points;                   /* of all series; 0 until they are decoded */
    struct luna_admission admission; /* the handle of the charge, if one is outstanding */
    size_t limits_at, limits_end;    /* where the response's headers say the limits; 0: nowhere */
    struct exchange_computation computation;
    enum answer_state answer;
    bool client_left; /* a poll has found it, or the answer could not be sent */
    struct exchange_notes notes;
};

/* The route's own struct, all zero; NULL when the arena is full. Once per request. */
void *exchange_route_state_new(struct exchange *exchange, size_t bytes);
/* The route's number in the table; -1 until it is found. */
int exchange_route_number(const struct exchange *exchange);
/* Does the request have an Authorization of the scheme Bearer? */
bool exchange_has_bearer(const struct exchange *exchange);
/* The API key as sent, in either header; "" when there is none. */
const char *exchange_api_key(const struct exchange *exchange);
/* Starts a phase: the time so far counts for the one before. */
void exchange_enter(struct exchange *exchange, enum phase phase);
/* Asks the socket whether the client has closed its connection, and remembers a yes. */
bool exchange_poll_client_left(struct exchange *exchange);
/* Part of the answer is sent, under an Idempotency-Key: it is completed even when the client has
 * left, as a retry gets the whole of it and is charged nothing. */
bool exchange_owes_the_end(const struct exchange *exchange);

/* Answers with a problem; returns STEP_ANSWERED, so that a step can end in it. An answer whose head
 * is sent cannot become another one: it is cut off, which its reader sees, as the end is
 * missing. */
enum step_outcome exchange_answer(struct exchange *exchange, const struct problem_report *report);
enum step_outcome exchange_refuse(struct exchange *exchange, enum problem_id id,
                                  const char *detail);
/* Keeps a complaint for later; the first one stays. */
void exchange_complain(struct exchange *exchange, enum problem_id id, const char *detail);
/* The same of a body's type: 415. `accepted`: the types that the header Accept lists. */
void exchange_complain_of_type(struct exchange *exchange, const char *accepted, const char *detail);
/* The same of exchange->faults: 422 with all of them. */
void exchange_complain_of_faults(struct exchange *exchange);

/* Under an Idempotency-Key: the response, complete and not sent yet, is kept at the commit, if it
 * is short. Its headers after those of the limits are kept with it: they belong to the answer, the
 * others to the request. */
void exchange_keep_answer(struct exchange *exchange);
/* What was kept becomes the response. False: it cannot be read. */
bool exchange_restore_answer(struct exchange *exchange,
                             const struct luna_answer *kept) LUNA_MUSTCHECK;
/* The request has an Idempotency-Key, and its answer may be kept. */
bool exchange_may_keep(const struct exchange *exchange);

/* Would a stranger's body cost more than the round trip that asks for the key first? */
bool exchange_body_is_costly(const struct exchange *exchange);
/* Replaces the request's body with what its Content-Encoding packed. False: there is a
 * complaint. */
bool exchange_unpack_body(struct exchange *exchange) LUNA_MUSTCHECK;

#endif
