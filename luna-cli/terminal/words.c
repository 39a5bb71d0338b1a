#include "terminal/words.h"

#include "luna/store/account.h"
#include "terminal/exit_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *word;
    enum luna_scope scope;
} scopes_table[] = {
#define X(symbol, bit, word) {word, symbol},
#include "luna/store/scopes.def"
#undef X
};

enum { SCOPE_COUNT = sizeof scopes_table / sizeof scopes_table[0] };

bool word_read(const char *what, const char *word, const char *const *words, size_t count,
               const char *expected, size_t *ret_place)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_place = i;
            return true;
        }
    }
    cli_exit_usage("%s is \"%s\"; expected %s", what, word, expected);
    return false;
}

bool period_read(const char *word, enum luna_period *ret_period)
{
    static const enum luna_period periods[] = {
#define X(symbol, number, word) symbol,
#include "luna/store/period_kinds.def"
#undef X
    };
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        if (strcmp(word, luna_period_kind(periods[i])) == 0) {
            *ret_period = periods[i];
            return true;
        }
    }
    cli_exit_usage("the period is \"%s\"; expected none, day or month", word);
    return false;
}

void scopes_text(unsigned scopes, char *out, size_t out_size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (!(scopes & scopes_table[i].scope) || used >= out_size)
            continue;
        int wrote = snprintf(out + used, out_size - used, "%s%s", used > 0 ? "," : "",
                             scopes_table[i].word);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static unsigned scope_of(const char *word, size_t len)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (strlen(scopes_table[i].word) == len && strncmp(word, scopes_table[i].word, len) == 0)
            return scopes_table[i].scope;
    }
    return 0;
}

bool scopes_read(const char *text, unsigned *ret_scopes)
{
    unsigned scopes = 0;
    for (const char *word = text;; word++) {
        size_t len = strcspn(word, ",");
        unsigned scope = scope_of(word, len);
        if (scope == 0) {
            cli_exit_usage(
                "the scope is \"%.*s\"; expected model, read or keys, separated by commas",
                (int)len, word);
            return false;
        }
        scopes |= scope;
        word += len;
        if (*word == '\0')
            break;
    }
    *ret_scopes = scopes;
    return true;
}

static int64_t unit_seconds(const char *unit)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].unit) == 0)
            return units[i].seconds;
    }
    return 0;
}

bool duration_read(const char *what, const char *text, int64_t max_s, int64_t *ret_seconds)
{
    size_t digits = strspn(text, "0123456789");
    int64_t unit_s = unit_seconds(text + digits);
    int64_t count = digits > 0 && digits <= 9 ? strtoll(text, NULL, 10) : -1;
    if (count < 0 || unit_s == 0 || count > max_s / unit_s) {
        cli_exit_usage(
            "%s is \"%s\"; expected a duration such as 90s, 15m, 12h or 7d, at most %" PRId64
            " seconds",
            what, text, max_s);
        return false;
    }
    *ret_seconds = count * unit_s;
    return true;
}

bool time_read(const char *what, const char *text, int64_t *ret_ms)
{
    struct tm utc = {0};
    const char *end = strptime(text, "%Y-%m-%d", &utc);
    if (end && *end == 'T')
        end = strptime(end, "T%H:%M:%SZ", &utc);
    time_t seconds = end && *end == '\0' ? timegm(&utc) : (time_t)-1;
    if (seconds <= 0) {
        cli_exit_usage(
            "%s is \"%s\"; expected a UTC time such as 2026-12-31 or 2026-12-31T18:00:00Z", what,
            text);
        return false;
    }
    *ret_ms = (int64_t)seconds * 1000;
    return true;
}
