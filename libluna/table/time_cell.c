#include "time_cell.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { PARTS_MAX = 12, TIME_BYTES_MAX = 40, SECONDS_PER_DAY = 86400 };

/* A time cut into whole numbers and words, with what stands before each. */
struct part {
    char before; /* the sign before it; 0: none */
    bool is_word;
    const char *at;
    size_t len;
    int number;
};

struct parts {
    struct part list[PARTS_MAX];
    size_t count;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_sign(char c)
{
    switch (c) {
    case '-':
    case '/':
    case '.':
    case ',':
    case ':':
    case ' ':
    case '+':
        return true;
    default:
        return false;
    }
}

/* The number of a part that is too long wraps; no time has such a part. */
static size_t part_read(const char *at, const char *end, struct part *part)
{
    const char *first = at;
    unsigned number = 0;
    part->is_word = is_letter(*at);
    while (part->is_word && at < end && is_letter(*at))
        at++;
    for (; !part->is_word && at < end && csv_is_digit(*at); at++)
        number = number * 10 + (unsigned)(*at - '0');
    part->number = (int)number;
    part->at = first;
    part->len = (size_t)(at - first);
    return part->len;
}

static bool parts_read(struct csv_field field, struct parts *parts)
{
    const char *at = field.at, *end = field.at + field.len;
    parts->count = 0;
    while (at < end) {
        if (parts->count == PARTS_MAX)
            return false;
        struct part *part = &parts->list[parts->count];
        part->before = 0;
        while (at < end && is_sign(*at)) {
            part->before = part->before == 0 || *at != ' ' ? *at : part->before;
            at++;
        }
        size_t len = at < end ? part_read(at, end, part) : 0;
        if (len == 0 || len > 9)
            return false;
        at += len;
        parts->count++;
    }
    return parts->count > 0;
}

/* Those whose English names begin with a letter; 0 ends them. */
static const unsigned char *months_with(char letter)
{
    enum { LETTERS = 26 };
    static const unsigned char months[LETTERS + 1][4] = {
        ['a' - 'a'] = {4, 8}, ['d' - 'a'] = {12}, ['f' - 'a'] = {2},  ['j' - 'a'] = {1, 6, 7},
        ['m' - 'a'] = {3, 5}, ['n' - 'a'] = {11}, ['o' - 'a'] = {10}, ['s' - 'a'] = {9},
    };
    size_t index = (size_t)(letter | 0x20) - 'a';
    return months[index < LETTERS ? index : LETTERS];
}

/* 1 to 12 of an English name or its first three letters; 0: not a month. */
static int month_of(const struct part *part)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    const unsigned char *month = months_with(part->at[0]);
    for (; *month > 0; month++) {
        const char *name = names[*month - 1];
        if ((part->len == 3 || part->len == strlen(name)) &&
            strncasecmp(part->at, name, part->len) == 0)
            return *month;
    }
    return 0;
}

static bool word_is(const struct part *part, const char *word)
{
    return part->is_word && part->len == strlen(word) &&
           strncasecmp(part->at, word, part->len) == 0;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar, in which years begin in March and are
 * counted from 400 years before its first. */
static int days_of(int year, int month, int day)
{
    assert(year >= 0 && month >= 1 && month <= 12);
    enum { DAYS_BEFORE_1970 = 719468 + 146097 };
    unsigned y = (unsigned)(year + 400 - (month <= 2));
    unsigned months = (unsigned)(month + (month > 2 ? -3 : 9));
    unsigned days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * months + 2) / 5;
    return (int)days + day - 1 - DAYS_BEFORE_1970;
}

static const double powers_of_ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* Hours, minutes, seconds and an offset from parts[from] on, in days; NaN when it is none of
 * these. */
static double clock_read(const struct parts *parts, size_t from)
{
    static const double units[] = {3600, 60, 1};
    double seconds = 0;
    size_t i = from;
    if (i < parts->count && word_is(&parts->list[i], "T"))
        i++;
    for (size_t unit = 0; unit < 3 && i < parts->count && !parts->list[i].is_word; unit++, i++) {
        if (unit > 0 && parts->list[i].before != ':')
            break;
        seconds += parts->list[i].number * units[unit];
    }
    if (i < parts->count && parts->list[i].before == '.' && !parts->list[i].is_word) {
        seconds += parts->list[i].number / powers_of_ten[parts->list[i].len];
        i++;
    }
    if (i < parts->count && word_is(&parts->list[i], "PM"))
        seconds += seconds < 12 * 3600 ? 12 * 3600 : 0;
    if (i < parts->count && word_is(&parts->list[i], "AM"))
        seconds -= seconds >= 12 * 3600 ? 12 * 3600 : 0;
    while (i < parts->count && parts->list[i].is_word)
        i++; /* AM, PM, Z, UTC */
    if (i < parts->count && (parts->list[i].before == '+' || parts->list[i].before == '-')) {
        int sign = parts->list[i].before == '+' ? 1 : -1, number = parts->list[i].number;
        double hours = parts->list[i].len > 2 ? number / 100 + number % 100 / 60.0 : number;
        i++;
        if (i < parts->count && parts->list[i].before == ':')
            hours += parts->list[i++].number / 60.0;
        seconds -= sign * hours * 3600;
    }
    return i == parts->count ? seconds / SECONDS_PER_DAY : (double)NAN;
}

static bool settle(double days, double clock, struct time_cell *ret_time)
{
    *ret_time = time_cell_of(days + clock);
    return !isnan(ret_time->key);
}

/* Less than 0: they are not two digits. */
static int two_digits(const char *at)
{
    unsigned tens = (unsigned)at[0] - '0', ones = (unsigned)at[1] - '0';
    return tens > 9 || ones > 9 ? -1 : (int)(tens * 10 + ones);
}

static struct time_year year_read(int year)
{
    int before = days_of(year, 1, 0);
    return (struct time_year){before, days_of(year + 1, 1, 0) - before == 366};
}

static int day_of(struct time_year year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    assert(month >= 1 && month <= 12);
    return year.days_before + before[month - 1] + (month > 2 && year.is_leap) + day;
}

/* "2020", mostly that of the time before. */
static bool year_find(struct time_month *known, const char *at)
{
    if (memcmp(at, known->year_text, sizeof known->year_text) == 0)
        return true;
    int century = two_digits(at), year = two_digits(at + 2);
    if (century < 0 || year < 0)
        return false;
    memcpy(known->year_text, at, sizeof known->year_text);
    known->year = year_read(century * 100 + year);
    return true;
}

/* The day before the first of "2020-01". */
static bool year_month(struct time_month *known, const char *at, int *ret_days_before)
{
    int month = two_digits(at + 5);
    if (at[4] != '-' || month < 1 || month > 12 || !year_find(known, at))
        return false;
    *ret_days_before = day_of(known->year, month, 0);
    return true;
}

/* "2020-01-" */
static bool month_read(const char *at, struct time_month *month)
{
    if (at[7] != '-' || !year_month(month, at, &month->days_before))
        return false;
    memcpy(month->text, at, sizeof month->text);
    return true;
}

/* "-Jan-2020" */
static bool named_month_read(const char *at, struct time_month *month)
{
    const struct part name = {.is_word = true, .at = at + 1, .len = 3};
    int number = month_of(&name);
    if (at[0] != at[4] || (at[0] != '-' && at[0] != ' ' && at[0] != '/') || number == 0 ||
        !year_find(month, at + 5))
        return false;
    memcpy(month->named, at, sizeof month->named);
    month->named_days_before = day_of(month->year, number, 0);
    return true;
}

/* The seconds with what follows "03:04:05": the part of a second, and an offset. NaN: neither. */
__attribute__((noinline)) static double usual_clock_end(const char *at, const char *end,
                                                        double seconds)
{
    enum { DIGITS_MAX = 9, OFFSET_LEN = 6 };
    if (at < end && *at == '.') {
        const char *first = ++at;
        int number = 0;
        for (; at < end && csv_is_digit(*at) && at - first < DIGITS_MAX; at++)
            number = number * 10 + (*at - '0');
        if (at == first)
            return (double)NAN;
        seconds += number / powers_of_ten[at - first];
    }
    if (end - at == 1 && *at == 'Z')
        at++;
    if (end - at == OFFSET_LEN && (*at == '+' || *at == '-') && at[3] == ':') {
        int sign = *at == '+' ? 1 : -1, hours = two_digits(at + 1), minutes = two_digits(at + 4);
        if (hours < 0 || minutes < 0)
            return (double)NAN;
        seconds -= sign * (hours + minutes / 60.0) * 3600;
        at = end;
    }
    return at == end ? seconds : (double)NAN;
}

/* T03:04 and T03:04:05.678, with a blank for the T, with Z or +01:00. */
static inline bool usual_clock(const char *at, const char *end, double *ret_clock)
{
    if (end - at < 6 || (at[0] != 'T' && at[0] != ' ') || at[3] != ':')
        return false;
    int hours = two_digits(at + 1), minutes = two_digits(at + 4), seconds = 0;
    at += 6;
    if (end - at >= 3 && *at == ':') {
        seconds = two_digits(at + 1);
        at += 3;
    }
    if (hours < 0 || minutes < 0 || seconds < 0)
        return false;
    double sum = hours * 3600 + minutes * 60 + seconds;
    if (at < end && (*at != 'Z' || end - at > 1))
        sum = usual_clock_end(at, end, sum);
    *ret_clock = sum / SECONDS_PER_DAY;
    return !isnan(sum);
}

/* Of 3/4/2020 the 3rd of April, and the 4th of March. */
static bool settle_either(struct time_year year, int a, int b, double clock,
                          struct time_cell *ret_time)
{
    if (a > 12 && b > 12)
        return false;
    *ret_time = (struct time_cell){
        .key = b <= 12 ? day_of(year, b, a) + clock : 0,
        .key_month_first = a <= 12 ? day_of(year, a, b) + clock : 0,
        .is_month_possible = a <= 12,
        .is_day_possible = b <= 12,
    };
    return true;
}

/* 31.12.2020, 12/31/2020 03:04 */
static bool usual_year_last(struct time_month *month, const char *at, double clock,
                            struct time_cell *ret_time)
{
    if (at[5] != at[2] || (at[2] != '/' && at[2] != '.' && at[2] != '-'))
        return false;
    int a = two_digits(at), b = two_digits(at + 3);
    return a >= 1 && a <= 31 && b >= 1 && b <= 31 && year_find(month, at + 6) &&
           settle_either(month->year, a, b, clock, ret_time);
}

/* 2020-01-02, 12/31/2020, and the same with a clock, without being cut into parts: most files have
 * these, and a time is read on every row. */
static bool usual_time(struct time_month *month, struct csv_field field, struct time_cell *ret_time)
{
    enum { DATE_LEN = 10 };
    const char *at = field.at;
    double clock = 0;
    if (field.len < DATE_LEN ||
        (field.len > DATE_LEN && !usual_clock(at + DATE_LEN, at + field.len, &clock)))
        return false;
    if (memcmp(at, month->text, sizeof month->text) != 0 && !month_read(at, month))
        return usual_year_last(month, at, clock, ret_time);
    int day = two_digits(at + sizeof month->text);
    return day >= 1 && day <= 31 && settle(month->days_before + day, clock, ret_time);
}

static bool is_year(const struct part *part)
{
    return !part->is_word && part->len == 4;
}

static bool is_small(const struct part *part, int max)
{
    return !part->is_word && part->len <= 2 && part->number >= 1 && part->number <= max;
}

/* 2020-01[-02[T…]], 2020M01, 2020-Q1, 2020Q1, 2020-W05. */
static bool year_first(const struct parts *p, struct time_cell *ret_time)
{
    const struct part *list = p->list;
    int year = list[0].number;
    if (p->count < 2 || !is_year(&list[0]))
        return false;
    if (p->count == 3 && list[1].is_word && list[1].len == 1) {
        int n = list[2].number;
        if (word_is(&list[1], "M") && list[1].before != ' ' && is_small(&list[2], 12))
            return settle(days_of(year, n, 1), 0, ret_time);
        if (word_is(&list[1], "Q") && is_small(&list[2], 4))
            return settle(days_of(year, 3 * n - 2, 1), 0, ret_time);
        if (word_is(&list[1], "W") && is_small(&list[2], 53))
            return settle(days_of(year, 1, 1) + 7 * n, 0, ret_time);
        return false;
    }
    int month = month_of(&list[1]);
    if (month == 0 && is_small(&list[1], 12) && strchr("-/.", list[1].before) != NULL &&
        list[1].before != 0 && !(list[1].before == '.' && p->count == 2))
        month = list[1].number;
    if (month == 0)
        return false;
    if (p->count == 2)
        return settle(days_of(year, month, 1), 0, ret_time);
    return is_small(&list[2], 31) &&
           settle(days_of(year, month, list[2].number), clock_read(p, 3), ret_time);
}

static int year_of(const struct part *part)
{
    if (part->is_word || (part->len != 4 && part->len != 2))
        return -1;
    return part->len == 4 ? part->number : part->number + (part->number < 70 ? 2000 : 1900);
}

/* 31.12.2020, 12/31/2020 */
static bool year_last(const struct parts *p, struct time_cell *ret_time)
{
    const struct part *list = p->list;
    if (p->count < 3 || !is_small(&list[0], 31) || !is_small(&list[1], 31) ||
        list[1].before != list[2].before || list[1].before == 0 ||
        strchr("-/.", list[1].before) == NULL)
        return false;
    int year = year_of(&list[2]), a = list[0].number, b = list[1].number;
    double clock = clock_read(p, 3);
    return year >= 0 && !isnan(clock) && settle_either(year_read(year), a, b, clock, ret_time);
}

/* 31-Dec-2020, Dec 31, 2020, Dec 2020, Dec-20, Q1 2020 */
static bool named_month(const struct parts *p, struct time_cell *ret_time)
{
    const struct part *list = p->list;
    int first = month_of(&list[0]);
    if (p->count == 3 && word_is(&list[0], "Q") && is_small(&list[1], 4) && is_year(&list[2]))
        return settle(days_of(list[2].number, 3 * list[1].number - 2, 1), 0, ret_time);
    if (p->count == 2 && first > 0 && year_of(&list[1]) >= 0)
        return settle(days_of(year_of(&list[1]), first, 1), 0, ret_time);
    if (p->count < 3 || year_of(&list[2]) < 0)
        return false;
    int second = month_of(&list[1]);
    if (first > 0 && is_small(&list[1], 31))
        return settle(days_of(year_of(&list[2]), first, list[1].number), clock_read(p, 3),
                      ret_time);
    return second > 0 && is_small(&list[0], 31) &&
           settle(days_of(year_of(&list[2]), second, list[0].number), clock_read(p, 3), ret_time);
}

/* Not inlined: the stack that parts need would slow down usual times. */
__attribute__((noinline)) static bool unusual_time(struct csv_field field,
                                                   struct time_cell *ret_time)
{
    struct parts parts;
    field = csv_trim(field);
    if (field.len == 0 || field.len > TIME_BYTES_MAX || !parts_read(field, &parts) ||
        parts.list[0].before != 0 || parts.count < 2)
        return false;
    return year_first(&parts, ret_time) || year_last(&parts, ret_time) ||
           named_month(&parts, ret_time);
}

/* 1-Jan-2020, with any one sign for both; four digits for the year. */
static bool usual_named(struct time_month *month, struct csv_field field,
                        struct time_cell *ret_time)
{
    enum { NAMED_LEN = sizeof month->named };
    if (field.len != NAMED_LEN + 1 && field.len != NAMED_LEN + 2)
        return false;
    const char *at = field.at, *named = at + field.len - NAMED_LEN;
    if (memcmp(named, month->named, NAMED_LEN) != 0 && !named_month_read(named, month))
        return false;
    int day = field.len == NAMED_LEN + 2 ? two_digits(at) : csv_is_digit(*at) ? *at - '0' : 0;
    return day >= 1 && day <= 31 && settle(month->named_days_before + day, 0, ret_time);
}

/* 2020-01 */
static bool usual_month(struct time_month *month, struct csv_field field,
                        struct time_cell *ret_time)
{
    enum { MONTH_LEN = 7 };
    int days_before = 0;
    return field.len == MONTH_LEN && year_month(month, field.at, &days_before) &&
           settle(days_before + 1, 0, ret_time);
}

bool time_cell_read_next(struct time_month *month, struct csv_field field,
                         struct time_cell *ret_time)
{
    return usual_time(month, field, ret_time) || usual_month(month, field, ret_time) ||
           usual_named(month, field, ret_time) || unusual_time(field, ret_time);
}

/* With a digit, or the first letter of a month or of "Q1": most text does not. */
static bool may_begin_time(char first)
{
    return csv_is_digit(first) || *months_with(first) > 0 || (first | 0x20) == 'q';
}

/* Not inlined: most text ends before it, and has no use for its stack. */
__attribute__((noinline)) static bool is_time(struct csv_field field)
{
    struct time_cell time;
    struct time_month month = TIME_MONTH_FIRST;
    return time_cell_read_next(&month, field, &time);
}

bool time_cell_is(struct csv_field field)
{
    return field.len > 0 && may_begin_time(field.at[0]) && is_time(field);
}
