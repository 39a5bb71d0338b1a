#include "api/small_body.h"

#include "http/credential.h"
#include "luna/base/escape.h"
#include "luna/store/account.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
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
#include "luna/store/scopes.def"
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

static const char *type_fault(struct luna_faults *faults, const struct small_member *member,
                              const char *type, const char *msg, const char *hint)
{
    fault(faults, member->name, type, msg, hint);
    return NULL;
}

/* Characters of UTF-8, which jansson has checked; SIZE_MAX when one is a control character. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (luna_escape_control_length(text, strlen(text)) != 0)
            return SIZE_MAX;
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static bool is_text(const json_t *value, size_t max)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) && characters(text) <= max;
}

/* It would be in the database, and in the answers to everybody who lists keys. */
static const char *key_fault(struct luna_faults *faults, const struct small_member *member)
{
    return type_fault(faults, member, "value_error", "Value error, contains an API key",
                      "a text without an API key; replace the key, if others may have seen it");
}

static const char *read_text(json_t *value, const struct small_member *member,
                             struct luna_faults *faults)
{
    const char *hint = luna_arena_printf(
        faults->arena, "a text of up to %lld characters, none of control", (long long)member->max);
    if (!is_text(value, (size_t)member->max))
        return type_fault(faults, member, "string_type", "Input should be a valid string", hint);
    if (credential_key_in(json_string_value(value)))
        return key_fault(faults, member);
    return luna_arena_printf(faults->arena, "%s", json_string_value(value));
}

static const char *read_texts(json_t *value, const struct small_member *member,
                              struct luna_faults *faults)
{
    enum { NAME_BYTES_MAX = 40, TEXT_CHARACTERS_MAX = 200 };
    const char *hint = luna_arena_printf(
        faults->arena, "an object of up to %lld texts of up to %d characters, %d bytes in all",
        (long long)member->max, TEXT_CHARACTERS_MAX, LUNA_KEY_METADATA_BYTES_MAX);
    bool sound = json_is_object(value) && json_object_size(value) <= (size_t)member->max;
    for (void *at = json_object_iter(value); sound && at != NULL;
         at = json_object_iter_next(value, at)) {
        const char *name = json_object_iter_key(at);
        sound = *name != '\0' && strlen(name) <= NAME_BYTES_MAX && characters(name) != SIZE_MAX &&
                is_text(json_object_iter_value(at), TEXT_CHARACTERS_MAX);
    }
    char *text = sound ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    const char *kept = NULL;
    bool has_key = text != NULL && credential_key_in(text);
    if (text != NULL && strlen(text) <= LUNA_KEY_METADATA_BYTES_MAX)
        kept = luna_arena_printf(faults->arena, "%s", text);
    free(text);
    if (has_key)
        return key_fault(faults, member);
    return kept != NULL ? kept
                        : type_fault(faults, member, "dict_type",
                                     "Input should be a valid dictionary of strings", hint);
}

static const char *read_networks(json_t *value, const struct small_member *member,
                                 struct luna_faults *faults)
{
    const char *list = "";
    size_t index;
    const json_t *item;
    const char *hint = luna_arena_printf(
        faults->arena, "a list of up to %lld addresses or networks, like \"192.0.2.0/24\"",
        (long long)member->max);
    if (!json_is_array(value) || json_array_size(value) > (size_t)member->max)
        return type_fault(faults, member, "list_type", "Input should be a valid list", hint);
    json_array_foreach(value, index, item)
    {
        const char *text = json_string_value(item);
        if (text == NULL || !luna_network_valid(text))
            luna_fault_at_index(fault(faults, member->name, "ip_any_network",
                                      "value is not a valid IPv4 or IPv6 network", hint),
                                index);
        else
            list = luna_arena_printf(faults->arena, "%s%s%s", list, index > 0 ? ";" : "", text);
    }
    return list;
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

static void clear(const struct small_member *member)
{
    assert(member->type != SMALL_SCOPES); /* a key without scopes is of no use */
    if (member->type == SMALL_INT)
        *member->ret_int = 0;
    else
        *member->ret_text = member->type == SMALL_TEXTS ? "{}" : "";
}

static void read_member(const char *name, json_t *value, const struct small_member *members,
                        struct luna_faults *faults)
{
    const struct small_member *member = find(members, name);
    if (member == NULL) {
        fault(faults, luna_faults_quote(faults, name, strlen(name)), "extra_forbidden",
              "Extra inputs are not permitted", list_names(members, faults->arena));
    } else if (json_is_null(value) && member->null != SMALL_NULL_IS_WRONG) {
        if (member->null == SMALL_NULL_CLEARS)
            clear(member);
    } else if (member->type == SMALL_INT) {
        read_int(value, member, faults);
    } else if (member->type == SMALL_SCOPES) {
        read_scopes(value, member, faults);
    } else {
        static const char *(*const readers[])(json_t *, const struct small_member *,
                                              struct luna_faults *) = {
            [SMALL_TEXT] = read_text, [SMALL_TEXTS] = read_texts, [SMALL_NETWORKS] = read_networks};
        *member->ret_text = readers[member->type](value, member, faults);
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
