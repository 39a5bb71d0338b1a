#include "cell.h"

#include "luna/modelling/number.h"
#include "time_cell.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* Longer fields are not numbers of a spreadsheet's notation. */
enum { NUMBER_BYTES_MAX = 64 };

bool cell_is(struct csv_field field, const char *word)
{
    /* Most text is none of the words that it is compared with. Behind a blank is the text. */
    if (field.len > 0 && field.at[0] > ' ' && word[0] != '\0' &&
        (field.at[0] | 0x20) != (word[0] | 0x20))
        return false;
    field = csv_trim(field);
    return field.len == strlen(word) && strncasecmp(field.at, word, field.len) == 0;
}

bool cell_is_one_of(struct csv_field field, const char *const *words)
{
    field = csv_trim(field);
    int first = field.len > 0 ? field.at[0] | 0x20 : 0x20;
    for (; *words != NULL; words++) {
        if (((*words)[0] | 0x20) == first && cell_is(field, *words))
            return true;
    }
    return false;
}

/* The length of a sign between thousands that is no decimal mark: an apostrophe, a blank, or one of
 * Unicode's (U+00A0, U+2009, U+202F, U+2019); 0: none here. */
static size_t group_sign(const char *at, const char *end)
{
    static const char *const signs[] = {
        " ", "'", "\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\xaf", "\xe2\x80\x99"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t len = strlen(signs[i]);
        if ((size_t)(end - at) >= len && memcmp(at, signs[i], len) == 0)
            return len;
    }
    return 0;
}

/* A number on its way to JSON's notation. */
struct rewriting {
    const char *at, *end;
    struct number_style style;
    char text[NUMBER_BYTES_MAX + 4];
    size_t len;
};

static void put(struct rewriting *r, char c)
{
    assert(r->len < sizeof r->text);
    r->text[r->len++] = c;
}

static size_t digits_put(struct rewriting *r)
{
    size_t count = 0;
    for (; r->at < r->end && csv_is_digit(*r->at); count++)
        put(r, *r->at++);
    return count;
}

/* Three digits between two signs of one kind, the first group shorter or not: 1 234 567. As India
 * writes them, two digits between commas, and three after the last: 12,34,567. */
static bool groups_put(struct rewriting *r, size_t first_digits)
{
    enum { WESTERN = 3, INDIAN = 2 };
    const char *sign = r->at;
    size_t sign_len = group_sign(r->at, r->end);
    if (sign_len == 0 && r->style.groups && r->at < r->end &&
        *r->at == (r->style.decimal == '.' ? ',' : '.'))
        sign_len = 1;
    if (sign_len == 0)
        return true;
    if (first_digits == 0 || first_digits > WESTERN)
        return false;
    size_t threes = 0, twos = 0;
    while ((size_t)(r->end - r->at) > sign_len && memcmp(r->at, sign, sign_len) == 0) {
        r->at += sign_len;
        size_t digits = digits_put(r);
        bool is_two = digits == INDIAN && threes == 0 && *sign == ',' && first_digits <= INDIAN;
        if (digits != WESTERN && !is_two)
            return false;
        twos += is_two;
        threes += !is_two;
    }
    return twos == 0 || threes == 1;
}

static bool exponent_put(struct rewriting *r)
{
    if (r->at == r->end)
        return true;
    if (*r->at != 'e' && *r->at != 'E')
        return false;
    put(r, *r->at++);
    if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
        put(r, *r->at++);
    return digits_put(r) > 0 && r->at == r->end;
}

/* "+1", ".5", "5.", "1 234", "1.234,5" and the like as JSON has them: at most one digit longer. */
static bool rewrite(struct rewriting *r)
{
    static const char minus[] = "\xe2\x88\x92"; /* U+2212 */
    if (r->end - r->at > 3 && memcmp(r->at, minus, 3) == 0) {
        put(r, '-');
        r->at += 3;
    } else if (r->at < r->end && (*r->at == '-' || *r->at == '+')) {
        if (*r->at++ == '-')
            put(r, '-');
    }
    size_t whole = digits_put(r);
    if (!groups_put(r, whole))
        return false;
    if (whole == 0)
        put(r, '0');
    if (r->at == r->end || *r->at != r->style.decimal)
        return whole > 0 && exponent_put(r);
    r->at++;
    put(r, '.');
    size_t fraction = digits_put(r);
    if (fraction == 0)
        put(r, '0');
    return whole + fraction > 0 && exponent_put(r);
}

static bool parse_whole(const char *text, size_t len, double *ret_value,
                        enum luna_number_status *ret_status)
{
    size_t used = 0;
    *ret_status = luna_number_parse(text, len, ret_value, &used);
    return *ret_status != LUNA_NUMBER_SYNTAX && used == len;
}

static bool parse_rewritten(struct csv_field field, struct number_style style, double *ret_value,
                            enum luna_number_status *ret_status)
{
    if (field.len > NUMBER_BYTES_MAX)
        return false;
    struct rewriting r = {.at = field.at, .end = field.at + field.len, .style = style};
    return rewrite(&r) && parse_whole(r.text, r.len, ret_value, ret_status);
}

bool cell_read_plain(struct csv_field field, const char *end, double *ret_value)
{
    double value = 0;
    size_t used = 0;
    while (field.len > 0 && *field.at == ' ') {
        field.at++;
        field.len--;
    }
    if (field.len == 0)
        return false;
    assert(field.at + field.len <= end);
    if (luna_number_parse(field.at, (size_t)(end - field.at), &value, &used) != LUNA_NUMBER_OK ||
        used != field.len)
        return false;
    *ret_value = value;
    return true;
}

/* Of a field without surrounding blanks, and not of a number. Missing values as R, pandas, Excel
 * (#NV: in German), Eurostat (:) and the World Bank (..) write them. */
static inline enum cell word_read(struct csv_field field)
{
    static const struct words words = {
        {['i' - 'a'] = {"inf", "infinity"},
         ['n' - 'a'] = {"NA", "NaN", "null", "N/A", "None", "NaT", "nil", "n.a."}}};
    static const char *const marks[] = {"#N/A", "<NA>", "#NV", ".", "-", "--", "..", ":", NULL};
    static const char *const signed_infinite[] = {"-inf", "+inf", "-infinity", "+infinity", NULL};
    if (field.len == 0)
        return CELL_MISSING;
    if (field.at[0] >= 'A')
        return !cell_is_word(field, &words)  ? CELL_TEXT
               : (field.at[0] | 0x20) == 'i' ? CELL_RANGE
                                             : CELL_MISSING;
    return cell_is_one_of(field, marks)             ? CELL_MISSING
           : cell_is_one_of(field, signed_infinite) ? CELL_RANGE
                                                    : CELL_TEXT;
}

/* In any style, without surrounding blanks: a digit, a sign (U+2212 too) or a decimal mark. */
static bool may_be_number(struct csv_field field)
{
    char first = field.len > 0 ? field.at[0] : 0;
    if (first >= 'A' && first <= 'z')
        return false;
    return csv_is_digit(first) || first == '+' || first == '-' || first == '.' || first == ',' ||
           first == '\xe2';
}

/* A field without surrounding blanks as a number. */
static bool number_read(struct csv_field field, struct number_style style, double *ret_value,
                        enum luna_number_status *ret_status)
{
    return (style.decimal == '.' && parse_whole(field.at, field.len, ret_value, ret_status)) ||
           parse_rewritten(field, style, ret_value, ret_status);
}

enum cell cell_read(struct csv_field field, struct number_style style, double *ret_value)
{
    double value = 0;
    enum luna_number_status status;
    field = csv_trim(field);
    if (may_be_number(field) && number_read(field, style, &value, &status)) {
        if (status == LUNA_NUMBER_RANGE)
            return CELL_RANGE;
        *ret_value = value;
        return CELL_NUMBER;
    }
    enum cell cell = word_read(field);
    if (cell == CELL_MISSING)
        *ret_value = (double)NAN;
    return cell;
}

/* In the style that fits; CELL_TEXT: in neither. Not inlined: most text has no use for its
 * stack. */
__attribute__((noinline)) static enum cell number_guess(struct csv_field field)
{
    static const struct number_style point = {'.', true}, comma = {',', true};
    double value;
    enum luna_number_status status;
    if (!number_read(field, point, &value, &status) && !number_read(field, comma, &value, &status))
        return CELL_TEXT;
    return status == LUNA_NUMBER_RANGE ? CELL_RANGE : CELL_NUMBER;
}

enum cell cell_guess(struct csv_field field)
{
    field = csv_trim(field);
    enum cell cell = may_be_number(field) ? number_guess(field) : CELL_TEXT;
    if (cell == CELL_TEXT)
        cell = word_read(field);
    return cell == CELL_TEXT && time_cell_is(field) ? CELL_TIME : cell;
}

/* The point or comma at `at`, followed by exactly three digits and preceded by one to three that
 * form the beginning of a number above 999: it may stand before thousands. */
static bool may_group(struct csv_field field, size_t at)
{
    size_t before = 0, after = 0;
    if (at + 4 != field.len)
        return false;
    while (before < at && csv_is_digit(field.at[at - 1 - before]))
        before++;
    while (at + 1 + after < field.len && csv_is_digit(field.at[at + 1 + after]))
        after++;
    return before >= 1 && before <= 3 && field.at[at - before] != '0' && after == 3;
}

/* What is neither a digit nor a letter; these are above the point. */
static size_t find_sign(struct csv_field field, size_t at)
{
    while (at < field.len && field.at[at] > '.')
        at++;
    return at;
}

enum mark cell_mark_of_number(struct csv_field field, bool *ret_has_blank)
{
    size_t count = 0, last = 0;
    bool mixed = false, has_blank = false;
    for (size_t at = find_sign(field, 0); at < field.len; at = find_sign(field, at + 1)) {
        has_blank = has_blank || field.at[at] == ' ';
        if (field.at[at] != '.' && field.at[at] != ',')
            continue;
        mixed = mixed || (count > 0 && field.at[at] != field.at[last]);
        last = at;
        count++;
    }
    *ret_has_blank = has_blank;
    if (count == 0 || field.len > NUMBER_BYTES_MAX)
        return MARK_NONE;
    bool is_point = field.at[last] == '.';
    if (count > 1) /* several of one kind stand between thousands */
        return is_point == mixed ? MARK_POINT_GROUPED : MARK_COMMA_GROUPED;
    if (may_group(field, last))
        return is_point ? MARK_UNSURE_POINT : MARK_UNSURE_COMMA;
    return is_point ? MARK_POINT : MARK_COMMA;
}

enum mark cell_mark(struct csv_field field)
{
    bool has_blank;
    enum mark mark = cell_mark_of_number(csv_trim(field), &has_blank);
    return mark != MARK_NONE && cell_guess(field) == CELL_NUMBER ? mark : MARK_NONE;
}

void markers_read(const char *list, struct markers *ret_markers)
{
    static const struct number_style plain = {'.', false};
    *ret_markers = (struct markers){.count = 0};
    while (*list != '\0') {
        struct csv_field text = csv_trim((struct csv_field){list, strcspn(list, ",")});
        double *number = &ret_markers->numbers[ret_markers->count];
        list += strcspn(list, ",");
        list += *list == ',';
        if (text.len == 0)
            continue;
        assert(ret_markers->count < MARKERS_MAX);
        if (cell_read(text, plain, number) != CELL_NUMBER)
            *number = (double)NAN;
        ret_markers->texts[ret_markers->count++] = text;
    }
}

bool markers_have(const struct markers *markers, struct csv_field field)
{
    static const struct number_style plain = {'.', false};
    double value = (double)NAN;
    field = csv_trim(field);
    for (size_t i = 0; i < markers->count; i++) {
        struct csv_field text = markers->texts[i];
        if (text.len == field.len && strncasecmp(text.at, field.at, text.len) == 0)
            return true;
    }
    return markers->count > 0 && cell_read(field, plain, &value) == CELL_NUMBER &&
           markers_have_number(markers, value);
}

bool markers_have_number(const struct markers *markers, double value)
{
    size_t at = 0;
    while (at < markers->count && markers->numbers[at] != value)
        at++;
    return at < markers->count;
}
