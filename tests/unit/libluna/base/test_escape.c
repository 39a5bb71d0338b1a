#include "luna/base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The table of Unicode 15, chapter 3, table 3-7 (well-formed UTF-8 byte sequences), written out
 * as ranges. */
static size_t by_the_standard(const unsigned char *s, size_t len)
{
    static const unsigned char rows[][9] = {
        {1, 0x00, 0x7f},
        {2, 0xc2, 0xdf, 0x80, 0xbf},
        {3, 0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf},
        {3, 0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
        {3, 0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf},
        {3, 0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        size_t need = rows[r][0], i = 0;
        if (need > len)
            continue;
        while (i < need && s[i] >= rows[r][1 + 2 * i] && s[i] <= rows[r][2 + 2 * i])
            i++;
        if (i == need)
            return need;
    }
    return 0;
}

static void overlong_surrogate_or_cut_sequences_pass(void **state)
{
    (void)state;
    /* Every pair of first bytes, followed by each kind of tail. */
    static const unsigned char tails[] = {0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (size_t c = 0; c < sizeof tails; c++) {
                for (size_t d = 0; d < sizeof tails; d++) {
                    unsigned char s[4] = {(unsigned char)a, (unsigned char)b, tails[c], tails[d]};
                    for (size_t len = 0; len <= 4; len++)
                        assert_int_equal(luna_utf8_length((const char *)s, len),
                                         by_the_standard(s, len));
                }
            }
        }
    }
}

static void c1_controls_reach_a_terminal(void **state)
{
    (void)state;
    char out[LUNA_ESCAPE_BYTES];
    size_t used = 0;
    size_t size = luna_escape_json("\xc2\x9b"
                                   "31m",
                                   5, out, &used);
    assert_int_equal(used, 2);
    assert_int_equal(size, 6);
    assert_memory_equal(out, "\\u009b", 6);
}

static void a_bad_byte_swallows_the_good_one_after_it(void **state)
{
    (void)state;
    char out[LUNA_ESCAPE_BYTES];
    size_t used = 0;
    assert_int_equal(luna_escape_json("\xe2\"", 2, out, &used), 3);
    assert_int_equal(used, 1);
    assert_memory_equal(out, "\xef\xbf\xbd", 3);
}

static void a_character_that_acts_on_a_terminal_passes_for_text(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"\n", 1},
                 {"\x7f", 1},
                 {"\xc2\x80", 2},
                 {"\xc2\x9b"
                  "31m",
                  2},
                 {"\xe2\x80\xae", 3},
                 {"\xe2\x81\xa6", 3},
                 {"\xe2\x80\x8f", 3},
                 {"\xc2\xa0", 0},
                 {"\xe2\x80\x93", 0},
                 {"\xe2\x82\xac", 0},
                 {"a", 0},
                 {"\xc2", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(luna_escape_control_length(cases[i].text, strlen(cases[i].text)),
                         cases[i].length);
    assert_int_equal(luna_escape_control_length("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_that_acts_on_a_terminal_passes_for_text),
        cmocka_unit_test(overlong_surrogate_or_cut_sequences_pass),
        cmocka_unit_test(c1_controls_reach_a_terminal),
        cmocka_unit_test(a_bad_byte_swallows_the_good_one_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
