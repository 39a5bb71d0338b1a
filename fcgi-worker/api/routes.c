#include "api/routes.h"

#include "api/api.h"
#include "request/steps.h"

static const struct step kalman_steps[] = {{PHASE_ACCEPT, step_check_credential},
                                           {PHASE_READ, step_read},
                                           {PHASE_DECODE, api_kalman_decode},
                                           {PHASE_ADMIT, step_admit},
                                           {PHASE_MODEL, api_kalman_run},
                                           {PHASE_ENCODE, api_kalman_keep},
                                           {PHASE_COMMIT, step_commit},
                                           {PHASE_ENCODE, api_kalman_encode},
                                           {PHASE_IDLE, NULL}};
static const struct step batch_steps[] = {
    {PHASE_ACCEPT, step_check_credential}, {PHASE_READ, step_read},
    {PHASE_DECODE, api_batch_decode},      {PHASE_ADMIT, step_admit},
    {PHASE_MODEL, api_batch_run},          {PHASE_COMMIT, api_batch_commit},
    {PHASE_ENCODE, api_batch_end},         {PHASE_IDLE, NULL}};

/* Without a body: the credential is checked, the query read, a store asked. */
#define STEPS_WITHOUT_BODY(read_, answer_)                                                         \
    {                                                                                              \
        {PHASE_ACCEPT, step_check_credential}, {PHASE_DECODE, read_}, {PHASE_ADMIT, step_admit},   \
            {PHASE_STORE, answer_}, {PHASE_ENCODE, step_revalidate},                               \
        {                                                                                          \
            PHASE_IDLE, NULL                                                                       \
        }                                                                                          \
    }
/* With a body. What such a route answers is not revalidated: it is a secret. There is no charge to
 * commit, but a record of an Idempotency-Key. */
#define STEPS_WITH_BODY(read_, phase_, answer_)                                                    \
    {                                                                                              \
        {PHASE_ACCEPT, step_check_credential}, {PHASE_READ, step_read}, {PHASE_DECODE, read_},     \
            {PHASE_ADMIT, step_admit}, {phase_, answer_}, {PHASE_COMMIT, step_commit},             \
        {                                                                                          \
            PHASE_IDLE, NULL                                                                       \
        }                                                                                          \
    }

static const struct step account_steps[] = STEPS_WITHOUT_BODY(api_account_read, api_account_answer);
static const struct step usage_steps[] = STEPS_WITHOUT_BODY(api_usage_read, api_usage_answer);
static const struct step events_steps[] = STEPS_WITHOUT_BODY(api_events_read, api_events_answer);
static const struct step keys_list_steps[] =
    STEPS_WITHOUT_BODY(api_keys_list_read, api_keys_list_answer);
static const struct step keys_get_steps[] = STEPS_WITHOUT_BODY(api_keys_read, api_keys_get_answer);
static const struct step keys_revoke_steps[] =
    STEPS_WITHOUT_BODY(api_keys_read, api_keys_revoke_answer);
static const struct step keys_create_steps[] =
    STEPS_WITH_BODY(api_keys_create_read, PHASE_STORE, api_keys_create_answer);
static const struct step keys_set_steps[] =
    STEPS_WITH_BODY(api_keys_set_read, PHASE_STORE, api_keys_set_answer);
static const struct step keys_rotate_steps[] =
    STEPS_WITH_BODY(api_keys_rotate_read, PHASE_STORE, api_keys_rotate_answer);
/* A token is signed here, no store is asked. */
static const struct step token_steps[] =
    STEPS_WITH_BODY(api_token_read, PHASE_ENCODE, api_token_answer);

/* The last member: &(const struct deprecation){…} for a route that is going to end. */
static const struct route routes[] = {
    {"kalman", "POST", "/api/v1/{account_id}/kalman", LUNA_SCOPE_MODEL, 1, kalman_steps, NULL},
    {"kalman_batch", "POST", "/api/v1/{account_id}/kalman/batch", LUNA_SCOPE_MODEL, 1, batch_steps,
     NULL},
    {"account", "GET", "/api/v1/{account_id}", LUNA_SCOPE_READ, 0, account_steps, NULL},
    {"usage", "GET", "/api/v1/{account_id}/usage", LUNA_SCOPE_READ, 0, usage_steps, NULL},
    {"usage_events", "GET", "/api/v1/{account_id}/usage/events", LUNA_SCOPE_READ, 0, events_steps,
     NULL},
    {"keys_list", "GET", "/api/v1/{account_id}/keys", LUNA_SCOPE_KEYS, 0, keys_list_steps, NULL},
    {"keys_create", "POST", "/api/v1/{account_id}/keys", LUNA_SCOPE_KEYS, 0, keys_create_steps,
     NULL},
    {"keys_read", "GET", "/api/v1/{account_id}/keys/{key_id}", LUNA_SCOPE_KEYS, 0, keys_get_steps,
     NULL},
    {"keys_set", "PATCH", "/api/v1/{account_id}/keys/{key_id}", LUNA_SCOPE_KEYS, 0, keys_set_steps,
     NULL},
    {"keys_revoke", "DELETE", "/api/v1/{account_id}/keys/{key_id}", LUNA_SCOPE_KEYS, 0,
     keys_revoke_steps, NULL},
    {"keys_rotate", "POST", "/api/v1/{account_id}/keys/{key_id}/rotate", LUNA_SCOPE_KEYS, 0,
     keys_rotate_steps, NULL},
    {"token", "POST", "/api/v1/{account_id}/token", 0, 0, token_steps, NULL},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };
_Static_assert((int)ROUTE_COUNT < (int)SCOREBOARD_ROUTES,
               "the scoreboard counts every route and, in its last row, none");

const struct route_table api_routes = {.routes = routes, .count = ROUTE_COUNT};
