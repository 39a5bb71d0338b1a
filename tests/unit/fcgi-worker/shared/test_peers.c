/* Who may connect: an address outside every network gets in nowhere, a typing error admits nobody,
 * and no user does who was not named. */
#include "shared/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_storage peer_of(const char *text)
{
    struct sockaddr_storage peer = {.ss_family = AF_INET};
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&peer;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&peer;
    if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1)
        return peer;
    peer.ss_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1);
    return peer;
}

static bool admits(const char *networks_text, const char *peer_text)
{
    struct peers peers = {0};
    struct luna_error err;
    struct sockaddr_storage peer = peer_of(peer_text);
    if (peers_set_networks(&peers, networks_text, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    return peers_allow_address(&peers, &peer);
}

static void only_addresses_inside_are_admitted(void **state)
{
    (void)state;
    assert_true(admits("10.1.2.0/24", "10.1.2.255"));
    assert_false(admits("10.1.2.0/24", "10.1.3.0"));
    assert_true(admits("10.1.2.128/25", "10.1.2.129"));
    assert_false(admits("10.1.2.128/25", "10.1.2.127"));
    assert_true(admits("192.0.2.7", "192.0.2.7"));
    assert_false(admits("192.0.2.7", "192.0.2.6"));
    assert_true(admits("192.0.2.7, 2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(admits("192.0.2.7, 2001:db8::/33", "2001:db8:8000::1"));
}

static void nobody_is_admitted_by_an_empty_list(void **state)
{
    (void)state;
    assert_false(admits("", "127.0.0.1"));
    assert_false(admits(NULL, "::1"));
    assert_false(admits(" , ", "::"));
}

/* A socket that listens on [::] sees IPv4 peers as ::ffff:a.b.c.d. */
static void ipv4_peers_of_an_ipv6_socket_are_the_same_peers(void **state)
{
    (void)state;
    assert_true(admits("10.0.0.0/8", "::ffff:10.9.9.9"));
    assert_false(admits("10.0.0.0/8", "::ffff:11.9.9.9"));
    assert_false(admits("0.0.0.0/0", "2001:db8::1"));
    assert_true(admits("0.0.0.0/0,::/0", "2001:db8::1"));
}

static void unix_peers_are_no_network(void **state)
{
    struct peers peers = {0};
    struct luna_error err;
    struct sockaddr_storage peer = {.ss_family = AF_UNIX};
    (void)state;
    assert_int_equal(peers_set_networks(&peers, "0.0.0.0/0,::/0", &err), LUNA_OK);
    assert_false(peers_allow_address(&peers, &peer));
}

static void bad_items_are_named(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "nginx",
                                      "10.0.0",      "::1/129",   "::1/0x1",     "10.0.0.0/8/8",
                                      "10.0.0.256",  "1:2"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct peers peers = {0};
        struct luna_error err;
        assert_int_equal(peers_set_networks(&peers, bad[i], &err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, "LUNA_WORKER_PEERS"));
    }
}

static void only_root_the_own_user_and_those_named_connect(void **state)
{
    struct peers peers = {0};
    struct luna_error err;
    (void)state;
    assert_int_equal(peers_set_users(&peers, "daemon, luna-has-no-such-user", &err), LUNA_OK);
    assert_true(peers_allow_user(&peers, 0));
    assert_true(peers_allow_user(&peers, geteuid()));
    assert_true(peers_allow_user(&peers, getpwnam("daemon")->pw_uid));
    assert_false(peers_allow_user(&peers, 61234));
    assert_false(peers_allow_user(&peers, (uid_t)-1));
}

static void name_that_is_cut_is_refused(void **state)
{
    struct peers peers = {0};
    struct luna_error err;
    char name[80];
    (void)state;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(peers_set_users(&peers, name, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_SOCKET_PEERS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_addresses_inside_are_admitted),
        cmocka_unit_test(nobody_is_admitted_by_an_empty_list),
        cmocka_unit_test(ipv4_peers_of_an_ipv6_socket_are_the_same_peers),
        cmocka_unit_test(unix_peers_are_no_network),
        cmocka_unit_test(bad_items_are_named),
        cmocka_unit_test(only_root_the_own_user_and_those_named_connect),
        cmocka_unit_test(name_that_is_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
