#include "text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* What people send in the place of text, by its first bytes. */
static const struct {
    const char *start;
    size_t len;
    const char *what, *hint;
} others[] = {
    {"PK\3\4", 4, "an Excel workbook or another ZIP archive",
     "save the sheet as CSV (UTF-8) and send that"},
    {"\xd0\xcf\x11\xe0", 4, "an old Excel workbook", "save the sheet as CSV (UTF-8) and send that"},
    {"PAR1", 4, "a Parquet file", "write it as CSV, in pandas with df.to_csv(index=False)"},
    {"\x1f\x8b", 2, "compressed by gzip", "send it with Content-Encoding: gzip, or uncompressed"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd", "send it uncompressed, or compressed by gzip"},
    {"%PDF", 4, "a PDF document", "send the numbers as CSV"},
    {"<", 1, "a web page or XML", "check the URL that it was downloaded from; send CSV"},
    {"{", 1, "JSON",
     "send it with Content-Type: application/json, in the shape "
     "{\"results\": [1120, 1160, null]}"},
    {"[", 1, "JSON",
     "send it with Content-Type: application/json, in the shape "
     "{\"results\": [1120, 1160, null]}"},
};

static void fault_other(struct luna_faults *faults, const char *what, const char *hint)
{
    const char *msg =
        luna_arena_printf(faults->arena, "Input should be a table as text, not %s", what);
    luna_fault_at_index(luna_faults_add(faults, "csv_invalid", msg, hint), 0);
}

/* "<0.5": below what can be measured, and no web page. */
static bool is_below_limit(const char *body, size_t len)
{
    return len > 1 && body[0] == '<' && memchr("0123456789. =", body[1], 13) != NULL;
}

static bool check_start(const char *body, size_t len, struct luna_faults *faults)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (len >= others[i].len && *body == *others[i].start &&
            memcmp(body, others[i].start, others[i].len) == 0 && !is_below_limit(body, len)) {
            fault_other(faults, others[i].what, others[i].hint);
            return false;
        }
    }
    return true;
}

/* A line of dashes, as programs draw one below the names: "----+-----", "+----+", "====  ====", or
 * with the lines of U+2500 to U+257F. Of Markdown's, which has "|", the rest of the library knows
 * that it is no data. */
static bool is_drawn_line(const char *at, size_t len)
{
    enum { RUN_MIN = 3 };
    size_t run = 0, run_max = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_box =
            len - i >= 3 && at[i] == '\xe2' && (at[i + 1] == '\x94' || at[i + 1] == '\x95');
        bool is_dash = at[i] == '-' || at[i] == '=' || is_box;
        if (!is_dash && at[i] != '+' && at[i] != ' ' && at[i] != '\r')
            return false;
        run = is_dash ? run + 1 : 0;
        run_max = run > run_max ? run : run_max;
        i += is_box ? 2 : 0;
    }
    return run_max >= RUN_MIN;
}

/* A table that is drawn for the eye, which ends no field where a reader could see it. */
static bool check_drawn(const char *at, size_t len, struct luna_faults *faults)
{
    enum { LINES_LOOKED_AT = 4 };
    static const char what[] = "a table with drawn lines";
    const char *end = at + len;
    for (int line = 0; line < LINES_LOOKED_AT && at < end; line++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end == NULL ? end : line_end;
        size_t line_len = (size_t)(line_end - at);
        bool is_record = line_len > 9 && memcmp(at, "-[ RECORD", 9) == 0;
        if (is_record || is_drawn_line(at, line_len)) {
            bool is_boxed = *at == '+', is_psql = is_record || memchr(at, '+', line_len) != NULL;
            fault_other(faults, what,
                        is_boxed  ? "let the program write tabs or CSV: mysql --batch, psql --csv"
                        : is_psql ? "let psql write CSV: psql --csv, or \\copy (SELECT …) TO "
                                    "'file.csv' CSV HEADER"
                                  : "let the program write CSV (psql --csv, sqlite3 -csv, duckdb "
                                    "-csv); or remove the lines of dashes");
            return false;
        }
        at = line_end < end ? line_end + 1 : end;
    }
    return true;
}

static size_t utf8_put(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(leads[more] | (code >> (6 * more)));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | ((code >> (6 * (more - i))) & 0x3f));
    return more + 1;
}

static uint32_t unit_at(const char *at, bool big_endian)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return big_endian ? (uint32_t)bytes[0] << 8 | bytes[1] : (uint32_t)bytes[1] << 8 | bytes[0];
}

/* A surrogate without its other half becomes U+FFFD. */
static size_t utf16_convert(const char *at, size_t units, bool big_endian, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < units; i++) {
        uint32_t code = unit_at(at + 2 * i, big_endian);
        uint32_t next = i + 1 < units ? unit_at(at + 2 * (i + 1), big_endian) : 0;
        if (code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
            i++;
        } else if (code >= 0xd800 && code < 0xe000) {
            code = 0xfffd;
        }
        len += utf8_put(code, out + len);
    }
    return len;
}

static enum luna_decode_status utf16_read(const char *body, size_t len, bool big_endian,
                                          struct luna_arena *arena, struct text *ret_text,
                                          struct luna_faults *faults)
{
    enum { MARK_BYTES = 2, UTF8_BYTES_PER_UNIT = 3 };
    if (len % 2 != 0) {
        fault_other(faults, "UTF-16 of an odd number of bytes",
                    "the file is damaged or cut off; save it as CSV (UTF-8)");
        return LUNA_DECODE_FAULTS;
    }
    size_t units = (len - MARK_BYTES) / 2;
    char *out = luna_arena_alloc(arena, units * UTF8_BYTES_PER_UNIT + 1);
    if (out == NULL)
        return LUNA_DECODE_MEMORY;
    *ret_text = (struct text){.at = out,
                              .len = utf16_convert(body + MARK_BYTES, units, big_endian, out),
                              .encoding = big_endian ? "utf-16be" : "utf-16le",
                              .mark_bytes = MARK_BYTES};
    return LUNA_DECODE_OK;
}

/* Zero bytes among the first ones: UTF-16 without a mark, or no text at all. */
static bool check_zeros(const char *at, size_t len, struct luna_faults *faults)
{
    enum { LOOKED_AT = 512 };
    if (len == 0 || memchr(at, '\0', len < LOOKED_AT ? len : LOOKED_AT) == NULL)
        return true;
    bool even = len >= 4 && len % 2 == 0 && (at[0] == '\0') != (at[1] == '\0');
    if (even)
        fault_other(faults, "UTF-16 without a byte order mark",
                    "save it as UTF-8, or with the mark FF FE or FE FF at its start");
    else
        fault_other(faults, "binary data",
                    "send CSV; doubles are sent with Content-Type: application/octet-stream");
    return false;
}

enum luna_decode_status text_read(const char *body, size_t len, struct luna_arena *arena,
                                  struct text *ret_text, struct luna_faults *faults)
{
    bool little = len >= 2 && memcmp(body, "\xff\xfe", 2) == 0;
    bool big = len >= 2 && memcmp(body, "\xfe\xff", 2) == 0;
    if (little || big) {
        enum luna_decode_status status = utf16_read(body, len, big, arena, ret_text, faults);
        if (status != LUNA_DECODE_OK)
            return status;
    } else {
        size_t mark = 0; /* a file that was saved again may have two */
        while (len - mark >= 3 && memcmp(body + mark, "\xef\xbb\xbf", 3) == 0)
            mark += 3;
        *ret_text = (struct text){
            .at = body + mark, .len = len - mark, .encoding = "utf-8", .mark_bytes = mark};
    }
    bool is_text = check_start(ret_text->at, ret_text->len, faults) &&
                   check_zeros(ret_text->at, ret_text->len, faults) &&
                   check_drawn(ret_text->at, ret_text->len, faults);
    return is_text ? LUNA_DECODE_OK : LUNA_DECODE_FAULTS;
}

static size_t utf16_bytes(const char *utf8, size_t len)
{
    size_t units = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)utf8[i];
        units += (byte & 0xc0) != 0x80; /* the first byte of a character */
        units += byte >= 0xf0;          /* one of two units */
    }
    return 2 * units;
}

size_t text_offset(const struct text *text, const char *at)
{
    assert(at >= text->at && at <= text->at + text->len);
    size_t len = (size_t)(at - text->at);
    bool is_utf8 = strcmp(text->encoding, "utf-8") == 0;
    return text->mark_bytes + (is_utf8 ? len : utf16_bytes(text->at, len));
}

/* As many as a byte can count, so that the compiler can take many bytes at once. */
static unsigned char line_ends(const char *at, size_t len)
{
    unsigned char count = 0;
    for (size_t i = 0; i < len; i++)
        count += (unsigned char)((at[i] == '\n') | ((at[i] == '\r') & (at[i + 1] != '\n')));
    return count;
}

size_t text_line_ends(const struct text *text)
{
    enum { BLOCK = 128 };
    const char *at = text->at, *last = text->at + text->len - (text->len > 0);
    size_t count = text->len > 0 && (*last == '\n' || *last == '\r');
    for (; last - at >= BLOCK; at += BLOCK)
        count += line_ends(at, BLOCK);
    return count + line_ends(at, (size_t)(last - at));
}

bool text_lacks_line_end(const struct text *text)
{
    return text->len > 0 && memchr(text->at, '\n', text->len) == NULL &&
           memchr(text->at, '\r', text->len) == NULL;
}
