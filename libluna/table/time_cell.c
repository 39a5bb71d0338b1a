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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t part_read(const char *at, const char *end, struct part *part)
{
    const char *first = at;
    part->is_word = is_letter(*at);
    part->number = 0;
    for (; at < end && (part->is_word ? is_letter(*at) : is_digit(*at)); at++) {
        if (!part->is_word && at - first < 9)
            part->number = part->number * 10 + (*at - '0');
    }
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
        while (at < end && strchr("-/.,: +", *at) != NULL) {
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

/* 1 to 12 of an English name or its first three letters; 0: not a month. */
static int month_of(const struct part *part)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    for (int i = 0; i < 12; i++) {
        if (part->is_word && (part->len == 3 || part->len == strlen(names[i])) &&
            strncasecmp(part->at, names[i], part->len) == 0)
            return i + 1;
    }
    return 0;
}

static bool word_is(const struct part *part, const char *word)
{
    return part->is_word && part->len == strlen(word) &&
           strncasecmp(part->at, word, part->len) == 0;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static double days_of(int year, int month, int day)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (double)era * 146097 + day_of_era - 719468;
}

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
        seconds += parts->list[i].number / pow(10, (double)parts->list[i].len);
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
    double key = days + clock;
    *ret_time = (struct time_cell){
        .key = key, .key_month_first = key, .is_month_possible = true, .is_day_possible = true};
    return !isnan(key);
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
    if (year < 0 || isnan(clock) || (a > 12 && b > 12))
        return false;
    *ret_time = (struct time_cell){
        .key = days_of(year, b <= 12 ? b : 1, a) + clock,
        .key_month_first = days_of(year, a <= 12 ? a : 1, b) + clock,
        .is_month_possible = a <= 12,
        .is_day_possible = b <= 12,
    };
    return true;
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

bool time_cell_read(struct csv_field field, struct time_cell *ret_time)
{
    struct parts parts;
    field = csv_trim(field);
    if (field.len == 0 || field.len > TIME_BYTES_MAX || !parts_read(field, &parts) ||
        parts.list[0].before != 0 || parts.count < 2)
        return false;
    return year_first(&parts, ret_time) || year_last(&parts, ret_time) ||
           named_month(&parts, ret_time);
}
