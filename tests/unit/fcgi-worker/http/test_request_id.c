/* Request ids: a client's is taken only when it can harm neither a header nor a log. */
#include "http/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char id[65];

static void sane_id_of_the_client_is_kept(void **state)
{
    (void)state;
    request_id_choose("order-2024.17_b", "fromnginx123", id, sizeof id);
    assert_string_equal(id, "order-2024.17_b");
}

static void strange_id_of_the_client_is_not(void **state)
{
    static const char *const strange[] = {
        "",
        "short",
        "luna_live_abcdefghijklmnopqrstuvwxyz2345672",
        "has space in it",
        "line\r\nbreak: yes",
        "quote\"quote",
        "é-éé-éé-éé",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        request_id_choose(strange[i], "fromnginx123", id, sizeof id);
        assert_string_equal(id, "fromnginx123");
    }
}

static void without_either_ids_are_made_and_differ(void **state)
{
    char first[65];
    (void)state;
    request_id_choose("", "", first, sizeof first);
    request_id_choose("", "", id, sizeof id);
    assert_int_equal(strlen(id), 32);
    assert_string_not_equal(first, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sane_id_of_the_client_is_kept),
        cmocka_unit_test(strange_id_of_the_client_is_not),
        cmocka_unit_test(without_either_ids_are_made_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
