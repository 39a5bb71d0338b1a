#include "support/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char *scrubbed(const struct scrub *scrub, const char *text)
{
    static char result[4096];
    struct luna_buf out;
    luna_buf_init(&out, sizeof result - 1);
    scrub_text(scrub, text, strlen(text), &out);
    memcpy(result, out.data ? out.data : "", out.len);
    result[out.len] = '\0';
    luna_buf_done(&out);
    return result;
}

static void what_has_the_form_of_a_secret_is_removed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"key luna_live_abcdef234567abcdef234567abcde23 sent",
         "key luna_live_abcdef[removed] sent"},
        {"postgresql://luna:s3cret/@db:5432/luna", "postgresql://[removed]@db:5432/luna"},
        {"redis://onlypassword@host", "redis://[removed]@host"},
        {"Bearer eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl x", "Bearer [removed] x"},
        {"Authorization: Bearer abcdefgh", "Authorization: Bearer [removed]"},
        {"Authorization: Basic dXNlcjpwdw==", "Authorization: Basic [removed]"},
        {"X-API-Key: 7f0c8f6e-5d1e-4b57-9d3a-2b1f0c9e8d7a, x", "X-API-Key: [removed], x"},
        {"{\"password\":\"hunter22\",\"a\":1}", "{\"password\":\"[removed]\",\"a\":1}"},
        {"?api_key=hunter22&b=1", "?api_key=[removed]&b=1"},
        {"requirepass hunter22", "requirepass [removed]"},
        {"user=a password='hunter22' host=b", "user=a password='[removed]' host=b"},
        {"pepper 0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF.",
         "pepper [removed]."},
    };
    const struct scrub nothing = {.count = 0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(scrubbed(&nothing, cases[i].text), cases[i].shown);
}

static void what_helps_to_find_a_fault_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"event\":\"request\",\"status\":403,\"code\":\"invalid_token\",\"account_id\":42}",
        "luna_worker_tokens_total{outcome=\"ok\"} 17",
        "https://127.0.0.1:8443/api/v1/42/kalman",
        "prefix luna_live_abcdef",
        "request 7f0c8f6e-5d1e-4b57-9d3a-2b1f0c9e8d7a took 12 ms",
        "LUNA_KEY_PEPPER_FILE=/etc/luna/secrets/pepper",
    };
    const struct scrub nothing = {.count = 0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_string_equal(scrubbed(&nothing, texts[i]), texts[i]);
}

static void a_known_value_is_removed_wherever_it_stands(void **state)
{
    (void)state;
    struct scrub scrub = {.count = 0};
    const char *url = "postgresql://luna:correct horse@db/luna", *plain = "battery-staple";
    scrub_know(&scrub, url, strlen(url));
    scrub_know(&scrub, plain, strlen(plain));
    scrub_know(&scrub, "on", 2);
    assert_string_equal(scrubbed(&scrub, "on [correct horse]battery-stapleX"),
                        "on [[removed]][removed]X");
    scrub_done(&scrub);
}

static void names_of_secrets_are_told_from_others(void **state)
{
    (void)state;
    static const char *const secret[] = {"LUNA_KEY_PEPPER", "LUNA_DATABASE_URL", "PGPASSWORD",
                                         "LUNA_KEY_PEPPER_PREVIOUS", "LUNA_JWT_SECRET"};
    static const char *const plain[] = {"LUNA_KEY_PEPPER_FILE", "LUNA_KEY_PEPPER_ID",
                                        "LUNA_WORKERS", "LUNA_LOG_LEVEL"};
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        assert_true(scrub_name_is_secret(secret[i], strlen(secret[i])));
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_false(scrub_name_is_secret(plain[i], strlen(plain[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_the_form_of_a_secret_is_removed),
        cmocka_unit_test(what_helps_to_find_a_fault_stays),
        cmocka_unit_test(a_known_value_is_removed_wherever_it_stands),
        cmocka_unit_test(names_of_secrets_are_told_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
