
#include "literal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define LONGEST_TIME  86400e6     /* us */


static bool literal_unit(const char *unit, double *usec);


bool
literal_count(const char *text, uint64_t *count)
{
    char  *end;

    if (!isdigit((unsigned char) *text)) {
        return false;
    }

    errno = 0;
    *count = strtoull(text, &end, 10);

    return *end == '\0' && errno == 0;
}


/* strtod() would take a sign, "inf", "nan" and hexadecimal digits too */

bool
literal_number(const char *text, double *number)
{
    char  *end;

    if (text[strspn(text, "0123456789.")] != '\0') {
        return false;
    }

    *number = strtod(text, &end);

    return end != text && *end == '\0' && isfinite(*number);
}


bool
literal_time(const char *text, int64_t *usec)
{
    char    number[32];
    size_t  length;
    double  value, unit;

    length = strspn(text, "0123456789.");

    if (length >= sizeof(number)) {
        return false;
    }

    memcpy(number, text, length);
    number[length] = '\0';

    if (!literal_number(number, &value)
        || !literal_unit(text + length, &unit)
        || value * unit > LONGEST_TIME)
    {
        return false;
    }

    *usec = llround(value * unit);

    return true;
}


static bool
literal_unit(const char *unit, double *usec)
{
    size_t  i;

    static const struct {
        const char  *name;
        double       usec;
    } units[] = {
        { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "m", 60e6 }
    };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0) {
            *usec = units[i].usec;
            return true;
        }
    }

    return false;
}


int64_t
clock_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}
