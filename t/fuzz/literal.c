
/*
 * Fuzzes the readers of literals against second definitions of what they
 * accept: a rate is what printing it gives back, but for leading zeros; a
 * number is what strtoull() makes of digits alone; a name is spelled from a
 * list of characters; a moment of UTC is what gmtime() makes of its seconds.
 */


#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/core/adm_literal.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static adm_str_t
without_zeros(adm_str_t s)
{
    while (s.len > 1 && s.data[0] == '0' && s.data[1] >= '0'
           && s.data[1] <= '9')
    {
        s.data++;
        s.len--;
    }

    return s;
}


static void
rate(adm_str_t s)
{
    int         rc, n;
    char        unit, text[64];
    adm_rate_t  rate = { 77, 78 };

    rc = adm_rate_parse(s, &rate);

    if (rc != ADM_OK) {
        hold(rc == ADM_ERROR && rate.count == 77 && rate.period == 78);
        return;
    }

    hold(rate.count >= 1 && rate.count <= ADM_RATE_MAX);

    unit = rate.period == 1000 ? 's'
           : rate.period == 60000 ? 'm'
           : rate.period == 3600000 ? 'h'
           : rate.period == 86400000 ? 'd' : '?';

    n = snprintf(text, sizeof(text), "%" PRIu64 "r/%c", rate.count, unit);
    s = without_zeros(s);

    hold((size_t) n == s.len && memcmp(text, s.data, s.len) == 0);
}


/* whatever stands before a good end must be a good count */

static void
rate_of(adm_str_t s)
{
    int             rc;
    uint64_t        count;
    adm_str_t       whole;
    adm_rate_t      rate;
    unsigned char  *text;

    text = malloc(s.len + 3);
    hold(text != NULL);

    if (s.len != 0) {
        memcpy(text, s.data, s.len);
    }

    memcpy(text + s.len, "r/m", 3);
    whole.data = text;
    whole.len = s.len + 3;

    rc = adm_uint_parse(s, 1, ADM_RATE_MAX, &count);
    hold(rc == adm_rate_parse(whole, &rate));
    hold(rc != ADM_OK || (rate.count == count && rate.period == 60000));

    free(text);
}


static void
number(adm_str_t s, uint64_t min, uint64_t max)
{
    int        good;
    char       text[21];
    size_t     i;
    uint64_t   got, expected;
    adm_str_t  rest;

    good = s.len != 0;

    for (i = 0; i < s.len; i++) {
        good = good && strchr("0123456789", s.data[i]) && s.data[i];
    }

    rest = without_zeros(s);
    expected = 0;

    if (good && rest.len <= 20) {
        memcpy(text, rest.data, rest.len);
        text[rest.len] = '\0';
        expected = strtoull(text, NULL, 10);

        good = (rest.len < 20 || strcmp(text, "18446744073709551615") <= 0)
               && expected >= min && expected <= max;

    } else {
        good = 0;
    }

    got = 77;
    hold(adm_uint_parse(s, min, max, &got) == (good ? ADM_OK : ADM_ERROR));
    hold(got == (good ? expected : 77));
}


static void
name(adm_str_t s)
{
    int     good;
    size_t  i;

    static const char  chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "abcdefghijklmnopqrstuvwxyz0123456789_.-";

    good = s.len >= 1 && s.len <= 64;

    for (i = 0; good && i < s.len; i++) {
        good = memchr(chars, s.data[i], sizeof(chars) - 1) != NULL;
    }

    hold(adm_name_valid(s) == good);
}


/* in capital letters, without a fraction: the form that is printed */

static void
moment(adm_str_t s)
{
    int         rc;
    char        text[32];
    size_t      len;
    time_t      seconds;
    uint64_t    moment;

    moment = 77;
    rc = adm_moment_parse(s, &moment);

    if (rc != ADM_OK) {
        hold(rc == ADM_ERROR && moment == 77);
        return;
    }

    seconds = (time_t) moment;
    hold(seconds >= 1 && seconds <= INT64_C(253402300799) + 86400);

    if (s.len == 20 && s.data[19] == 'Z' && s.data[10] == 'T') {
        len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ",
                       gmtime(&seconds));

        hold(len == s.len && memcmp(text, s.data, len) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    adm_str_t  s;

    s.len = size;
    s.data = data;

    rate(s);
    rate_of(s);
    name(s);
    moment(s);
    number(s, 0, UINT64_MAX);
    number(s, 1, 1000000);
    number(s, 5, 5);
    number(s, 0, 7);

    return 0;
}
