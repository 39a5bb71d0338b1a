#include "request/charge.h"

#include <assert.h>

static bool is_allowed(const struct luna_admission *admission)
{
    return admission->outcome == LUNA_ADMIT_ALLOWED || admission->outcome == LUNA_ADMIT_REPLAY;
}

void charge_ask(struct charge *charge, struct luna_admitter *admitter,
                const struct luna_admission_request *request)
{
    assert(charge->state == CHARGE_NONE);
    charge->admitter = admitter;
    luna_admit(admitter, request, &charge->admission);
    if (is_allowed(&charge->admission))
        charge->state = CHARGE_OUTSTANDING;
}

enum luna_commit charge_reduce(struct charge *charge, int64_t units)
{
    assert(charge->state == CHARGE_OUTSTANDING && units >= 0);
    if (units >= charge->admission.cost)
        return LUNA_COMMIT_OK;
    enum luna_commit outcome = luna_admission_reduce(charge->admitter, &charge->admission, units);
    if (outcome != LUNA_COMMIT_OK)
        charge->state = CHARGE_REFUNDED;
    return outcome;
}

enum luna_commit charge_commit(struct charge *charge)
{
    assert(charge->state == CHARGE_OUTSTANDING);
    enum luna_commit outcome = luna_admission_commit(charge->admitter, &charge->admission);
    charge->state = outcome == LUNA_COMMIT_OK ? CHARGE_COMMITTED : CHARGE_REFUNDED;
    return outcome;
}

void charge_refund(struct charge *charge)
{
    assert(charge->state == CHARGE_OUTSTANDING);
    luna_admission_refund(charge->admitter, &charge->admission);
    charge->state = CHARGE_REFUNDED;
}
