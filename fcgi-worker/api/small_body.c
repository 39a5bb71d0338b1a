#include "api/small_body.h"

#include "luna/store/admission.h"

#include <jansson.h>
#include <string.h>

enum { BODY_BYTES_MAX = 16384 };

static struct luna_fault *fault(struct luna_faults *faults, const char *name, const char *type,
                                const char *msg, const char *hint)
{
    return luna_fault_at(luna_faults_add(faults, type, msg, hint), name);
}

static void read_int(const json_t *value, const struct small_member *member,
                     struct luna_faults *faults)
{
    const char *hint = luna_arena_printf(faults->arena, "a whole number from %lld to %lld",
                                         (long long)member->min, (long long)member->max);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value))
        fault(faults, member->name, "int_type", "Input should be a valid integer", hint);
    else if (number < member->min)
        fault(faults, member->name, "greater_than_equal",
              luna_arena_printf(faults->arena, "Input should be greater than or equal to %lld",
                                (long long)member->min),
              hint);
    else if (number > member->max)
        fault(faults, member->name, "less_than_equal",
              luna_arena_printf(faults->arena, "Input should be less than or equal to %lld",
                                (long long)member->max),
              hint);
    else
        *member->ret_int = number;
}

/* The bit of a scope's word; 0 for any other word. */
static unsigned scope_of(const char *word)
{
    static const struct {
        const char *word;
        unsigned bit;
    } scopes[] = {
#define X(symbol, bit, word) {word, symbol},
        LUNA_SCOPE_TABLE(X)
#undef X
    };
    for (size_t i = 0; word != NULL && i < sizeof scopes / sizeof scopes[0]; i++)
        if (strcmp(scopes[i].word, word) == 0)
            return scopes[i].bit;
    return 0;
}

static void read_scopes(const json_t *value, const struct small_member *member,
                        struct luna_faults *faults)
{
    static const char hint[] = "a list of \"model\", \"read\" and \"keys\", at least one of them";
    unsigned scopes = 0;
    size_t index;
    const json_t *item;
    if (!json_is_array(value)) {
        fault(faults, member->name, "list_type", "Input should be a valid list", hint);
        return;
    }
    json_array_foreach(value, index, item)
    {
        unsigned scope = scope_of(json_string_value(item));
        if (scope == 0)
            luna_fault_at_index(fault(faults, member->name, "literal_error",
                                      "Input should be 'model', 'read' or 'keys'", hint),
                                index);
        scopes |= scope;
    }
    if (json_array_size(value) == 0)
        fault(faults, member->name, "too_short",
              "List should have at least 1 item after validation, not 0", hint);
    *member->ret_scopes = scopes;
}

static const struct small_member *find(const struct small_member *members, const char *name)
{
    for (; members->name != NULL; members++) {
        if (strcmp(members->name, name) == 0)
            return members;
    }
    return NULL;
}

static const char *list_names(const struct small_member *members, struct luna_arena *arena)
{
    const char *list = members->name != NULL ? "members are:" : "this path accepts no members";
    for (const char *before = ""; list != NULL && members->name != NULL; members++, before = ",")
        list = luna_arena_printf(arena, "%s%s %s", list, before, members->name);
    return list;
}

static void read_member(const char *name, const json_t *value, const struct small_member *members,
                        struct luna_faults *faults)
{
    const struct small_member *member = find(members, name);
    if (member == NULL) {
        fault(faults, luna_faults_quote(faults, name, strlen(name)), "extra_forbidden",
              "Extra inputs are not permitted", list_names(members, faults->arena));
    } else if (member->type == SMALL_INT) {
        read_int(value, member, faults);
    } else {
        read_scopes(value, member, faults);
    }
}

void small_body_read(const char *body, size_t len, const struct small_member *members,
                     struct luna_faults *faults)
{
    json_error_t error;
    if (len == 0)
        return;
    if (len > BODY_BYTES_MAX) {
        (void)luna_faults_add(faults, "too_long", "Data should have at most 16384 bytes",
                              "send fewer members, or shorter ones");
        return;
    }
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json == NULL) {
        luna_fault_at_index(luna_faults_add(faults, "json_invalid", "JSON decode error",
                                            luna_arena_printf(faults->arena, "%s", error.text)),
                            error.position > 0 ? (size_t)error.position : 0);
        return;
    }
    if (!json_is_object(json))
        (void)luna_faults_add(faults, "model_attributes_type",
                              "Input should be a valid dictionary or object to extract fields from",
                              "send an object");
    for (void *at = json_object_iter(json); at != NULL; at = json_object_iter_next(json, at))
        read_member(json_object_iter_key(at), json_object_iter_value(at), members, faults);
    json_decref(json);
}
