#include "luna/modelling/number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>

namespace
{

/* Where the parts of one JSON number are, and what its digits are worth as long as they fit. */
struct scan {
    const char *at;
    const char *end;
    uint64_t digits = 0; /* the significant digits as one integer; wraps when there are more than 19 */
    int digit_count = 0; /* significant digits, leading zeros left out */
    long exponent = 0;   /* the value is digits × 10^exponent */
    bool negative = false;
};

bool is_digit(const scan &s)
{
    return s.at < s.end && static_cast<unsigned>(*s.at - '0') < 10U;
}

void take_digits(scan &s)
{
    while (is_digit(s)) {
        s.digits = s.digits * 10 + static_cast<uint64_t>(*s.at - '0');
        s.digit_count += s.digits != 0;
        s.at++;
    }
}

bool take_integer(scan &s)
{
    if (s.at < s.end && *s.at == '-') {
        s.negative = true;
        s.at++;
    }
    if (!is_digit(s))
        return false;
    if (*s.at == '0') {
        s.at++;
        return !is_digit(s);
    }
    take_digits(s);
    return true;
}

bool take_fraction(scan &s)
{
    if (s.at == s.end || *s.at != '.')
        return true;
    const char *first = ++s.at;
    take_digits(s);
    s.exponent = first - s.at;
    return s.at != first;
}

bool take_exponent(scan &s)
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

/* Clinger's fast path: both factors are exact doubles, so one multiplication or division rounds correctly. */
bool exact_value(const scan &s, double *ret_value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (s.digit_count > 19 || s.digits > (uint64_t{1} << 53) || s.exponent < -22 || s.exponent > 22)
        return false;
    double value = static_cast<double>(s.digits);
    value = s.exponent < 0 ? value / powers[-s.exponent] : value * powers[s.exponent];
    *ret_value = s.negative ? -value : value;
    return true;
}

} // namespace

enum luna_number_status luna_number_parse(const char *text, size_t len, double *ret_value, size_t *ret_used)
{
    scan s{text, text + len};
    if (!take_integer(s) || !take_fraction(s) || !take_exponent(s))
        return LUNA_NUMBER_SYNTAX;
    *ret_used = static_cast<size_t>(s.at - text);
    if (exact_value(s, ret_value))
        return LUNA_NUMBER_OK;
    double value = 0;
    auto [end, error] = std::from_chars(text, s.at, value);
    if (error == std::errc::result_out_of_range) {
        /* from_chars says the same of too large and too small; the two are 600 powers of ten apart. */
        if (s.digit_count + s.exponent > 0)
            return LUNA_NUMBER_RANGE;
        value = s.negative ? -0.0 : 0.0;
    }
    *ret_value = value;
    return LUNA_NUMBER_OK;
}

size_t luna_number_print(double value, int precision, char *out)
{
    char *end = out + LUNA_NUMBER_TEXT_BYTES;
    if (precision > 0)
        return static_cast<size_t>(std::to_chars(out, end, value, std::chars_format::general, precision).ptr -
                                   out);
    double size = std::fabs(value);
    /* Whole numbers that a double holds exactly; the sign of -0 is a bit, so it does not come here. */
    if (size < 9007199254740992.0 && static_cast<double>(static_cast<int64_t>(value)) == value && size > 0)
        return static_cast<size_t>(std::to_chars(out, end, static_cast<int64_t>(value)).ptr - out);
    /* The same change of notation as in Python and its FastAPI: 100000, not to_chars' own choice of 1e+05. */
    bool fixed = value == 0 || (size >= 1e-4 && size < 1e16);
    auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
    return static_cast<size_t>(std::to_chars(out, end, value, format).ptr - out);
}
