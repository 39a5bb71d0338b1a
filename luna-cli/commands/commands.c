#include "commands/commands.h"

#include "commands/account.h"
#include "commands/audit.h"
#include "commands/health.h"
#include "commands/kalman.h"
#include "commands/key.h"
#include "commands/migrate.h"
#include "commands/plan.h"
#include "commands/status.h"
#include "commands/top.h"
#include "commands/usage.h"

#include <stddef.h>

#define REASON                                                                                     \
    {                                                                                              \
        "reason", "TEXT", "why, for the audit log"                                                 \
    }

const struct command cli_commands[] = {
    {.name = "kalman",
     .operands = "FILE|-",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Filter a series, CSV or JSON in and the same out; needs no server",
     .run_own_line = cmd_kalman},

    {.name = "account create",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Make an account and show its API key, once",
     .details = "The key is not kept and cannot be shown again; rotate-key makes a new one.",
     .options = {{"quota", "N", "units that it may use; the plan's own, or 500, when left out"},
                 {"plan", "NAME", "its plan; standard when left out"}},
     .run = cmd_account_create},
    {.name = "account list", .summary = "List every account", .run = cmd_account_list},
    {.name = "account show",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Show one account, by id or name",
     .details = "quota_used is what is booked; luna usage adds what Redis has charged since.",
     .run = cmd_account_show},
    {.name = "account set-limit",
     .operands = "ACCOUNT N",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "Change how many units an account may use",
     .details = "Takes effect at once, under running traffic. Below what is used it denies, and "
                "takes nothing back.",
     .options = {REASON},
     .run = cmd_account_set_limit},
    {.name = "account set-plan",
     .operands = "ACCOUNT PLAN",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "Give an account another plan: its rates, limits and period",
     .options = {REASON},
     .run = cmd_account_set_plan},
    {.name = "account disable",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Refuse an account; no request succeeds after this returns",
     .options = {REASON},
     .run = cmd_account_disable},
    {.name = "account enable",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Let a disabled account in again",
     .options = {REASON},
     .run = cmd_account_enable},
    {.name = "account rotate-key",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Make a new primary key and show it, once",
     .details = "Without --grace the old key is dead when this returns.",
     .options = {{"grace", "TIME", "let the old key live on, such as 15m, 12h or 7d (at most)"}},
     .run = cmd_account_rotate_key},

    {.name = "key create",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Make one more key for an account and show it, once",
     .options = {{"scopes", "LIST", "some of model,read,keys; model,read when left out"},
                 {"not-before", "TIME", "first moment, UTC: 2026-12-31 or 2026-12-31T18:00:00Z"},
                 {"expires", "TIME", "last moment, UTC"}},
     .run = cmd_key_create},
    {.name = "key list",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "List the keys of an account by their ids and first characters",
     .run = cmd_key_list},
    {.name = "key revoke",
     .operands = "ACCOUNT KEY_ID",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "Kill a key; no request succeeds with it after this returns",
     .options = {REASON},
     .run = cmd_key_revoke},
    {.name = "key find",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Read a key on standard input and say which one it is",
     .run = cmd_key_find},

    {.name = "plan list", .summary = "List the plans", .run = cmd_plan_list},
    {.name = "plan show",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Show one plan",
     .run = cmd_plan_show},
    {.name = "plan set",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Make a plan or change it; running workers follow at once",
     .details = "What is left out stays as it is. The quota of accounts that have the plan stays "
                "as it is.\n"
                "A plan of many accounts takes a while, about 20 s for 200,000. Ended before, it "
                "has changed "
                "the plan, but not told\n"
                "all its accounts (\"changing\" in luna plan show): quota-syncd goes on with it, "
                "or the same "
                "command once more.",
     .options = {{"rate", "N", "sustained requests a second"},
                 {"burst", "N", "requests that may come at once"},
                 {"quota", "N|none",
                  "units for accounts that take the plan; none: they keep theirs"},
                 {"period", "WORD", "when the quota starts anew: none, day or month (UTC)"},
                 {"points-max", "N", "observations in one request; 0: no limit"},
                 {"concurrent-max", "N", "requests at one time; 0: no limit"}},
     .run = cmd_plan_set},

    {.name = "usage",
     .operands = "ACCOUNT",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Show what an account has used, what remains, and its days",
     .options = {{"days", "N", "how many days back, at most 92; 30 when left out"}},
     .run = cmd_usage},
    {.name = "audit verify",
     .summary = "Recompute every balance and hash chain from the log",
     .details = "Exits 1 when anything does not agree; each fault is a line on standard error.",
     .options = {{"account", "ACCOUNT", "only this one"}},
     .run = cmd_audit_verify},
    {.name = "audit show",
     .summary = "Show the newest events of the audit log",
     .options = {{"account", "ACCOUNT", "only this one's"},
                 {"count", "N", "how many, at most 10000; 50 when left out"},
                 {"before", "SEQ", "only events before this one of the account"},
                 {"full", NULL, "every field"}},
     .run = cmd_audit_show},

    {.name = "migrate up",
     .summary = "Bring the database to the schema of this build",
     .run = cmd_migrate_up},
    {.name = "migrate status",
     .summary = "List the migrations; exits 1 when the schema is not this build's",
     .run = cmd_migrate_status},
    {.name = "health",
     .summary = "Check every part of a deployment and say what to do; exits 1 when one fails",
     .run = cmd_health},
    {.name = "status",
     .summary = "Show the worker pool: what it has done, and what each worker is doing; exits 1 "
                "when it is "
                "not ready",
     .details = "Reads the monitor at LUNA_MONITOR_LISTEN, which answers when every worker hangs.",
     .run = cmd_status},
    {.name = "top",
     .summary = "Watch the worker pool in the terminal; q ends it",
     .details =
         "Workers with a request come first, the longest in front. Not in a terminal: one picture.",
     .options = {{"interval", "SECONDS", "between two looks; 1 when left out"}},
     .run = cmd_top},
    {.name = NULL}};
