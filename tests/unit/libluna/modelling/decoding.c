#include "decoding.h"

void decoding_init(struct decoding *d)
{
    luna_arena_init(&d->arena, 4096, 1 << 24);
    luna_faults_init(&d->faults, &d->arena);
    luna_buf_init(&d->text, 1 << 20);
}

void decoding_done(struct decoding *d)
{
    luna_arena_done(&d->arena);
    luna_buf_done(&d->text);
}

static const struct luna_request_limits limits = {.points_max = DECODING_POINTS_MAX,
                                                  .nesting_max = DECODING_NESTING_MAX};

enum luna_decode_status decoding_json(struct decoding *d, const char *body, size_t len)
{
    luna_arena_reset(&d->arena);
    luna_faults_init(&d->faults, &d->arena);
    return luna_decode_json(body, len, &limits, &d->arena, &d->request, &d->faults);
}

const char *decoding_faults(struct decoding *d)
{
    luna_buf_clear(&d->text);
    for (size_t i = 0; i < d->faults.count; i++) {
        const struct luna_fault *fault = &d->faults.list[i];
        luna_buf_printf(&d->text, "%s%s ", i > 0 ? "; " : "", fault->type);
        for (int k = 0; k < fault->loc_count; k++) {
            if (fault->loc[k].name != NULL)
                luna_buf_printf(&d->text, "%s%s", k > 0 ? "." : "", fault->loc[k].name);
            else
                luna_buf_printf(&d->text, ".%ld", fault->loc[k].index);
        }
    }
    luna_buf_puts(&d->text, d->faults.more ? "; more" : "");
    luna_buf_putc(&d->text, '\0');
    return d->text.data;
}
