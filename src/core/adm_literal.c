
/*
 * The readers of small literals.
 *
 * nginx's own readers stop at the first surprise in ways that differ from
 * directive to directive ("10r/ss", "+5"); here the whole string is read or
 * refused, and a number that does not fit is refused, never wrapped.
 */


#include "adm_literal.h"


static int adm_word_char(unsigned char c, const char *marks);


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
