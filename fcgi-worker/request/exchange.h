/*
 * exchange.h: one request and its response, and what every step may do with them.
 *
 * What is wrong with a body is a `complaint`: it is kept until the key has been checked, so that
 * nobody learns anything without a key, and then answered at no charge. Ownership: an exchange
 * lives for one request; all it points to is the pipeline's or in its arena.
 */
#ifndef FCGI_WORKER_EXCHANGE_H
#define FCGI_WORKER_EXCHANGE_H

#include "fastcgi/fcgi_io.h"
#include "http/body_hash.h"
#include "http/formats.h"
#include "http/http.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/token.h"
#include "luna/base/arena.h"
#include "luna/modelling/batch.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"
#include "luna/modelling/run.h"
#include "luna/store/admission.h"
#include "request/route.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"

struct pipeline { /* what a worker process has for all its requests */
    const struct worker_config *config;
    struct scoreboard *board;
    struct scoreboard_worker *slot;
    struct luna_admitter *admitter;
    struct api_stores *stores; /* api/stores.h */
    const struct route_table *routes;
    struct fcgi_io *io;
    struct body_fingerprint_key fingerprint_key;
    struct luna_arena arena;
    struct luna_buf body;
    struct luna_buf unpacked; /* the body, when it came compressed */
    struct luna_buf head;
    struct http_response response;
};

/* How a batch goes. */
struct batch_tally {
    size_t succeeded, failed;
    size_t tried; /* sound series that were run; at most as many as the quota allows */
    size_t written;
    bool out_of_time;
};

struct exchange {
    struct pipeline *pipeline;
    struct http_request request;
    const struct route *route; /* NULL until it is found */
    struct route_ids ids;
    int64_t account_id;
    /* of the answer; the hard limit, when the master kills, comes a little later */
    struct luna_deadline deadline;
    int64_t hard_limit_ns;
    int64_t accepted_ns;
    int64_t phase_since_ns;
    enum phase phase;
    bool body_read;
    enum fcgi_body body_outcome;
    unsigned char fingerprint[BODY_FINGERPRINT_BYTES]; /* of the body, once it is read */
    struct problem_report complaint;                   /* id PROBLEM_NONE: none */
    struct luna_faults faults;
    struct luna_request model;
    struct luna_result result;
    enum format format_in, format_out;
    struct query query;
    int precision;  /* of the numbers in the answer; 0: shortest */
    int64_t cost;   /* units of a success */
    bool divisible; /* when the quota has less than the cost, what is left of it will do */
    struct luna_batch batch;
    struct batch_tally tally;
    int64_t wanted, cursor;    /* numbers of a small request: days, events, seconds */
    unsigned scopes;           /* enum luna_scope bits that a key or token shall have */
    struct token_claims token; /* account_id 0: a key was sent, or nothing */
    bool client_left;
    bool streaming; /* the head of the answer has left */
    bool cut;       /* and its end will not: something went wrong in between */
    bool admitted;  /* luna_admit() said yes: commit or refund is owed */
    struct luna_admission admission;
    const char *code; /* of the problem answered, NULL on success */
    struct scoreboard_sample sample;
    char request_id[SCOREBOARD_ID_BYTES + 1];
};

/* Makes an admitted request's charge smaller; the headers say what is left then, if they have
 * not left. */
enum step_outcome exchange_charge_less(struct exchange *exchange, int64_t units);
/* Runs one series through its model under the request's deadline, and counts it. `cancelled` gets
 * the exchange; results and workspace are `arena`'s; `in_place`: see struct luna_run_control. */
enum luna_run_status exchange_run(struct exchange *exchange, const struct luna_request *request,
                                  bool in_place, int (*cancelled)(void *exchange),
                                  struct luna_arena *arena, struct luna_result *ret_result,
                                  struct luna_faults *faults);
/* The API key as sent, in either header; "" when there is none. */
const char *exchange_api_key(const struct exchange *exchange);
/* Answers with a problem; returns STEP_ANSWERED, so that a step can end in it. An answer whose head
 * has left cannot become another one: it is cut off, which its reader sees, as the end is
 * missing. */
enum step_outcome exchange_answer(struct exchange *exchange, const struct problem_report *report);
enum step_outcome exchange_refuse(struct exchange *exchange, enum problem_id id,
                                  const char *detail);
/* Keeps a complaint about the body for later; the first one stands. */
void exchange_complain(struct exchange *exchange, enum problem_id id, const char *detail);

/* For the steps that decode a body, of one series or of many; all complain instead of answering. */
bool exchange_content_known(struct exchange *exchange); /* Content-Type → format_in */
bool exchange_body_unpacked(struct exchange *exchange); /* Content-Encoding */
bool exchange_query_read(struct exchange *exchange);    /* the query, and precision out of it */
struct luna_request_limits exchange_limits(const struct exchange *exchange);
void exchange_complain_of_faults(struct exchange *exchange, enum luna_decode_status status);
/* Starts a phase: the time so far counts for the one before. */
void exchange_enter(struct exchange *exchange, enum phase phase);
/* The route's number in the table; -1 until it is found. */
int exchange_route_number(const struct exchange *exchange);
/* Has the client closed its connection? Asks the socket. */
bool exchange_client_left(struct exchange *exchange);

#endif
