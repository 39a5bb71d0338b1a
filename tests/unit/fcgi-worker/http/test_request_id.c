/* Request ids: a client's is taken only when it can harm neither a header nor a log. */
#include "http/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char id[65];

static void choose(const char *from_client, const char *from_server)
{
    const struct request_id_given given = {.from_client = from_client,
                                           .from_server = from_server,
                                           .api_key = "bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e77",
                                           .authorization =
                                               "Bearer eyJhbGciOiJI.eyJzdWIi.c2lnbmF0"};
    request_id_choose(&given, id, sizeof id);
}

static void sane_id_of_the_client_is_kept(void **state)
{
    (void)state;
    choose("order-2024.17_b", "fromnginx123");
    assert_string_equal(id, "order-2024.17_b");
    choose("bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e78", "fromnginx123"); /* any other UUID */
    assert_string_equal(id, "bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e78");
}

static void strange_id_of_the_client_is_not(void **state)
{
    static const char *const strange[] = {
        "",
        "short",
        "luna_live_abcdefghijklmnopqrstuvwxyz2345672",
        "try-luna_live_abcdefghijklmnopqrstuvwxyz2345672",
        "bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e77", /* the request's key … */
        "BDF0C2A15E2B4F529B1C2F6A3F1F8E77",
        "try.2.bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e77",
        "bdf0c2a1-5e2b-4f52-9b1c",        /* … the first part of it … */
        "eyJhbGciOiJI.eyJzdWIi.c2lnbmF0", /* … and its token */
        "has space in it",
        "line\r\nbreak: yes",
        "quote\"quote",
        "é-éé-éé-éé",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        choose(strange[i], "fromnginx123");
        assert_string_equal(id, "fromnginx123");
    }
}

/* The web server takes some ids that this comparison refuses: it minds the dashes. */
static void a_key_comes_back_by_the_web_server(void **state)
{
    static const char part[] = "bdf0c2a15e2b4f529b1c";
    (void)state;
    choose(part, part);
    assert_int_equal(strlen(id), 32);
    assert_null(strstr(id, part));
}

static void without_either_ids_are_made_and_differ(void **state)
{
    char first[65];
    (void)state;
    choose("", "");
    memcpy(first, id, sizeof first);
    choose("", "");
    assert_int_equal(strlen(id), 32);
    assert_string_not_equal(first, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sane_id_of_the_client_is_kept),
        cmocka_unit_test(strange_id_of_the_client_is_not),
        cmocka_unit_test(a_key_comes_back_by_the_web_server),
        cmocka_unit_test(without_either_ids_are_made_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
