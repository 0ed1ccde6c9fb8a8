
/*
 * The story: the same refusal is a waiting page for a person and a document
 * for an app, and Accept is all there is to tell them apart.  An app that is
 * given HTML shows "unexpected token <"; a person who is given JSON closes
 * the tab.  The rules are small, but senders are many: what they really send
 * stands here, with what must come out.
 *
 * With -DUNIT_BENCH (and -O2, without sanitizers) it also says what the
 * decision costs for a browser's field.
 */


#include <time.h>

#include "unit.h"
#include "../../../src/core/adm_accept.c"


#define CHROME                                                               \
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"      \
    "image/webp,image/apng,*/*;q=0.8,"                                       \
    "application/signed-exchange;v=b3;q=0.7"

#define FIREFOX                                                              \
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"      \
    "image/webp,image/png,image/svg+xml,*/*;q=0.8"

#define SAFARI                                                               \
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

#define PROMETHEUS                                                           \
    "application/openmetrics-text;version=1.0.0;q=0.6,"                      \
    "application/openmetrics-text;version=0.0.1;q=0.5,"                      \
    "text/plain;version=0.0.4;q=0.4,*/*;q=0.2"

/* RFC 9110, 12.5.1, the example with a table */
#define RFC                                                                  \
    "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, "             \
    "text/plain;format=fixed;q=0.4, */*;q=0.5"


static adm_str_t
str(const char *text)
{
    adm_str_t  s;

    s.len = strlen(text);
    s.data = (const unsigned char *) text;

    return s;
}


static void
people(void)
{
    size_t  i;

    static const struct {
        int          html;
        const char  *who;
        const char  *accept;
    } cases[] = {
        { 1, "Chrome", CHROME },
        { 1, "Firefox", FIREFOX },
        { 1, "Safari", SAFARI },
        { 1, "Firefox of old",
          "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" },
        { 1, "lynx", "text/html, text/plain, text/sgml, text/css, "
          "application/xhtml+xml, */*;q=0.01" },
        { 1, "Java's HttpURLConnection",
          "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" },
        { 1, "Turbo", "text/vnd.turbo-stream.html, text/html, "
          "application/xhtml+xml" },
        { 1, "jQuery for HTML", "text/html, */*; q=0.01" },
        { 1, "a tie", "application/json, text/html" },
        { 1, "a tie by hand", "text/html;q=0.5,application/json;q=0.5" },
        { 1, "XHTML alone", "application/xhtml+xml" },
        { 1, "HTML in UTF-8", "Text/HTML; Charset=\"UTF-8\"" },
        { 1, "HTML preferred, XHTML not", "text/html;q=0.9, "
          "application/json;q=0.5, application/xhtml+xml;q=0.1" },
        { 1, "JSON unwanted", "text/html;q=0.1, application/json;q=0, "
          "application/problem+json;q=0" },

        { 0, "curl, fetch() and wget", "*/*" },
        { 0, "no field", "" },
        { 0, "axios", "application/json, text/plain, */*" },
        { 0, "jQuery for JSON",
          "application/json, text/javascript, */*; q=0.01" },
        { 0, "an app", "application/json" },
        { 0, "an app in UTF-8", "application/json; charset=utf-8" },
        { 0, "an app of the day", "application/problem+json" },
        { 0, "JSON preferred", "text/html;q=0.9, application/json" },
        { 0, "problem JSON preferred",
          "text/html;q=0.5, application/problem+json;q=0.6" },
        { 0, "anything preferred", "text/html;q=0.5, */*" },
        { 0, "any text", "text/*" },
        { 0, "Chrome's image", "image/avif,image/webp,image/apng,"
          "image/svg+xml,image/*,*/*;q=0.8" },
        { 0, "Chrome's EventSource", "text/event-stream" },
        { 0, "Internet Explorer 8", "image/gif, image/jpeg, image/pjpeg, "
          "application/x-ms-application, application/xaml+xml, */*" },
        { 0, "HTML refused", "text/html;q=0, */*" },
        { 0, "HTML of a certain level", "text/html;level=1" },
        { 0, "nothing readable", "text/html text/html" },
        { 0, "a name in quotes", "x/y;a=\"text/html, text/html\"" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(adm_accept_html(str(cases[i].accept)), cases[i].html,
               cases[i].who);
    }
}


static void
qualities(void)
{
    size_t  i;

    static const struct {
        const char  *accept;
        const char  *type;
        const char  *subtype;
        int          quality;
        int          is_explicit;
    } cases[] = {
        { "", "text", "html", 1000, 0 },
        { " \t", "text", "html", 1000, 0 },
        { ", ,,", "text", "html", 1000, 0 },
        { "*", "text", "html", 1000, 0 },
        { "*/*", "text", "html", 1000, 0 },
        { "text/html", "text", "html", 1000, 1 },
        { "TEXT/Html;Q=0.5", "text", "html", 500, 1 },
        { "text/plain", "text", "html", 0, 0 },
        { "text/htm", "text", "html", 0, 0 },
        { "text/htmlx", "text", "html", 0, 0 },
        { "text/*;q=0.3", "text", "html", 300, 0 },

        /* the most specific wins, wherever it stands */
        { "*/*, text/*;q=0.5, text/html;q=0.1", "text", "html", 100, 1 },
        { "text/html;q=0.1, text/*;q=0.5, */*", "text", "html", 100, 1 },
        { "*/*, text/html;q=0", "text", "html", 0, 0 },
        { "*/*, text/*;q=0", "text", "html", 0, 0 },
        { "*/*, text/*;q=0", "image", "png", 1000, 0 },
        { "text/html;q=0.2, text/html;q=0.4", "text", "html", 400, 1 },
        { "text/html;q=0.4, text/html;q=0.2", "text", "html", 400, 1 },

        /* the RFC's table */
        { RFC, "text", "plain;format=flowed", 1000, 1 },
        { RFC, "text", "plain", 700, 1 },
        { RFC, "text", "html", 300, 0 },
        { RFC, "image", "jpeg", 500, 0 },
        { RFC, "text", "plain;format=fixed", 400, 1 },

        /* parameters: all of the range's, in any order, in either case */
        { "text/html;level=1", "text", "html", 0, 0 },
        { "text/html;level=1", "text", "html;level=1", 1000, 1 },
        { "text/html;level=1", "text", "html;level=11", 0, 0 },
        { "text/html;level=11", "text", "html;level=1", 0, 0 },
        { "text/html;level=1", "text", "html;lev=1", 0, 0 },
        { "text/html;a=1;b=2", "text", "html;b=2;a=1", 1000, 1 },
        { "text/html;a=1;b=2", "text", "html;a=1", 0, 0 },
        { "text/html;a=1", "text", "html;b=2;a=1", 1000, 1 },
        { "text/html;A=\"X\\y\"", "text", "html;a=xy", 1000, 1 },
        { "text/html;a=\"x\"", "text", "html;a=xy", 0, 0 },
        { "text/html;a=\"xy\"", "text", "html;a=x", 0, 0 },
        { "text/html;a=\"x;b=1\"", "text", "html;a=x;b=1", 0, 0 },
        { "text/html;a=\"\"", "text", "html;a=", 1000, 1 },
        { "text/html;q=0.5;level=1", "text", "html;level=1", 500, 1 },
        { "text/html;q=0.5;level=1", "text", "html", 0, 0 },
        { "text/html;q=0.2,text/html;a=1;q=0.1", "text", "html;a=1", 100,
          1 },
        { "*/*;a=1;q=0.5,*/*;q=0.1", "text", "html", 100, 0 },
        { PROMETHEUS, "application", "openmetrics-text;version=1.0.0", 600,
          1 },
        { PROMETHEUS, "text", "plain;version=0.0.4;charset=utf-8", 400, 1 },
        { PROMETHEUS, "application", "json", 200, 0 },

        /* weights */
        { "a/b;q=1", "a", "b", 1000, 1 },
        { "a/b;q=1.", "a", "b", 1000, 1 },
        { "a/b;q=1.000", "a", "b", 1000, 1 },
        { "a/b;q=0.001", "a", "b", 1, 1 },
        { "a/b;q=0.25", "a", "b", 250, 1 },
        { "a/b;q=0.", "a", "b", 0, 0 },
        { "a/b;q=0.000", "a", "b", 0, 0 },
        { "a/b;q=.2", "a", "b", 200, 1 },
        { "a/b ; q=0.2 ; ", "a", "b", 200, 1 },
        { "a/b;;;q=0.2;;", "a", "b", 200, 1 },

        /* garbage is skipped, and only it */
        { "a/b;q=1.001, x/x", "a", "b", 0, 0 },
        { "a/b;q=0.1234, x/x", "a", "b", 0, 0 },
        { "a/b;q=2, x/x", "a", "b", 0, 0 },
        { "a/b;q=-1, x/x", "a", "b", 0, 0 },
        { "a/b;q=1.x, x/x", "a", "b", 0, 0 },
        { "a/b;q=., x/x", "a", "b", 0, 0 },
        { "a/b;q=, x/x", "a", "b", 0, 0 },
        { "a/b;q, x/x", "a", "b", 0, 0 },
        { "a/b;q=\"1\", x/x", "a", "b", 0, 0 },
        { "a/b;q =1, x/x", "a", "b", 0, 0 },
        { "a/b;q=10, a/b;q=0.3", "a", "b", 300, 1 },
        { "*/b, x/x", "a", "b", 0, 0 },
        { "a /b, x/x", "a", "b", 0, 0 },
        { "a/, /b, a, a//b, a/b/c, x/x", "a", "b", 0, 0 },
        { "@@@, (), \xff, a/b;q=0.3", "a", "b", 300, 1 },
        { "?\"a/b, a/b\", a/b;q=0.3", "a", "b", 300, 1 },

        /* quoted strings, with commas, quotes and ends of theirs */
        { "x/x;p=\"a,b;q=0\", a/b;q=0.3", "a", "b", 300, 1 },
        { "x/x;p=\"\\\", a/b\", a/b;q=0.3", "a", "b", 300, 1 },
        { "a/b;q=0.3, x/x;p=\", a/b", "a", "b", 300, 1 },
        { "a/b;q=0.3, x/x;p=\", a/b\\", "a", "b", 300, 1 },
        { "x/x;p=\", a/b", "a", "b", 1000, 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(adm_accept_quality(str(cases[i].accept), cases[i].type,
                                  cases[i].subtype),
               cases[i].quality, cases[i].accept);
        is_int(adm_accept_explicit(str(cases[i].accept), cases[i].type,
                                   cases[i].subtype),
               cases[i].is_explicit, "  named explicitly");
    }
}


/* the bits of the table in the reader, against the RFC's list */

static void
tokens(void)
{
    unsigned             c, wrong;
    adm_str_t            token;
    unsigned char        one;
    adm_accept_reader_t  rd;

    static const char  tchars[] = "!#$%&'*+-.^_`|~0123456789"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    wrong = 0;

    for (c = 0; c < 256; c++) {
        one = (unsigned char) c;
        rd.p = &one;
        rd.end = &one + 1;

        wrong += (adm_accept_token(&rd, &token) == ADM_OK)
                 != (memchr(tchars, (int) c, sizeof(tchars) - 1) != NULL);
    }

    is_uint(wrong, 0, "the characters of a token");
}


#ifdef UNIT_BENCH

static void
bench(const char *name, const char *accept)
{
    long                 i;
    double               ns;
    clock_t              start;
    adm_str_t            s;
    static volatile int  sum;

    s = str(accept);
    start = clock();

    for (i = 0; i < 1000000; i++) {
        sum += adm_accept_html(s);
    }

    ns = (double) (clock() - start) * 1e3 / (double) CLOCKS_PER_SEC;
    printf("# HTML or JSON for %s: %.0f ns\n", name, ns);
}

#endif


int
main(void)
{
    people();
    qualities();
    tokens();

#ifdef UNIT_BENCH
    bench("Chrome", CHROME);
    bench("Safari", SAFARI);
    bench("curl", "*/*");
    bench("an app", "application/json");
#endif

    return unit_done();
}
