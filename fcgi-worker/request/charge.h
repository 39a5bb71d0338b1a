/*
 * charge.h: a request's admission, and the charge that is outstanding after it.
 *
 * The one owner of "a charge is outstanding". charge_ask() puts the question to the stores; when
 * they say yes, the charge is outstanding, even one of 0 units, until it is settled: committed just
 * before a success is sent, or refunded on every other path. To settle twice, or to ask while a
 * charge is outstanding, is a defect and asserted. A request that ends with the charge outstanding
 * has it refunded by pipeline.c.
 */
#ifndef FCGI_WORKER_CHARGE_H
#define FCGI_WORKER_CHARGE_H

#include "luna/store/admission.h"

#include <stdbool.h>

enum charge_state { CHARGE_NONE, CHARGE_OUTSTANDING, CHARGE_COMMITTED, CHARGE_REFUNDED };

/* All zero: nothing was asked yet. */
struct charge {
    struct luna_admitter *admitter;
    enum charge_state state;
    struct luna_admission admission; /* the answer; `cost` is what is charged now */
};

/* Asks; a refusal may be followed by another question. */
void charge_ask(struct charge *charge, struct luna_admitter *admitter,
                const struct luna_admission_request *request);
/* The charge is `units` from now on, or what it was when that is less; both stay outstanding.
 * LUNA_COMMIT_VOID: nothing is charged any more, and the charge is settled. */
enum luna_commit charge_reduce(struct charge *charge, int64_t units) LUNA_MUSTCHECK;
/* Settles either way; LUNA_COMMIT_VOID: nothing is charged, answer 503. */
enum luna_commit charge_commit(struct charge *charge) LUNA_MUSTCHECK;
void charge_refund(struct charge *charge);

#endif
