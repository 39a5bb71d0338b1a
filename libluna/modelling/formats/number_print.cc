#include "luna/modelling/number.h"

#include <dragonbox/dragonbox.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace
{

#define FORCE_INLINE [[gnu::always_inline]] inline

constexpr uint64_t ten_8 = 100000000;
constexpr uint64_t ten_16 = ten_8 * ten_8;

/* significand × 10^exponent. */
struct decimal {
    uint64_t significand;
    int exponent;
};

/* The 17 digits of a decimal d.dddd… × 10^exponent, of which `count` are written: the others are
 * zeros. They are kept in registers, the first in the lowest byte: bytes just stored cannot be
 * loaded as part of a word without a wait. */
struct digits {
    uint64_t first; /* eight */
    uint64_t next;  /* eight */
    char last;
    int count;
    int exponent;
};

/* The fewest digits that read back as `value`, and of those the nearest to it: Jeon, Dragonbox
 * (2020). What has no decimal gets that of 1, which is not used. */
FORCE_INLINE decimal shortest(double value)
{
    namespace policy = jkj::dragonbox::policy;
    double size = std::fabs(value);
    auto found = jkj::dragonbox::to_decimal(std::isfinite(value) && size > 0 ? size : 1,
                                            policy::sign::ignore, policy::trailing_zero::ignore);
    return {found.significand, found.exponent};
}

/* The value of each of eight digits in a byte of its own: fours are parted, then pairs, then single
 * ones. The divisions are multiplications by a reciprocal, exact for numbers so small. */
FORCE_INLINE uint64_t eight_digits(uint64_t value)
{
    uint64_t fours = (value << 32) - (value * 109951163U >> 40) * ((uint64_t{10000} << 32) - 1);
    uint64_t hundreds = (fours * 10486U >> 20) & 0x0000007f0000007fU;
    uint64_t pairs = (fours << 16) - hundreds * ((uint64_t{100} << 16) - 1);
    uint64_t tens = (pairs * 103U >> 10) & 0x000f000f000f000fU;
    return (pairs << 8) - tens * ((uint64_t{10} << 8) - 1);
}

/* 0–8: how many digits are left when the zeros at the end are not written. */
FORCE_INLINE int written(uint64_t digits)
{
    return digits != 0 ? 8 - std::countr_zero(__builtin_bswap64(digits)) / 8 : 0;
}

FORCE_INLINE digits spread(decimal d)
{
    static constexpr uint64_t factors[] = {1, 10, 100};
    /* all but a subnormal have 15–17 digits */
    int missing = (d.significand < ten_16) + (d.significand < ten_16 / 10);
    d.significand *= factors[missing];
    d.exponent -= missing;
    for (; d.significand < ten_16; d.significand *= 10)
        d.exponent--;
    constexpr uint64_t ascii = 0x3030303030303030U;
    uint64_t high = d.significand / ten_8, top = high / ten_8;
    uint64_t middle = eight_digits(high % ten_8), low = eight_digits(d.significand % ten_8);
    int count = 1 + (low != 0 ? 8 + written(low) : written(middle));
    return {(middle << 8 | top) | ascii, (low << 8 | middle >> 56) | ascii,
            static_cast<char>('0' + (low >> 56)), count, d.exponent + 16};
}

FORCE_INLINE void put_word(uint64_t word, char *out)
{
    if constexpr (std::endian::native == std::endian::big)
        word = __builtin_bswap64(word);
    std::memcpy(out, &word, sizeof word);
}

/* All 17 are stored, of which `count` stay: what comes next is written over the others. */
FORCE_INLINE char *put_digits(const digits &d, char *out)
{
    put_word(d.first, out);
    put_word(d.next, out + 8);
    out[16] = d.last;
    return out + d.count;
}

/* 1 ≤ value < 10^7: the point is in the first word, which almost every series is made for. */
FORCE_INLINE char *put_low_point(const digits &d, char *out)
{
    int before = d.exponent + 1;
    uint64_t mask = (uint64_t{1} << (8 * before)) - 1;
    put_word((d.first & mask) | uint64_t{'.'} << (8 * before) | (d.first & ~mask) << 8, out);
    put_word(d.next << 8 | d.first >> 56, out + 8);
    out[16] = static_cast<char>(d.next >> 56);
    out[17] = d.last;
    return out + (d.count > before ? d.count + 1 : before);
}

char *put_high_point(const digits &d, char *out)
{
    int before = d.exponent + 1;
    put_digits(d, out);
    if (d.count <= before)
        return out + before;
    std::memmove(out + before + 1, out + before, static_cast<size_t>(d.count - before));
    out[before] = '.';
    return out + d.count + 1;
}

FORCE_INLINE char *put_fraction(const digits &d, char *out)
{
    std::memcpy(out, "0.000", 5);
    return put_digits(d, out + 1 - d.exponent);
}

char *put_scientific(const digits &d, char *out)
{
    char *end = put_digits(d, out + 1); /* one too far, the point's place */
    out[0] = out[1];
    out[1] = '.';
    end = d.count > 1 ? end : out + 1;
    *end++ = 'e';
    *end++ = d.exponent < 0 ? '-' : '+';
    int size = std::abs(d.exponent);
    if (size < 10)
        *end++ = '0';
    return std::to_chars(end, end + 3, size).ptr;
}

FORCE_INLINE char *put_finite(double value, decimal d, char *out)
{
    *out = '-';
    out += std::signbit(value);
    if (value == 0) {
        *out = '0';
        return out + 1;
    }
    digits all = spread(d);
    /* The same change of notation as in Python and its FastAPI: 100000, not to_chars' own choice
     * of 1e+05. */
    if (all.exponent < -4 || all.exponent >= 16)
        return put_scientific(all, out);
    if (all.exponent < 0)
        return put_fraction(all, out);
    return all.exponent < 7 ? put_low_point(all, out) : put_high_point(all, out);
}

/* The double nearest to `value` written with so many digits; printed the shortest way it then
 * needs no more. */
double rounded(double value, int digits)
{
    char text[LUNA_NUMBER_TEXT_BYTES];
    auto end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, digits - 1)
            .ptr;
    double result = 0;
    bool fits = std::from_chars(text, end, result).ec == std::errc();
    return fits ? result : value; /* 1.797e308 to two digits does not fit a double */
}

} // namespace

size_t luna_number_print(double value, int precision, char *out)
{
    if (precision > 0)
        value = rounded(value, precision);
    return static_cast<size_t>(put_finite(value, shortest(value), out) - out);
}

/* Decimals first, then their texts: where a text begins depends on all texts before it, while the
 * processor finds several decimals at a time. */
size_t luna_number_print_list(const double *values, size_t n, int precision, char *out)
{
    constexpr size_t group_max = 16;
    double group[group_max];
    decimal decimals[group_max];
    char *at = out;
    for (size_t begin = 0; begin < n; begin += group_max) {
        size_t count = n - begin < group_max ? n - begin : group_max;
        for (size_t i = 0; i < count; i++) {
            double value = values[begin + i];
            group[i] = precision > 0 && std::isfinite(value) ? rounded(value, precision) : value;
            decimals[i] = shortest(group[i]);
        }
        for (size_t i = 0; i < count; i++) {
            if (std::isfinite(group[i]))
                at = put_finite(group[i], decimals[i], at);
            else
                at = static_cast<char *>(std::memcpy(at, "null", 4)) + 4;
            *at++ = ',';
        }
    }
    return n > 0 ? static_cast<size_t>(at - out) - 1 : 0;
}
