/*
 * one_host.h: the stores as most tests need them: empty, with one quota-syncd, the leader, and one
 * worker.
 *
 * One of each per test program. Start and stop are cmocka's group fixtures; between them a test may
 * free and make again what the pointers name.
 */
#ifndef TESTS_STORE_ONE_HOST_H
#define TESTS_STORE_ONE_HOST_H

#include "stores_fixture.h"

extern struct stores stores;
extern struct luna_booker *booker;
extern struct luna_admitter *admitter;

int one_host_start(void **state);
int one_host_stop(void **state);

/* A new account of the default plan, with 100 units. */
void one_host_client(struct client *ret_client);
/* That many requests, each allowed and committed. */
void one_host_request(const struct client *client, int times);

#endif
