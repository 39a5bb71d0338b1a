#include "luna/modelling/number.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace
{

/* Where the parts of one JSON number are, and what its digits are worth as long as they fit. The
 * functions that fill it are forced inline: the fields then live in registers, which halves the
 * time. */
struct scan {
    const char *at;
    const char *end;
    uint64_t digits = 0;  /* all digits as one integer; wraps when there are too many */
    long digit_count = 0; /* leading zeros count too */
    long exponent = 0;    /* the value is digits × 10^exponent */
    bool negative = false;
};

#define FORCE_INLINE [[gnu::always_inline]] inline

FORCE_INLINE bool is_digit(const scan &s)
{
    return s.at < s.end && static_cast<unsigned>(*s.at - '0') < 10U;
}

/* The value of eight digits, the first in the lowest byte: digits in pairs, pairs in fours,
 * fours in eights. */
FORCE_INLINE uint64_t eight_value(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & 0x000000ff000000ffU) * 0x000f424000000064U +
            ((digits >> 16) & 0x000000ff000000ffU) * 0x0000271000000001U) >>
           32;
}

constexpr uint64_t powers_of_ten[] = {1U,
                                      10U,
                                      100U,
                                      1000U,
                                      10000U,
                                      100000U,
                                      1000000U,
                                      10000000U,
                                      100000000U,
                                      1000000000U,
                                      10000000000U,
                                      100000000000U,
                                      1000000000000U,
                                      10000000000000U,
                                      100000000000000U,
                                      1000000000000000U,
                                      10000000000000000U,
                                      100000000000000000U,
                                      1000000000000000000U,
                                      10000000000000000000U};

/* Eight bytes, of which digits become 0–9 and all others more. */
FORCE_INLINE uint64_t load_eight(const char *at)
{
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, 8);
    return bytes ^ 0x3030303030303030U;
}

/* The top bit of each of the eight bytes that is not a digit. */
FORCE_INLINE uint64_t not_digits(uint64_t bytes)
{
    return ((bytes + 0x7676767676767676U) | bytes) & 0x8080808080808080U;
}

/* Up to eight digits at once; returns how many. No branch depends on their number, which no
 * processor could guess. */
FORCE_INLINE int take_eight(scan &s)
{
    uint64_t bytes = load_eight(s.at), others = not_digits(bytes);
    int count = others == 0 ? 8 : std::countr_zero(others) / 8;
    if (count == 0)
        return 0;
    s.digits = s.digits * powers_of_ten[count] + eight_value(bytes << (64 - 8 * count));
    s.digit_count += count;
    s.at += count;
    return count;
}

FORCE_INLINE void take_digits(scan &s)
{
    if constexpr (std::endian::native == std::endian::little) {
        while (s.end - s.at >= 8) {
            if (take_eight(s) < 8)
                return;
        }
    }
    for (; is_digit(s); s.at++) {
        s.digits = s.digits * 10 + static_cast<uint64_t>(*s.at - '0');
        s.digit_count++;
    }
}

/* A whole "1120.25" at once: up to seven digits and their point in eight bytes, which is how
 * measurements and prices are written. Takes nothing when the number is another. */
FORCE_INLINE bool take_short_decimal(scan &s)
{
    if (std::endian::native != std::endian::little || s.end - s.at <= 8)
        return false;
    uint64_t bytes = load_eight(s.at), others = not_digits(bytes);
    if (others == 0)
        return false;
    int before = std::countr_zero(others) / 8;
    uint64_t rest = others & (others - 1); /* without the point */
    int end = rest == 0 ? 8 : std::countr_zero(rest) / 8;
    char next = s.at[end];
    bool leading_zero = *s.at == '0' && before > 1;
    if (before == 0 || s.at[before] != '.' || end == before + 1 || leading_zero ||
        (next | 0x20) == 'e' || (next >= '0' && next <= '9'))
        return false;
    uint64_t whole = (uint64_t{1} << (8 * before)) - 1;
    uint64_t digits = (bytes & whole) | (bytes >> 8 & ~whole);
    s.digits = eight_value(digits << (8 * (9 - end)));
    s.digit_count = end - 1;
    s.exponent = before + 1 - end;
    s.at += end;
    return true;
}

FORCE_INLINE bool take_integer(scan &s)
{
    const char *first = s.at;
    take_digits(s);
    return s.at != first && (*first != '0' || s.at - first == 1);
}

FORCE_INLINE bool take_fraction(scan &s)
{
    if (s.at == s.end || *s.at != '.')
        return true;
    const char *first = ++s.at;
    take_digits(s);
    s.exponent = first - s.at;
    return s.at != first;
}

FORCE_INLINE bool take_exponent(scan &s)
{
    if (s.at == s.end || (*s.at | 0x20) != 'e')
        return true;
    s.at++;
    bool minus = s.at < s.end && *s.at == '-';
    if (s.at < s.end && (*s.at == '-' || *s.at == '+'))
        s.at++;
    if (!is_digit(s))
        return false;
    long exponent = 0;
    for (; is_digit(s); s.at++) {
        if (exponent < 100000000)
            exponent = exponent * 10 + (*s.at - '0');
    }
    s.exponent += minus ? -exponent : exponent;
    return true;
}

FORCE_INLINE bool take_number(scan &s)
{
    if (s.at < s.end && *s.at == '-') {
        s.negative = true;
        s.at++;
    }
    return take_short_decimal(s) || (take_integer(s) && take_fraction(s) && take_exponent(s));
}

/* Of 0.000123 or of a long number, `digits` says all there is only while no more than 19 of them
 * count. */
FORCE_INLINE void drop_leading_zeros(scan &s, const char *text)
{
    for (const char *at = text; s.digit_count > 0 && (*at == '-' || *at == '0' || *at == '.'); at++)
        s.digit_count -= *at == '0';
}

/* Clinger's fast path: both factors are exact doubles, so one multiplication or division rounds
 * correctly. */
FORCE_INLINE bool exact_value(const scan &s, double *ret_value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (s.digit_count > 19 || s.digits > (uint64_t{1} << 53) || s.exponent < -22 || s.exponent > 22)
        return false;
    double value = static_cast<double>(s.digits);
    value = s.exponent < 0 ? value / powers[-s.exponent] : value * powers[s.exponent];
    *ret_value = s.negative ? -value : value;
    return true;
}

/* digits / 10^decimals for what does not fit the fast path, most of all the 16 or 17 digits of a
 * double printed in full: one division of 128 by 64 bits, its remainder deciding the rounding.
 * from_chars would read the digits a second time. */
bool divided_value(uint64_t digits, long decimals, double *ret_value)
{
    if (digits == 0 || decimals < 0 || decimals > 19)
        return false;
    uint64_t power = powers_of_ten[decimals];
    int digits_shift = std::countl_zero(digits), power_shift = std::countl_zero(power);
    uint64_t divisor = power << power_shift;
    auto dividend = static_cast<unsigned __int128>(digits << digits_shift) << 63;
    /* 63 or 64 bits, as both were normalised */
    auto quotient = static_cast<uint64_t>(dividend / divisor);
    bool inexact = static_cast<uint64_t>(dividend) != quotient * divisor;
    int excess = 11 - std::countl_zero(quotient); /* bits beyond the 53 of a double */
    uint64_t kept = quotient >> excess, half = uint64_t{1} << (excess - 1);
    uint64_t rest = quotient & ((uint64_t{1} << excess) - 1);
    kept += rest > half || (rest == half && (inexact || (kept & 1) != 0));
    /* The exponent is far from both ends of the range, so the scale is a normal number and the
     * product exact. */
    int exponent = excess - 63 + power_shift - digits_shift;
    double scale = std::bit_cast<double>(static_cast<uint64_t>(1023 + exponent) << 52);
    *ret_value = static_cast<double>(kept) * scale;
    return true;
}

/* What needs from_chars has no value here. */
FORCE_INLINE bool fast_value(scan &s, const char *text, double *ret_value)
{
    if (s.digit_count > 19)
        drop_leading_zeros(s, text);
    if (exact_value(s, ret_value))
        return true;
    if (s.digit_count > 19 || !divided_value(s.digits, -s.exponent, ret_value))
        return false;
    *ret_value = s.negative ? -*ret_value : *ret_value;
    return true;
}

/* The value of what fast_value() has none for. Not inlined: luna_number_parse() then needs no
 * stack. */
[[gnu::noinline]] enum luna_number_status slow_value(scan s, const char *text, double *ret_value)
{
    double value = 0;
    auto [end, error] = std::from_chars(text, s.at, value);
    if (error == std::errc::result_out_of_range) {
        /* from_chars says the same of too large and too small; the two are 600 powers of ten
         * apart. */
        if (s.digit_count + s.exponent > 0)
            return LUNA_NUMBER_RANGE;
        value = s.negative ? -0.0 : 0.0;
    }
    *ret_value = value;
    return LUNA_NUMBER_OK;
}

} // namespace

enum luna_number_status luna_number_parse(const char *text, size_t len, double *ret_value,
                                          size_t *ret_used)
{
    scan s{text, text + len};
    if (!take_number(s))
        return LUNA_NUMBER_SYNTAX;
    *ret_used = static_cast<size_t>(s.at - text);
    return fast_value(s, text, ret_value) ? LUNA_NUMBER_OK : slow_value(s, text, ret_value);
}

size_t luna_number_parse_list(const char *text, size_t len, double *values, size_t max,
                              size_t *ret_used)
{
    const char *at = text, *end = text + len;
    size_t n = 0;
    while (n < max) {
        scan s{at, end};
        if (!take_number(s) || s.at == end || *s.at != ',' || !fast_value(s, at, &values[n]))
            break;
        n++;
        at = s.at + 1;
        at += at < end && *at == ' ';
    }
    *ret_used = static_cast<size_t>(at - text);
    return n;
}
