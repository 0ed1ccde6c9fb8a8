
#include "accept.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


/* what a type is worth, by the most specific range that was seen for it */

typedef struct {
    int     specific;                       /* 0: none; 3: the type itself */
    double  q;
} worth_t;


static void accept_range(const char *range, size_t length,
    const char *type, worth_t *worth);
static int accept_match(const char *range, size_t length, const char *type);
static double accept_q(const char *range, size_t length);


bool
accept_prefers_html(const char *accept)
{
    size_t       length;
    worth_t      html, json;
    const char  *range;

    memset(&html, 0, sizeof(html));
    memset(&json, 0, sizeof(json));

    for (range = accept; *range; range += length + (range[length] == ',')) {
        range += strspn(range, " \t");
        length = strcspn(range, ",");

        accept_range(range, length, "text/html", &html);
        accept_range(range, length, "application/json", &json);
    }

    return html.q > json.q;
}


static void
accept_range(const char *range, size_t length, const char *type,
    worth_t *worth)
{
    int  specific;

    specific = accept_match(range, length, type);

    if (specific > worth->specific) {
        worth->specific = specific;
        worth->q = accept_q(range, length);
    }
}


static int
accept_match(const char *range, size_t length, const char *type)
{
    size_t  bare, major;

    bare = strcspn(range, " \t;,");
    bare = bare < length ? bare : length;
    major = strcspn(type, "/") + 1;

    if (bare == strlen(type) && strncasecmp(range, type, bare) == 0) {
        return 3;
    }

    if (bare == major + 1 && range[major] == '*'
        && strncasecmp(range, type, major) == 0)
    {
        return 2;
    }

    return bare == 3 && strncmp(range, "*/*", 3) == 0;
}


static double
accept_q(const char *range, size_t length)
{
    const char  *p, *end;

    end = range + length;

    for (p = memchr(range, ';', length);
         p;
         p = memchr(p, ';', (size_t) (end - p)))
    {
        p++;
        p += strspn(p, " \t");

        if (strncasecmp(p, "q=", 2) == 0) {
            return strtod(p + 2, NULL);
        }
    }

    return 1;
}
