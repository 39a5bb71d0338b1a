#include "luna/modelling/fault.h"

#include "luna/base/escape.h"

#include <assert.h>
#include <string.h>

void luna_faults_init(struct luna_faults *faults, struct luna_arena *arena)
{
    assert(arena != NULL); /* quotes live there, as long as the faults */
    faults->arena = arena;
    luna_faults_clear(faults);
}

void luna_faults_clear(struct luna_faults *faults)
{
    faults->count = 0;
    faults->more = false;
}

struct luna_fault *luna_faults_add(struct luna_faults *faults, const char *type, const char *msg,
                                   const char *hint)
{
    if (faults->count == LUNA_FAULTS_MAX)
        return NULL;
    struct luna_fault *fault = &faults->list[faults->count++];
    faults->more = faults->count == LUNA_FAULTS_MAX;
    *fault = (struct luna_fault){.type = type, .msg = msg != NULL ? msg : type, .hint = hint};
    return luna_fault_at(fault, "body");
}

void luna_faults_join(struct luna_faults *faults, const struct luna_faults *more)
{
    assert(faults->count <= LUNA_FAULTS_MAX && more != faults);
    size_t room = LUNA_FAULTS_MAX - faults->count;
    size_t taken = more->count < room ? more->count : room;
    for (size_t i = 0; i < taken; i++)
        faults->list[faults->count++] = more->list[i];
    faults->more = faults->more || more->more || faults->count == LUNA_FAULTS_MAX;
}

struct luna_fault *luna_fault_at(struct luna_fault *fault, const char *name)
{
    if (fault != NULL && fault->loc_count < LUNA_FAULT_LOC_MAX)
        fault->loc[fault->loc_count++] = (struct luna_fault_loc){.name = name};
    return fault;
}

struct luna_fault *luna_fault_at_index(struct luna_fault *fault, size_t index)
{
    if (fault != NULL && fault->loc_count < LUNA_FAULT_LOC_MAX)
        fault->loc[fault->loc_count++] = (struct luna_fault_loc){.index = (long)index};
    return fault;
}

const char *luna_faults_quote(struct luna_faults *faults, const char *text, size_t len)
{
    size_t keep = 0;
    while (keep < len) {
        size_t size = luna_utf8_length(text + keep, len - keep);
        size = size > 0 ? size : 1;
        if (keep + size > LUNA_FAULT_NAME_BYTES_MAX)
            break;
        keep += size;
    }
    const char *copy = keep == len ? luna_arena_strndup(faults->arena, text, len)
                                   : luna_arena_printf(faults->arena, "%.*s…", (int)keep, text);
    return copy != NULL ? copy : "?";
}

static void put_loc(const struct luna_fault *fault, struct luna_buf *out)
{
    assert(fault->loc_count >= 1 && fault->loc_count <= LUNA_FAULT_LOC_MAX);
    luna_buf_putc(out, '[');
    for (int i = 0; i < fault->loc_count; i++) {
        const struct luna_fault_loc *loc = &fault->loc[i];
        if (i > 0)
            luna_buf_putc(out, ',');
        if (loc->name != NULL)
            luna_buf_put_json_string(out, loc->name, strlen(loc->name));
        else
            luna_buf_printf(out, "%ld", loc->index);
    }
    luna_buf_putc(out, ']');
}

static void put_fault(const struct luna_fault *fault, struct luna_buf *out)
{
    luna_buf_puts(out, "{\"type\":");
    luna_buf_put_json_string(out, fault->type, strlen(fault->type));
    luna_buf_puts(out, ",\"loc\":");
    put_loc(fault, out);
    luna_buf_puts(out, ",\"msg\":");
    luna_buf_put_json_string(out, fault->msg, strlen(fault->msg));
    if (fault->hint != NULL) {
        luna_buf_puts(out, ",\"hint\":");
        luna_buf_put_json_string(out, fault->hint, strlen(fault->hint));
    }
    luna_buf_putc(out, '}');
}

const char *luna_faults_suggest(struct luna_faults *faults,
                                const struct luna_suggestion *suggestion, const char *hint)
{
    if (suggestion->nearest == NULL)
        return hint;
    return luna_arena_printf(faults->arena, "did you mean \"%.*s\"? %s",
                             (int)suggestion->nearest_len, suggestion->nearest, hint);
}

void luna_faults_put_json(const struct luna_faults *faults, struct luna_buf *out)
{
    luna_buf_putc(out, '[');
    for (size_t i = 0; i < faults->count; i++) {
        if (i > 0)
            luna_buf_putc(out, ',');
        put_fault(&faults->list[i], out);
    }
    luna_buf_putc(out, ']');
}
