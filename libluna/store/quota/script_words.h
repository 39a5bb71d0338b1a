/*
 * script_words.h: what C and the scripts share, by name. The replies of the small scripts
 * (LUNA_LEASE_GRANTED …) and the elements of those that are arrays (LUNA_LEASE_AT_now_ms …) from
 * script_replies.def; the limits and words of the scripts (LUNA_LIFE_SLACK_MS,
 * LUNA_WORD_STAGE_CHECK …) and the parts of the texts that C reads, by their place
 * (LUNA_KEY_AT_networks …), the places of arguments (LUNA_ARG(LEASE, token) …) and the fields of
 * hashes (LUNA_M_epoch …) from script_texts.def.
 */
#ifndef LUNA_SCRIPT_WORDS_H
#define LUNA_SCRIPT_WORDS_H

#include <stddef.h>

enum luna_script_reply {
#define REPLY(script, word, number) LUNA_##script##_##word = (number),
#include "quota/script_replies.def"
};

enum luna_lease_field {
#define LEASE_FIELD(name) LUNA_LEASE_AT_##name,
#include "quota/script_replies.def"
};

enum luna_reap_field {
#define REAP_FIELD(name) LUNA_REAP_AT_##name,
#include "quota/script_replies.def"
};

enum luna_script_limit {
#define LIMIT(name, number) LUNA_##name = (number),
#include "quota/script_texts.def"
};

enum luna_script_word {
#define WORD(name, text) LUNA_WORD_##name,
#include "quota/script_texts.def"
};

enum luna_key_part {
#define KEY_PART(name, pattern, format, sql) LUNA_KEY_AT_##name,
#include "quota/script_texts.def"
};

enum luna_roll_part {
#define ROLL_PART(name, pattern, format) LUNA_ROLL_AT_##name,
#include "quota/script_texts.def"
    LUNA_ROLL_PARTS
};

/* A member stands for an argument, and its offset for the argument's place. */
#define ARGS(script, ...)                                                                          \
    struct LUNA_##script##_args {                                                                  \
        char __VA_ARGS__;                                                                          \
    };
#include "quota/script_texts.def"
#define LUNA_ARG(script, name) offsetof(struct LUNA_##script##_args, name)

enum luna_m_field {
#define M_FIELD(name, text) LUNA_M_##name,
#include "quota/script_texts.def"
};

enum luna_fence_field {
#define FENCE_FIELD(name, text) LUNA_FENCE_AT_##name,
#include "quota/script_texts.def"
    LUNA_FENCE_FIELDS
};

static inline const char *luna_m_field(enum luna_m_field field)
{
    static const char *const texts[] = {
#define M_FIELD(name, text) text,
#include "quota/script_texts.def"
    };
    return texts[field];
}

static inline const char *luna_fence_field(enum luna_fence_field field)
{
    static const char *const texts[] = {
#define FENCE_FIELD(name, text) text,
#include "quota/script_texts.def"
    };
    return texts[field];
}

static inline const char *luna_script_word(enum luna_script_word word)
{
    static const char *const words[] = {
#define WORD(name, text) text,
#include "quota/script_texts.def"
    };
    return words[word];
}

#endif
