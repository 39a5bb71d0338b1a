/*
 * handlers.h: the handlers behind the rows of commands.c, one file per group of commands.
 *
 * Each prints its records on standard output and its errors on standard error, and returns the exit
 * status of the program.
 */
#ifndef CLI_HANDLERS_H
#define CLI_HANDLERS_H

#include "terminal/command.h"

/* account.c */
enum cli_exit cmd_account_create(const struct invocation *invocation);
enum cli_exit cmd_account_list(const struct invocation *invocation);
enum cli_exit cmd_account_show(const struct invocation *invocation);
enum cli_exit cmd_account_set_limit(const struct invocation *invocation);
enum cli_exit cmd_account_set_plan(const struct invocation *invocation);
enum cli_exit cmd_account_disable(const struct invocation *invocation);
enum cli_exit cmd_account_enable(const struct invocation *invocation);
enum cli_exit cmd_account_delete(const struct invocation *invocation);
enum cli_exit cmd_account_rotate_key(const struct invocation *invocation);

/* key.c */
enum cli_exit cmd_key_create(const struct invocation *invocation);
enum cli_exit cmd_key_list(const struct invocation *invocation);
enum cli_exit cmd_key_revoke(const struct invocation *invocation);
enum cli_exit cmd_key_set(const struct invocation *invocation);
enum cli_exit cmd_key_peppers(const struct invocation *invocation);
enum cli_exit cmd_key_fingerprints(const struct invocation *invocation);
enum cli_exit cmd_key_find(const struct invocation *invocation);

/* plan.c */
enum cli_exit cmd_plan_list(const struct invocation *invocation);
enum cli_exit cmd_plan_show(const struct invocation *invocation);
enum cli_exit cmd_plan_set(const struct invocation *invocation);

/* usage.c, audit.c, migrate.c, health.c */
enum cli_exit cmd_usage(const struct invocation *invocation);
enum cli_exit cmd_audit_verify(const struct invocation *invocation);
enum cli_exit cmd_audit_show(const struct invocation *invocation);
enum cli_exit cmd_migrate_up(const struct invocation *invocation);
enum cli_exit cmd_migrate_status(const struct invocation *invocation);
enum cli_exit cmd_upgrade(const struct invocation *invocation);
enum cli_exit cmd_health(const struct invocation *invocation);

/* status.c, top.c: the worker pool */
enum cli_exit cmd_status(const struct invocation *invocation);
enum cli_exit cmd_top(const struct invocation *invocation);

/* backup.c */
enum cli_exit cmd_backup(const struct invocation *invocation);
enum cli_exit cmd_restore(const struct invocation *invocation);

/* support_bundle.c */
enum cli_exit cmd_support_bundle(const struct invocation *invocation);

/* completion.c */
enum cli_exit cmd_completion(const struct invocation *invocation);

#endif
