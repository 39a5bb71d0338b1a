#include "one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct stores stores;
struct luna_booker *booker;
struct luna_admitter *admitter;

int one_host_start(void **state)
{
    struct luna_fence_report report;
    (void)state;
    stores_start(&stores);
    booker = stores_booker(&stores);
    stores_fence(booker, &report);
    assert_true(report.fenced);
    assert_string_equal(report.why, "first start");
    admitter = stores_admitter(&stores, 0);
    return 0;
}

int one_host_stop(void **state)
{
    (void)state;
    luna_admitter_free(admitter);
    luna_booker_free(booker);
    stores_stop(&stores);
    return 0;
}

void one_host_client(struct client *ret_client)
{
    static int clients_made;
    char name[32];
    snprintf(name, sizeof name, "client-%d", clients_made++);
    stores_client(&stores, name, NULL, 100, ret_client);
}

void one_host_request(const struct client *client, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(stores_request(admitter, client), LUNA_ADMIT_ALLOWED);
}
