/*
 * fake_admitter.h: libluna/store's admission for tests of one request: the test says what it
 * decides, and reads what was charged. (The process model's tests have another one, which acts by
 * the account's number: tests/lib/fake_admission.c.)
 */
#ifndef TEST_FAKE_ADMITTER_H
#define TEST_FAKE_ADMITTER_H

#include "luna/store/admission.h"

struct luna_admitter {
    enum luna_admission_outcome outcome; /* of a request that the quota covers */
    int64_t quota_left;
    enum luna_commit commit;
    enum luna_code commit_error; /* of a commit that fails */
    void (*on_admit)(void);      /* NULL, or what other processes do meanwhile */
    void (*on_refund)(void);     /* NULL, or what the test looks at then */

    int admissions, commits, refunds;
    int64_t charged;                  /* units that were committed */
    int64_t refunded;                 /* units */
    int64_t cpu_ms;                   /* that were spent */
    unsigned char body_hash[32];      /* of the last request with an Idempotency-Key */
    char kept[LUNA_ANSWER_BYTES_MAX]; /* the last answer that was kept, which a replay gets */
    size_t kept_len;
};

/* Allows everything, up to a quota of 1000. */
void fake_admitter_reset(struct luna_admitter *admitter);

#endif
