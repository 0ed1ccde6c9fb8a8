
/*
 * A test harness in one header: prints TAP, which prove reads.
 *
 * A test file includes the sources it tests, calls ok() and its like from
 * main(), and returns unit_done().  A failed check goes on to the next one;
 * checks within a long loop are gathered in a variable and told once.
 */


#ifndef _UNIT_H_INCLUDED_
#define _UNIT_H_INCLUDED_


#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>


static unsigned  unit_run, unit_failed;


#define ok(cond, name)                                                       \
    (void) unit_ok((cond) ? 1 : 0, name, __FILE__, __LINE__)

#define is_uint(got, expected, name)                                         \
    unit_is_uint((uint64_t) (got), (uint64_t) (expected), name,              \
                 __FILE__, __LINE__)

#define is_int(got, expected, name)                                          \
    unit_is_int((int64_t) (got), (int64_t) (expected), name,                 \
                __FILE__, __LINE__)

#define is_mem(got, len, expected, explen, name)                             \
    unit_is_mem(got, len, expected, explen, name, __FILE__, __LINE__)

#define is_str(got, expected, name)                                          \
    unit_is_mem(got, strlen(got), expected, strlen(expected), name,          \
                __FILE__, __LINE__)


static inline int
unit_ok(int good, const char *name, const char *file, int line)
{
    printf("%s %u - %s\n", good ? "ok" : "not ok", ++unit_run, name);

    if (!good) {
        unit_failed++;
        printf("#   at %s line %d\n", file, line);
    }

    return good;
}


static inline void
unit_is_uint(uint64_t got, uint64_t expected, const char *name,
    const char *file, int line)
{
    if (!unit_ok(got == expected, name, file, line)) {
        printf("#   got %" PRIu64 ", expected %" PRIu64 "\n", got, expected);
    }
}


static inline void
unit_is_int(int64_t got, int64_t expected, const char *name, const char *file,
    int line)
{
    if (!unit_ok(got == expected, name, file, line)) {
        printf("#   got %" PRId64 ", expected %" PRId64 "\n", got, expected);
    }
}


static inline void
unit_is_mem(const void *got, size_t len, const void *expected, size_t explen,
    const char *name, const char *file, int line)
{
    if (!unit_ok(len == explen && (len == 0 || !memcmp(got, expected, len)),
                 name, file, line))
    {
        printf("#   got \"%.*s\", expected \"%.*s\"\n", (int) len,
               (const char *) got, (int) explen, (const char *) expected);
    }
}


static inline int
unit_done(void)
{
    printf("1..%u\n", unit_run);

    return unit_failed != 0;
}


#endif /* _UNIT_H_INCLUDED_ */
