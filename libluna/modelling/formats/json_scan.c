#include "formats/json_scan.h"

#include "luna/base/digits.h"
#include "luna/base/escape.h"
#include "luna/modelling/number.h"

#include <assert.h>
#include <string.h>

void json_scan_init(struct json_scan *scan, const char *text, size_t len, int depth_max)
{
    assert(text != NULL || len == 0);
    *scan = (struct json_scan){.text = text, .at = text, .end = text + len, .depth_max = depth_max};
}

bool json_scan_fail(struct json_scan *scan, const char *at, const char *problem)
{
    assert(at >= scan->text && at <= scan->end);
    if (scan->problem == NULL) {
        scan->problem = problem;
        scan->problem_at = at;
    }
    return false;
}

void json_scan_space(struct json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

char json_scan_peek(struct json_scan *scan)
{
    json_scan_space(scan);
    if (scan->at == scan->end)
        return '\0';
    return *scan->at;
}

bool json_scan_token(struct json_scan *scan, char c, const char *problem)
{
    if (json_scan_peek(scan) != c || scan->at == scan->end)
        return json_scan_fail(scan, scan->at, problem);
    scan->at++;
    return true;
}

bool json_scan_enter(struct json_scan *scan)
{
    if (++scan->depth > scan->depth_max)
        return json_scan_fail(scan, scan->at - 1, "nested too deeply");
    return true;
}

void json_scan_leave(struct json_scan *scan)
{
    assert(scan->depth > 0);
    scan->depth--;
}

bool json_scan_more(struct json_scan *scan, char close, bool *ret_more)
{
    char c = json_scan_peek(scan);
    if (c == ',' || c == close) {
        scan->at++;
        *ret_more = c == ',';
        return true;
    }
    return json_scan_fail(scan, scan->at,
                          close == ']' ? "expected \",\" or \"]\" here"
                                       : "expected \",\" or \"}\" here");
}

/* The code unit of the four digits behind \u, or -1. */
static long hex_unit(const char *at, const char *end)
{
    if (end - at < 4)
        return -1;
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = luna_hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(long unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(long unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The escape at scan->at, which points at its backslash. Half a surrogate pair stands for no
 * character: refused. */
static bool take_escape(struct json_scan *scan)
{
    const char *at = scan->at;
    assert(at < scan->end && *at == '\\');
    if (scan->end - at < 2)
        return json_scan_fail(scan, at, "the string is not closed");
    if (at[1] != 'u') {
        if (at[1] == '\0' || strchr("\"\\/bfnrt", at[1]) == NULL)
            return json_scan_fail(scan, at, "invalid escape sequence");
        scan->at += 2;
        return true;
    }
    long unit = hex_unit(at + 2, scan->end);
    if (unit < 0)
        return json_scan_fail(scan, at, "\\u needs four hexadecimal digits");
    scan->at += 6;
    if (is_low_surrogate(unit))
        return json_scan_fail(scan, at, "unpaired surrogate in a \\u escape");
    if (!is_high_surrogate(unit))
        return true;
    bool paired = scan->end - scan->at >= 6 && scan->at[0] == '\\' && scan->at[1] == 'u' &&
                  is_low_surrogate(hex_unit(scan->at + 2, scan->end));
    if (!paired)
        return json_scan_fail(scan, at, "unpaired surrogate in a \\u escape");
    scan->at += 6;
    return true;
}

bool json_scan_string(struct json_scan *scan, struct json_span *ret_raw)
{
    json_scan_space(scan);
    const char *open = scan->at;
    if (!json_scan_token(scan, '"', "expected a string in double quotes here"))
        return false;
    const char *first = scan->at;
    while (scan->at < scan->end && *scan->at != '"') {
        unsigned char c = (unsigned char)*scan->at;
        if (c == '\\') {
            if (!take_escape(scan))
                return false;
            continue;
        }
        if (c < 0x20)
            return json_scan_fail(scan, scan->at,
                                  "a control character inside a string; write it as an escape");
        size_t size = luna_utf8_length(scan->at, (size_t)(scan->end - scan->at));
        if (size == 0)
            return json_scan_fail(scan, scan->at, "not UTF-8");
        scan->at += size;
    }
    if (scan->at == scan->end)
        return json_scan_fail(scan, open, "the string is not closed");
    *ret_raw = (struct json_span){first, (size_t)(scan->at - first)};
    scan->at++;
    return true;
}

/* What others write where JSON has a value, and what to write instead. */
static const char *foreign_word(const struct json_scan *scan)
{
    static const char missing[] = "not a JSON value; write null for a missing observation";
    static const char infinite[] = "JSON has no infinity; observations must be finite";
    static const char truth[] = "not a JSON value; write true or false, in lower case";
    static const char utf16[] = "not UTF-8 but UTF-16; send the text as UTF-8";
    static const char comma[] = "expected a value here; remove the comma after the last value";
    static const struct {
        const char *word, *instead;
    } foreign[] = {
        {"NaN", missing},       {"nan", missing},        {"NA", missing},   {"None", missing},
        {"undefined", missing}, {"-NaN", missing},       {"inf", infinite}, {"-inf", infinite},
        {"Infinity", infinite}, {"-Infinity", infinite}, {"True", truth},   {"False", truth},
        {"\xff\xfe", utf16},    {"\xfe\xff", utf16},     {"]", comma},      {"}", comma}};
    assert(scan->at <= scan->end);
    size_t left = (size_t)(scan->end - scan->at);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        size_t len = strlen(foreign[i].word);
        if (len <= left && memcmp(scan->at, foreign[i].word, len) == 0)
            return foreign[i].instead;
    }
    return NULL;
}

static bool take_word(struct json_scan *scan, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0) {
        const char *foreign = foreign_word(scan);
        return json_scan_fail(scan, scan->at, foreign != NULL ? foreign : "expected a value here");
    }
    scan->at += len;
    return true;
}

static bool take_number(struct json_scan *scan)
{
    double value = 0;
    size_t used = 0;
    if (luna_number_parse(scan->at, (size_t)(scan->end - scan->at), &value, &used) ==
        LUNA_NUMBER_SYNTAX) {
        const char *foreign = foreign_word(scan);
        return json_scan_fail(scan, scan->at,
                              foreign != NULL ? foreign : "not a valid JSON number");
    }
    assert(used > 0 && used <= (size_t)(scan->end - scan->at));
    scan->at += used;
    return true;
}

static bool take_items(struct json_scan *scan, char close)
{
    scan->at++;
    if (!json_scan_enter(scan))
        return false;
    bool more = json_scan_peek(scan) != close;
    if (!more)
        scan->at++;
    while (more) {
        struct json_span span;
        bool keyed = close == '}';
        if (keyed && !json_scan_string(scan, &span))
            return false;
        if (keyed && !json_scan_token(scan, ':', "expected \":\" here"))
            return false;
        if (!json_scan_value(scan, &span) || !json_scan_more(scan, close, &more))
            return false;
    }
    json_scan_leave(scan);
    return true;
}

bool json_scan_value(struct json_scan *scan, struct json_span *ret_value)
{
    if (++scan->values == scan->values_max)
        return json_scan_fail(scan, scan->at, "too many values");
    char c = json_scan_peek(scan);
    const char *first = scan->at;
    struct json_span string;
    bool ok = false;
    if (c == '{')
        ok = take_items(scan, '}');
    else if (c == '[')
        ok = take_items(scan, ']');
    else if (c == '"')
        ok = json_scan_string(scan, &string);
    else if (c == '-' || (c >= '0' && c <= '9'))
        ok = take_number(scan);
    else if (scan->at == scan->end)
        return json_scan_fail(scan, scan->at, "the text ends before a value");
    else
        ok = take_word(scan, c == 't' ? "true" : c == 'f' ? "false" : "null");
    if (ok)
        *ret_value = (struct json_span){first, (size_t)(scan->at - first)};
    return ok;
}

static size_t put_utf8(long code, char *out)
{
    assert(code >= 0 && code <= 0x10ffff);
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

size_t json_unescape(struct json_span raw, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = raw.at, *end = raw.at + raw.len;
    size_t len = 0;
    while (at < end) {
        if (*at != '\\') {
            out[len++] = *at++;
        } else if (at[1] != 'u') {
            out[len++] = to[strchr(from, at[1]) - from];
            at += 2;
        } else {
            long code = hex_unit(at + 2, end);
            at += 6;
            if (is_high_surrogate(code)) {
                code = 0x10000 + ((code - 0xd800) << 10) + (hex_unit(at + 2, end) - 0xdc00);
                at += 6;
            }
            len += put_utf8(code, out + len);
        }
    }
    assert(len <= raw.len); /* an escape is longer than what it stands for */
    return len;
}
