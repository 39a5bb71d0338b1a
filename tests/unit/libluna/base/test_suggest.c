#include "luna/base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static size_t distance(const char *word, const char *other)
{
    return luna_suggest_distance(word, strlen(word), other, strlen(other));
}

static void an_edit_of_each_kind_counts_once(void **state)
{
    (void)state;
    assert_int_equal(distance("list", "list"), 0);
    assert_int_equal(distance("lst", "list"), 1);   /* a letter is missing */
    assert_int_equal(distance("liist", "list"), 1); /* one too many */
    assert_int_equal(distance("lisp", "list"), 1);  /* another one */
    assert_int_equal(distance("lsit", "list"), 1);  /* swapped */
    assert_int_equal(distance("ca", "abc"), 3);     /* no part is edited twice */
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("abc", ""), 3);
    assert_int_equal(distance("kitten", "sitting"), 3);
}

static void the_distance_is_the_same_both_ways(void **state)
{
    (void)state;
    static const char *const words[] = {"account", "acount", "audit", "usage", "", "create"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (size_t j = 0; j < sizeof words / sizeof words[0]; j++)
            assert_int_equal(distance(words[i], words[j]), distance(words[j], words[i]));
}

static void a_long_word_is_near_to_nothing(void **state)
{
    (void)state;
    char longest[LUNA_SUGGEST_WORD_BYTES_MAX], longer[LUNA_SUGGEST_WORD_BYTES_MAX + 1];
    memset(longest, 'a', sizeof longest);
    memset(longer, 'a', sizeof longer);
    longest[sizeof longest - 1] = longer[sizeof longer - 1] = '\0';
    assert_int_equal(distance(longest, longest), 0);
    assert_int_equal(distance(longer, longer), LUNA_SUGGEST_WORD_BYTES_MAX);
}

static const char *nearest(const char *typed, const char *const words[])
{
    struct luna_suggestion suggestion = {.typed = typed, .typed_len = strlen(typed)};
    for (; *words; words++)
        luna_suggest_compare(&suggestion, *words, strlen(*words));
    return suggestion.nearest ? suggestion.nearest : "";
}

static void only_a_near_word_is_suggested(void **state)
{
    (void)state;
    static const char *const words[] = {"list", "show", "disable", "enable", "set-plan", NULL};
    assert_string_equal(nearest("lisst", words), "list");
    assert_string_equal(nearest("shwo", words), "show");
    assert_string_equal(nearest("disbale", words), "disable");
    assert_string_equal(nearest("setplan", words), "set-plan");
    assert_string_equal(nearest("destroy", words), "");
    assert_string_equal(nearest("x", words), "");
    assert_string_equal(nearest("", words), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_of_each_kind_counts_once),
        cmocka_unit_test(the_distance_is_the_same_both_ways),
        cmocka_unit_test(a_long_word_is_near_to_nothing),
        cmocka_unit_test(only_a_near_word_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
