#include "booking/drain.h"

#include "quota/script_words.h"

#include "booking/batch.h"

#include <assert.h>
#include <stdlib.h>

/* An operator's change of an account in the middle of its booking leaves it for the next pass. */
enum { PASSES_MAX = 5 };

struct draining {
    const struct luna_drain *drain;
    struct batch batch;
    struct luna_booking_report booked;
    struct luna_buf accounts, epochs; /* those that can be closed */
    int64_t last_id;                  /* the accounts up to this one are done in this pass */
    bool again;                       /* another pass is needed */
    int64_t closed;
};

static int before(const struct luna_journal_sum *sum, const struct snapshot *item)
{
    if (sum->account_id != item->account_id)
        return sum->account_id < item->account_id;
    return sum->epoch < item->epoch;
}

/* The units of the item's epoch that this host's journals have. The sums are sorted. */
static int64_t journaled(const struct luna_journal_sums *sums, const struct snapshot *item)
{
    size_t low = 0, high = sums->count;
    int64_t units = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (before(&sums->items[middle], item))
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == 0 || before(&sums->items[low - 1], item)); /* they are sorted */
    for (; low < sums->count && sums->items[low].account_id == item->account_id &&
           sums->items[low].epoch == item->epoch;
         low++)
        units += sums->items[low].units;
    return units;
}

static void sort_out(struct draining *draining)
{
    const struct batch *batch = &draining->batch;
    for (size_t i = 0; i < batch->count; i++) {
        const struct snapshot *item = &batch->items[i];
        if (item->status == LUNA_BOOK_CHANGED_MEANWHILE)
            draining->again = true;
        if (!luna_batch_accepted(item) || item->booked_c > item->c || item->booked_r > item->r ||
            journaled(draining->drain->journals, item) > item->c - item->r)
            continue;
        luna_pg_array_add(&draining->accounts, item->account_id);
        luna_pg_array_add(&draining->epochs, item->epoch);
    }
}

static enum luna_code close_epochs(struct draining *draining)
{
    struct luna_booker *booker = draining->batch.booker;
    struct luna_pg_params params = {.count = 0};
    int64_t closed = 0;
    assert(booker->term > 0 && booker->incarnation < draining->drain->incarnation);
    const char *accounts = luna_pg_array_end(&draining->accounts);
    const char *epochs = luna_pg_array_end(&draining->epochs);
    if (accounts == NULL || epochs == NULL)
        return luna_error_set(draining->batch.err, LUNA_ENOMEM, "no memory for a batch");
    luna_pg_param_int(&params, booker->term);
    luna_pg_param_int(&params, draining->drain->incarnation);
    luna_pg_param_text(&params, accounts);
    luna_pg_param_text(&params, epochs);
    enum luna_code code = luna_booker_query_int(booker, "SELECT luna_epochs_end($1, $2, $3, $4)",
                                                &params, &closed, draining->batch.err);
    draining->closed += closed;
    return code;
}

static enum luna_code drain_batch(struct draining *draining)
{
    /* Else it would close epochs whose charges can still be confirmed. */
    assert(draining->batch.reap != NULL && draining->batch.strict_only);
    luna_pg_array_begin(&draining->accounts);
    luna_pg_array_begin(&draining->epochs);
    enum luna_code code = luna_batch_snapshots(&draining->batch);
    if (code == LUNA_OK)
        code = luna_batch_book(&draining->batch);
    if (code != LUNA_OK)
        return code;
    sort_out(draining);
    draining->batch.count = 0;
    return close_epochs(draining);
}

/* The next accounts whose epochs are open. */
static enum luna_code read_open(struct draining *draining)
{
    struct luna_booker *booker = draining->batch.booker;
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    assert(draining->batch.count == 0); /* those of the last batch are closed */
    luna_pg_param_int(&params, draining->last_id);
    luna_pg_param_int(&params, booker->batch_accounts_max);
    enum luna_code code = luna_pg_query(
        booker->database, luna_pg_deadline(booker->database),
        "SELECT id FROM accounts WHERE epoch_open AND id > $1 ORDER BY id LIMIT $2::int", &params,
        &result, draining->batch.err);
    if (code != LUNA_OK)
        return code;
    for (int row = 0; row < luna_pg_rows(result) && code == LUNA_OK; row++) {
        draining->last_id = luna_pg_int(result, row, 0);
        code = luna_batch_add(&draining->batch, draining->last_id);
    }
    luna_pg_result_free(result);
    return code;
}

static enum luna_code drain_pass(struct draining *draining)
{
    draining->last_id = 0;
    draining->again = false;
    for (;;) {
        enum luna_code code = read_open(draining);
        if (code != LUNA_OK || draining->batch.count == 0)
            return code;
        code = drain_batch(draining);
        if (code != LUNA_OK)
            return code;
    }
}

enum luna_code luna_booking_drain(struct luna_booker *booker, const struct luna_drain *drain,
                                  struct luna_fence_report *report, struct luna_error *err)
{
    enum { ARRAY_BYTES_MAX = 1 << 20 };
    struct draining draining = {.drain = drain, .again = true};
    enum luna_code code = LUNA_OK;
    assert(drain->last_incarnation > 0 && drain->incarnation > drain->last_incarnation);
    luna_batch_init(&draining.batch, booker, &draining.booked, err);
    draining.batch.reap = luna_script_word(LUNA_WORD_REAP_ALL);
    draining.batch.incarnation = drain->last_incarnation;
    draining.batch.strict_only = true;
    luna_buf_init(&draining.accounts, ARRAY_BYTES_MAX);
    luna_buf_init(&draining.epochs, ARRAY_BYTES_MAX);
    for (int pass = 0; pass < PASSES_MAX && draining.again && code == LUNA_OK; pass++)
        code = drain_pass(&draining);
    luna_buf_done(&draining.accounts);
    luna_buf_done(&draining.epochs);
    luna_batch_done(&draining.batch);
    report->accounts_recovered += draining.closed;
    report->units_recovered += draining.booked.units_booked;
    return code;
}
