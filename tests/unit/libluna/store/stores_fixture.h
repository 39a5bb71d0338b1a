/*
 * stores_fixture.h: a private PostgreSQL and a private Redis for one test program, which end with
 * it.
 *
 * Both listen on unix sockets in a directory of their own. PostgreSQL refuses root, so under root
 * it runs as `postgres`.
 */
#ifndef TESTS_STORE_STORES_FIXTURE_H
#define TESTS_STORE_STORES_FIXTURE_H

#include "luna/store/account.h"
#include "luna/store/admission.h"
#include "luna/store/booking.h"

#include <sys/types.h>

enum { STORES_ANSWERS_BYTES = 16 * 40000 }; /* an account keeps 40,000 */

struct stores {
    char dir[64];
    char redis_url[128], journal_dir[96];
    char owner_url[192], worker_url[192], syncd_url[192], admin_url[192];
    pid_t redis, postgres;
    enum luna_durability durability; /* of Redis, admitters and bookers */
};

/* Starts both and migrates. Ends the program with a message when that is impossible. */
void stores_start(struct stores *stores);
void stores_start_strict(struct stores *stores);
void stores_stop(struct stores *stores);

void stores_redis_kill(struct stores *stores);
void stores_redis_start(struct stores *stores);
void stores_postgres_kill(struct stores *stores);
void stores_postgres_start(struct stores *stores);

/* Sets the server's wall clock: its difference to the real one. Both are right at the start. */
void stores_redis_clock(struct stores *stores, int64_t ahead_ms);
void stores_postgres_clock(struct stores *stores, int64_t ahead_ms);

/* Handles with the roles of the programs. Free them. */
struct luna_admitter *stores_admitter(struct stores *stores, int slot);
/* With timeouts of its own: a lease of a killed worker lasts as long as both. */
struct luna_admitter *stores_admitter_hurried(struct stores *stores, int slot, int redis_timeout_ms,
                                              int database_timeout_ms);
struct luna_booker *stores_booker(struct stores *stores);
struct luna_operator stores_operator(struct stores *stores);
void stores_operator_done(struct luna_operator *op);

/* Becomes the leader and passes the fence. */
void stores_fence(struct luna_booker *booker, struct luna_fence_report *ret_report);
/* Books until nothing is dirty. */
void stores_book_all(struct luna_booker *booker);

struct client {
    struct luna_account account;
    struct luna_key_text key;
    int64_t key_id; /* of stores_key() */
};
void stores_client(struct stores *stores, const char *name, const char *plan, int64_t limit,
                   struct client *ret_client);

/* Another key of the client's account, which it has from then on. */
enum luna_code stores_key(const struct luna_operator *op, struct client *client,
                          struct luna_key_spec spec);

/* One request's admission; commits what was allowed. Returns the outcome; UNAVAILABLE for a
 * voided commit. */
enum luna_admission_outcome stores_request(struct luna_admitter *admitter,
                                           const struct client *client);
void stores_admit(struct luna_admitter *admitter, const struct client *client, int64_t cost,
                  struct luna_admission *ret_admission);

/* The first column of the first row, as a number, by the owner. */
int64_t stores_sql_int(struct stores *stores, const char *sql);
/* Runs SQL as `url`'s role; false when it was refused. */
bool stores_sql(const char *url, const char *sql);
/* A Redis command of words; the reply as a number, or -1. */
int64_t stores_redis_int(struct stores *stores, const char *words);
/* Fails the test unless the conservation gauges are 0 and the audit log verifies. */
void stores_assert_sound(struct stores *stores, struct luna_booker *booker);
/* A column of the client's account in PostgreSQL. */
int64_t stores_account_int(struct stores *stores, const struct client *client, const char *column);
/* The units that the client has left in Redis. */
int64_t stores_remaining(struct stores *stores, const struct client *client);
/* What PostgreSQL has booked for the client: on its account, and as the sum of its events. */
int64_t stores_used(struct stores *stores, const struct client *client);
int64_t stores_charged(struct stores *stores, const struct client *client);
/* Books the rest; then both have to be `units`, and every gauge 0. */
void stores_assert_ledger(struct stores *stores, struct luna_booker *booker,
                          const struct client *client, int64_t units);

#endif
