
/*
 * The story: a limit mistyped in a configuration does its harm on the day of
 * the sale.  "10r/ss", "+10r/s" or a count of twenty digits must stop nginx
 * at its test, and never become some other number by wrapping around or by
 * reading only the beginning.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_literal.c"


static adm_str_t
str(const char *text)
{
    adm_str_t  s;

    s.len = strlen(text);
    s.data = (const unsigned char *) text;

    return s;
}


static void
rates(void)
{
    size_t      i;
    adm_rate_t  rate;

    static const struct {
        const char  *text;
        uint64_t     count;
        uint64_t     period;
    } good[] = {
        { "10r/s", 10, 1000 },
        { "600r/m", 600, 60000 },
        { "50r/h", 50, 3600000 },
        { "500r/d", 500, 86400000 },
        { "1r/d", 1, 86400000 },
        { "1000000r/s", 1000000, 1000 },
        { "007r/s", 7, 1000 },
    };

    static const char  *bad[] = {
        "", "r", "r/", "r/s", "/s", "s", "10", "10r", "10r/", "10/s", "10r/ss",
        "10r/S", "10R/s", "10r/x", "10r//s", "10rr/s", "0r/s", "000r/s",
        "1000001r/s", "18446744073709551617r/s", "99999999999999999999r/s",
        "+10r/s", "-10r/s", " 10r/s", "10r/s ", "10 r/s", "10r /s", "1.5r/s",
        "1e3r/s", "0x10r/s", "10r/10s", "10r/s10", "10r/min", "10r.s", "10rss",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        rate.count = 0;
        rate.period = 0;

        is_int(adm_rate_parse(str(good[i].text), &rate), ADM_OK,
               good[i].text);
        is_uint(rate.count, good[i].count, "  its count");
        is_uint(rate.period, good[i].period, "  its period");
    }

    rate.count = 77;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(adm_rate_parse(str(bad[i]), &rate), ADM_ERROR, bad[i]);
    }

    is_uint(rate.count, 77, "a refused rate leaves the result alone");
}


static void
numbers(void)
{
    size_t     i;
    uint64_t   n;
    adm_str_t  s;

    static const struct {
        const char  *text;
        uint64_t     min;
        uint64_t     max;
        int          rc;
        uint64_t     value;
    } cases[] = {
        { "0", 0, 9, ADM_OK, 0 },
        { "9", 0, 9, ADM_OK, 9 },
        { "09", 0, 9, ADM_OK, 9 },
        { "10", 0, 9, ADM_ERROR, 0 },
        { "4", 5, 9, ADM_ERROR, 0 },
        { "5", 5, 5, ADM_OK, 5 },
        { "7", 0, 5, ADM_ERROR, 0 },
        { "12", 0, 13, ADM_OK, 12 },
        { "14", 0, 13, ADM_ERROR, 0 },
        { "0", 0, 0, ADM_OK, 0 },
        { "1", 0, 0, ADM_ERROR, 0 },
        { "18446744073709551615", 0, UINT64_MAX, ADM_OK, UINT64_MAX },
        { "18446744073709551616", 0, UINT64_MAX, ADM_ERROR, 0 },
        { "99999999999999999999", 0, UINT64_MAX, ADM_ERROR, 0 },
        { "184467440737095516150", 0, UINT64_MAX, ADM_ERROR, 0 },
        { "", 0, 9, ADM_ERROR, 0 },
        { "-1", 0, 9, ADM_ERROR, 0 },
        { "+1", 0, 9, ADM_ERROR, 0 },
        { " 1", 0, 9, ADM_ERROR, 0 },
        { "1 ", 0, 9, ADM_ERROR, 0 },
        { "1k", 0, 9, ADM_ERROR, 0 },
        { "0x1", 0, 9, ADM_ERROR, 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = 77;

        is_int(adm_uint_parse(str(cases[i].text), cases[i].min, cases[i].max,
                              &n),
               cases[i].rc, cases[i].text);
        is_uint(n, cases[i].rc == ADM_OK ? cases[i].value : 77,
                "  its value");
    }

    s.len = 0;
    s.data = NULL;
    is_int(adm_uint_parse(s, 0, 9, &n), ADM_ERROR, "nothing at NULL");

    s.len = 2;
    s.data = (const unsigned char *) "1\0";
    is_int(adm_uint_parse(s, 0, 9, &n), ADM_ERROR, "a zero byte");
}


static void
names(void)
{
    char       one[2];
    size_t     i;
    unsigned   c, valid;
    adm_str_t  s;

    static const char  full[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX";

    static const char  chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "abcdefghijklmnopqrstuvwxyz0123456789_.-";

    ok(adm_name_valid(str("drop-2026.A_b")), "a name");
    ok(!adm_name_valid(str("")), "no name");
    ok(!adm_name_valid(str("two words")), "a space");
    ok(!adm_name_valid(str("gr\xc3\xb6\xc3\x9f" "e")), "a letter of UTF-8");

    s.data = (const unsigned char *) full;
    s.len = 64;
    ok(adm_name_valid(s), "64 characters");
    s.len = 65;
    ok(!adm_name_valid(s), "65 characters");

    valid = 0;

    for (c = 0; c < 256; c++) {
        one[0] = (char) c;
        s.data = (const unsigned char *) one;
        s.len = 1;
        valid += adm_name_valid(s) != 0;
    }

    is_uint(valid, sizeof(chars) - 1, "so many bytes are names");

    for (i = 0; i < sizeof(chars) - 1; i++) {
        s.data = (const unsigned char *) &chars[i];
        s.len = 1;
        valid -= adm_name_valid(s) != 0;
    }

    is_uint(valid, 0, "and these are they");

    ok(adm_word_valid(str("a~b"), 3, "~"), "a word with a mark");
    ok(!adm_word_valid(str("a~b"), 2, "~"), "a word too long");
    ok(!adm_word_valid(str("a~b"), 3, ""), "a word with another's mark");
}


static void
moments(void)
{
    size_t    i;
    uint64_t  n;

    static const struct {
        const char  *text;
        uint64_t     moment;     /* as date(1) has it */
    } good[] = {
        { "2026-11-27T12:00:00Z", 1795780800 },
        { "2026-11-27t12:00:00z", 1795780800 },
        { "2026-11-27T13:30:00+01:30", 1795780800 },
        { "2026-11-27T04:00:00-08:00", 1795780800 },
        { "2026-11-28T11:59:00+23:59", 1795780800 },
        { "2026-11-26T12:01:00-23:59", 1795780800 },
        { "2026-11-27T12:00:00-00:00", 1795780800 },
        { "2026-11-27T12:00:00.999999999999Z", 1795780800 },
        { "2026-11-27T12:00:00.0+00:00", 1795780800 },
        { "1970-01-01T00:00:01Z", 1 },
        { "1970-01-01T00:00:00-00:01", 60 },
        { "2024-02-29T23:59:59Z", 1709251199 },
        { "2000-02-29T00:00:00Z", 951782400 },
        { "2000-03-01T00:00:00Z", 951868800 },
        { "2026-12-31T23:59:59Z", 1798761599 },
        { "2027-01-01T00:00:00Z", 1798761600 },
        { "2100-02-28T00:00:00Z", 4107456000 },
        { "2100-03-01T00:00:00Z", 4107542400 },
        { "2038-01-19T03:14:08Z", UINT64_C(2147483648) },
        { "9999-12-31T23:59:59Z", UINT64_C(253402300799) },
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        n = 0;

        is_int(adm_moment_parse(str(good[i].text), &n), ADM_OK, good[i].text);
        is_uint(n, good[i].moment, "  its seconds");
    }
}


static void
no_moments(void)
{
    char       *text;
    size_t      i;
    uint64_t    n;
    adm_str_t   s;

    static const char  *bad[] = {
        "", "Z", "2026", "2026-11-27", "12:00:00Z", "2026-11-27T12:00Z",
        "2026-11-27T12:00:00", "2026-11-27 12:00:00Z", "2026-11-27T12:00:00ZZ",
        "2026-11-27T12:00:00Z ", " 2026-11-27T12:00:00Z",
        "26-11-27T12:00:00Z", "02026-11-27T12:00:00Z", "2026-1-27T12:00:00Z",
        "+026-11-27T12:00:00Z", "2026-11-27T12:00:0xZ", "2026:11:27T12:00:00Z",
        "2026-11-27T12-00-00Z", "2026-11-27T1 :00:00Z",
        "2026-00-27T12:00:00Z", "2026-13-27T12:00:00Z", "2026-11-00T12:00:00Z",
        "2026-01-32T12:00:00Z", "2026-03-32T12:00:00Z", "2026-04-31T12:00:00Z",
        "2026-05-32T12:00:00Z", "2026-06-31T12:00:00Z", "2026-07-32T12:00:00Z",
        "2026-08-32T12:00:00Z", "2026-09-31T12:00:00Z", "2026-10-32T12:00:00Z",
        "2026-11-31T12:00:00Z", "2026-12-32T12:00:00Z", "2024-02-30T12:00:00Z",
        "2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z",
        "2026-11-27T24:00:00Z", "2026-11-27T12:60:00Z", "2026-12-31T23:59:60Z",
        "2026-11-27T12:00:00+24:00", "2026-11-27T12:00:00+01:60",
        "2026-11-27T12:00:00+0100", "2026-11-27T12:00:00+01",
        "2026-11-27T12:00:00+01:0", "2026-11-27T12:00:00+01:000",
        "2026-11-27T12:00:00 01:00", "2026-11-27T12:00:00UTC",
        "2026-11-27T12:00:00.Z", "2026-11-27T12:00:00.5",
        "2026-11-27T12:00:00,5Z", "2026-11-27T12:00:00.5 Z",
        "1970-01-01T00:00:00Z", "1970-01-01T00:00:01+00:01",
        "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
    };

    n = 77;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        /* where the sanitizer sees who reads on behind it */

        s = str(bad[i]);
        text = malloc(s.len + 1);
        memcpy(text + 1, bad[i], s.len);
        s.data = (unsigned char *) text + 1;

        is_int(adm_moment_parse(s, &n), ADM_ERROR, bad[i]);
        free(text);
    }

    is_uint(n, 77, "a refused moment leaves the result alone");
}


/* day after day through four centuries, and nothing between them is one */

static void
calendar(void)
{
    char      text[32];
    unsigned  wrong, valid, year, month, day;
    uint64_t  n, expected;

    expected = UINT64_C(86399);
    valid = 0;
    wrong = 0;

    for (year = 1970; year < 2370; year++) {

        for (month = 0; month < 14; month++) {

            for (day = 0; day < 34; day++) {
                (void) snprintf(text, sizeof(text), "%04u-%02u-%02uT23:59:59Z",
                                year, month, day);

                if (adm_moment_parse(str(text), &n) == ADM_OK) {
                    wrong += n != expected;
                    valid++;
                    expected += 86400;
                }
            }
        }
    }

    is_uint(wrong, 0, "each day is a day behind the one before");
    is_uint(valid, 146097, "400 years have so many days");
}


int
main(void)
{
    rates();
    numbers();
    names();
    moments();
    no_moments();
    calendar();

    return unit_done();
}
