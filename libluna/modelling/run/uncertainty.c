#include "run/uncertainty.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

static const double level = 0.95;

/* What libkalman found, and where it goes. */
struct naming {
    const struct uncertainty_inquiry *inquiry;
    struct luna_arena *arena;
    struct kalman_uncertainty found;
    struct luna_uncertainty *out;
    const char **names; /* of the estimates, in libkalman's order */
};

/* The place of element `at` of the spec among the estimates; count where it was given. */
static size_t estimate_at(const struct naming *n, size_t at)
{
    size_t k = 0;
    while (k < n->found.count && n->found.at[k] != at)
        k++;
    return k;
}

static bool fill(struct naming *n, const struct kalman_parameter_info *p, size_t offset,
                 size_t count, struct luna_estimate *estimate)
{
    double *values = luna_arena_alloc(n->arena, 3 * count * sizeof *values);
    if (values == NULL)
        return false;
    *estimate = (struct luna_estimate){.name = p->name,
                                       .standard_error = values,
                                       .lower = values + count,
                                       .upper = values + 2 * count,
                                       .count = count,
                                       .is_array = p->length != NULL};
    for (size_t i = 0; i < count; i++) {
        size_t k = estimate_at(n, offset + i);
        bool known = k < n->found.count;
        values[i] = known ? n->found.standard_error[k] : (double)NAN;
        values[count + i] = known ? n->found.lower[k] : (double)NAN;
        values[2 * count + i] = known ? n->found.upper[k] : (double)NAN;
        if (!known)
            continue;
        n->names[k] =
            p->length != NULL ? luna_arena_printf(n->arena, "%s[%zu]", p->name, i) : p->name;
        if (n->names[k] == NULL)
            return false;
    }
    return true;
}

/* Has the parameter an element that was estimated? */
static bool is_estimated(const struct naming *n, size_t offset, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (estimate_at(n, offset + i) < n->found.count)
            return true;
    return false;
}

static bool name_all(struct naming *n)
{
    const struct kalman_spec *spec = n->inquiry->fitted;
    for (const struct kalman_parameter_info *p = kalman_kind_describe(spec->kind)->parameters;
         p->name != NULL && n->out->count < LUNA_PARAMETERS_MAX; p++) {
        size_t offset = 0, count = 0;
        if (kalman_spec_locate(spec, p->name, &offset, &count) != KALMAN_OK ||
            !is_estimated(n, offset, count))
            continue;
        if (!fill(n, p, offset, count, &n->out->estimates[n->out->count]))
            return false;
        n->out->count++;
    }
    return true;
}

/* The call of libkalman, in workspace of the arena. */
static enum kalman_status inquire(struct naming *n, double *covariance)
{
    const struct uncertainty_inquiry *inquiry = n->inquiry;
    struct kalman_fit_options options = {.hook = inquiry->hook};
    size_t bytes = 0;
    enum kalman_status status =
        kalman_uncertainty_bytes(inquiry->fitted, inquiry->series.count, &bytes);
    if (status != KALMAN_OK)
        return status;
    char *memory = luna_arena_alloc(n->arena, bytes + KALMAN_ALIGN);
    if (memory == NULL)
        return KALMAN_ENOMEM;
    memory += (KALMAN_ALIGN - (uintptr_t)memory % KALMAN_ALIGN) % KALMAN_ALIGN;
    return kalman_uncertainty(inquiry->asked, inquiry->fitted, &inquiry->series, &options, level,
                              memory, bytes, covariance, &n->found);
}

enum kalman_status uncertainty_find(const struct uncertainty_inquiry *inquiry,
                                    struct luna_arena *arena,
                                    const struct luna_uncertainty **ret_uncertainty)
{
    struct naming n = {.inquiry = inquiry, .arena = arena};
    size_t most = kalman_spec_parameter_count(inquiry->fitted);
    double *covariance = NULL;
    n.out = luna_arena_calloc(arena, 1, sizeof *n.out);
    n.names = luna_arena_calloc(arena, most + 1, sizeof *n.names);
    if (inquiry->covariance)
        covariance = luna_arena_alloc(arena, (most * most + 1) * sizeof *covariance);
    if (n.out == NULL || n.names == NULL || (inquiry->covariance && covariance == NULL))
        return KALMAN_ENOMEM;
    enum kalman_status status = inquire(&n, covariance);
    if (status != KALMAN_OK)
        return status;
    assert(n.found.count <= most);
    if (!name_all(&n))
        return KALMAN_ENOMEM;
    n.out->level = level;
    n.out->order = n.found.count;
    n.out->covariance = covariance;
    n.out->names = n.names;
    *ret_uncertainty = n.out;
    return KALMAN_OK;
}
