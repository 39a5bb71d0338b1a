#include "fake_admitter.h"

#include <assert.h>
#include <string.h>

void fake_admitter_reset(struct luna_admitter *admitter)
{
    *admitter = (struct luna_admitter){.outcome = LUNA_ADMIT_ALLOWED, .quota_left = 1000};
}

static enum luna_admission_outcome decide(const struct luna_admitter *admitter, int64_t cost)
{
    if (admitter->outcome == LUNA_ADMIT_ALLOWED && cost > admitter->quota_left)
        return LUNA_ADMIT_QUOTA_EXHAUSTED;
    return admitter->outcome;
}

void luna_admit(struct luna_admitter *admitter, const struct luna_admission_request *request,
                struct luna_admission *ret_admission)
{
    admitter->admissions++;
    if (admitter->on_admit != NULL)
        admitter->on_admit();
    *ret_admission = (struct luna_admission){.outcome = decide(admitter, request->cost),
                                             .quota_limit = 1000,
                                             .quota_remaining = admitter->quota_left,
                                             .compute_ms_per_s = 1,
                                             .account_id = request->account_id};
    if (ret_admission->outcome == LUNA_ADMIT_ALLOWED) {
        ret_admission->cost = request->cost;
        admitter->quota_left -= request->cost;
        ret_admission->quota_remaining = admitter->quota_left;
    }
    if (ret_admission->outcome <= LUNA_ADMIT_REPLAY && request->stage != LUNA_STAGE_CHECK)
        ret_admission->charge = LUNA_CHARGE_OUTSTANDING;
    if (ret_admission->outcome == LUNA_ADMIT_REPLAY && admitter->kept_len > 0)
        ret_admission->kept = (struct luna_answer){admitter->kept, admitter->kept_len};
    if (request->body_hash != NULL)
        memcpy(admitter->body_hash, request->body_hash, sizeof admitter->body_hash);
}

enum luna_commit luna_admission_commit(struct luna_admitter *admitter,
                                       struct luna_admission *admission)
{
    assert(admission->charge == LUNA_CHARGE_OUTSTANDING);
    bool ok = admitter->commit == LUNA_COMMIT_OK;
    admission->charge = ok ? LUNA_CHARGE_COMMITTED : LUNA_CHARGE_REFUNDED;
    admitter->commits++;
    if (!ok)
        luna_error_set(&admission->error, admitter->commit_error, "the reason");
    if (ok)
        admitter->charged += admission->cost;
    if (ok && admission->to_keep.len > 0) {
        memcpy(admitter->kept, admission->to_keep.bytes, admission->to_keep.len);
        admitter->kept_len = admission->to_keep.len;
    }
    return admitter->commit;
}

void luna_admission_refund(struct luna_admitter *admitter, struct luna_admission *admission)
{
    assert(admission->charge == LUNA_CHARGE_OUTSTANDING);
    if (admitter->on_refund != NULL)
        admitter->on_refund();
    admission->charge = LUNA_CHARGE_REFUNDED;
    admitter->refunds++;
    admitter->refunded += admission->cost;
}

enum luna_commit luna_admission_reduce(struct luna_admitter *admitter,
                                       struct luna_admission *admission, int64_t units)
{
    assert(admission->charge == LUNA_CHARGE_OUTSTANDING && units < admission->cost);
    admitter->refunded += admission->cost - units;
    admission->quota_remaining += admission->cost - units;
    admission->cost = units;
    return LUNA_COMMIT_OK;
}

void luna_admission_spend(struct luna_admitter *admitter, const struct luna_admission *admission,
                          int64_t cpu_ms)
{
    (void)admission;
    admitter->cpu_ms += cpu_ms;
}
