
/*
 * The readers of small literals.
 *
 * nginx's own readers stop at the first surprise in ways that differ from
 * directive to directive ("10r/ss", "+5"); here the whole string is read or
 * refused, and a number that does not fit is refused, never wrapped.
 */


#include "adm_literal.h"


static int adm_word_char(unsigned char c, const char *marks);
static int adm_moment_figures(const unsigned char *p, const char *form,
    uint64_t figures[]);
static int adm_moment_offset(const unsigned char *p, size_t len,
    int64_t *offset);
static int64_t adm_moment_days(uint64_t year, uint64_t month, uint64_t day);
static uint64_t adm_month_days(uint64_t year, uint64_t month);


static const struct {
    unsigned char  unit;
    uint64_t       period;       /* ms */
} adm_rate_units[] = {
    { 's', 1000 },
    { 'm', 60 * 1000 },
    { 'h', 60 * 60 * 1000 },
    { 'd', 24 * 60 * 60 * 1000 },
};


int
adm_rate_parse(adm_str_t s, adm_rate_t *rate)
{
    size_t     i;
    uint64_t   count;
    adm_str_t  digits;

    /* "r/" and the unit; what stands before is the count */

    if (s.len < 3 || memcmp(s.data + s.len - 3, "r/", 2) != 0) {
        return ADM_ERROR;
    }

    digits.len = s.len - 3;
    digits.data = s.data;

    if (adm_uint_parse(digits, 1, ADM_RATE_MAX, &count) != ADM_OK) {
        return ADM_ERROR;
    }

    for (i = 0; i < sizeof(adm_rate_units) / sizeof(adm_rate_units[0]); i++) {

        if (adm_rate_units[i].unit == s.data[s.len - 1]) {
            rate->count = count;
            rate->period = adm_rate_units[i].period;

            return ADM_OK;
        }
    }

    return ADM_ERROR;
}


int
adm_uint_parse(adm_str_t s, uint64_t min, uint64_t max, uint64_t *value)
{
    size_t    i;
    uint64_t  n, digit;

    if (s.len == 0) {
        return ADM_ERROR;
    }

    n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return ADM_ERROR;
        }

        digit = (uint64_t) (s.data[i] - '0');

        if (digit > max || n > (max - digit) / 10) {
            return ADM_ERROR;
        }

        n = n * 10 + digit;
    }

    if (n < min) {
        return ADM_ERROR;
    }

    *value = n;

    return ADM_OK;
}


int
adm_word_valid(adm_str_t s, size_t max, const char *marks)
{
    size_t  i;

    if (s.len == 0 || s.len > max) {
        return 0;
    }

    for (i = 0; i < s.len; i++) {

        if (!adm_word_char(s.data[i], marks)) {
            return 0;
        }
    }

    return 1;
}


int
adm_name_valid(adm_str_t s)
{
    return adm_word_valid(s, ADM_NAME_MAX, "_.-");
}


/* isalnum() would ask the locale */

static int
adm_word_char(unsigned char c, const char *marks)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
        || (c >= 'A' && c <= 'Z'))
    {
        return 1;
    }

    return c != '\0' && strchr(marks, c) != NULL;
}


int
adm_moment_parse(adm_str_t s, uint64_t *moment)
{
    size_t    i;
    int64_t   seconds, offset;
    uint64_t  f[6];

    if (s.len < 20
        || adm_moment_figures(s.data, "0000-00-00T00:00:00", f) != ADM_OK
        || f[1] < 1 || f[1] > 12
        || f[2] < 1 || f[2] > adm_month_days(f[0], f[1])
        || f[3] > 23 || f[4] > 59 || f[5] > 59)
    {
        return ADM_ERROR;
    }

    i = 19;

    if (s.data[i] == '.') {

        do {
            i++;
        } while (i < s.len && s.data[i] >= '0' && s.data[i] <= '9');

        if (i == 20) {
            return ADM_ERROR;
        }
    }

    if (adm_moment_offset(s.data + i, s.len - i, &offset) != ADM_OK) {
        return ADM_ERROR;
    }

    seconds = adm_moment_days(f[0], f[1], f[2]) * 86400
              + (int64_t) (f[3] * 3600 + f[4] * 60 + f[5]) - offset;

    if (seconds < 1) {
        return ADM_ERROR;
    }

    *moment = (uint64_t) seconds;

    return ADM_OK;
}


/* "form" has a 0 where a digit is: each run of them is a figure */

static int
adm_moment_figures(const unsigned char *p, const char *form,
    uint64_t figures[])
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; form[i]; i++) {

        if (form[i] == 'T') {

            if (p[i] != 'T' && p[i] != 't') {
                return ADM_ERROR;
            }

        } else if (form[i] != '0') {

            if (p[i] != (unsigned char) form[i]) {
                return ADM_ERROR;
            }

        } else if (p[i] < '0' || p[i] > '9') {
            return ADM_ERROR;

        } else {
            n = n * 10 + (uint64_t) (p[i] - '0');

            if (form[i + 1] != '0') {
                *figures++ = n;
                n = 0;
            }
        }
    }

    return ADM_OK;
}


/* seconds that the local time is ahead of UTC */

static int
adm_moment_offset(const unsigned char *p, size_t len, int64_t *offset)
{
    uint64_t  f[2];

    if (len == 1 && (p[0] == 'Z' || p[0] == 'z')) {
        *offset = 0;
        return ADM_OK;
    }

    if (len != 6 || (p[0] != '+' && p[0] != '-')
        || adm_moment_figures(p + 1, "00:00", f) != ADM_OK
        || f[0] > 23 || f[1] > 59)
    {
        return ADM_ERROR;
    }

    *offset = (int64_t) (f[0] * 3600 + f[1] * 60);

    if (p[0] == '-') {
        *offset = -*offset;
    }

    return ADM_OK;
}


/*
 * Days since the epoch of a date of the Gregorian calendar: years are counted
 * from March, so that a leap day is the last of its year.
 */

static int64_t
adm_moment_days(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t  m, days;

    if (month < 3) {
        m = month + 9;
        year += 399;

    } else {
        m = month - 3;
        year += 400;
    }

    days = year * 365 + year / 4 - year / 100 + year / 400
           + (m * 153 + 2) / 5 + day - 1;

    /* 1970-01-01, and the 400 years that keep it from being negative */

    return (int64_t) days - (719468 + 146097);
}


static uint64_t
adm_month_days(uint64_t year, uint64_t month)
{
    if (month == 2) {
        return (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
               ? 29 : 28;
    }

    return (month == 4 || month == 6 || month == 9 || month == 11) ? 30 : 31;
}
