
/*
 * The story: a script looks at what a client sent with a pattern, and the
 * client sends what makes the pattern try for ever.  The matcher has to find
 * what Lua finds, and to stop when its steps are spent.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_pattern.c"


static adm_str_t
text(const char *s)
{
    adm_str_t  t;

    t.len = strlen(s);
    t.data = (const unsigned char *) s;

    return t;
}


/*
 * "2-4:ab|@3": from, to, captures; or the error.  The subject is in memory of
 * just its length.
 */

static const char *
found(const char *subject, const char *pattern)
{
    char                   *p;
    size_t                  i;
    uint64_t                steps;
    adm_str_t               s;
    unsigned char          *copy;
    adm_pattern_rc_e        rc;
    adm_pattern_found_t     f;
    adm_pattern_capture_t  *c;

    static char  said[512];

    s = text(subject);
    copy = malloc(s.len);
    memcpy(copy, subject, s.len);
    s.data = copy;

    steps = 100000;
    rc = adm_pattern_find(s, text(pattern), 0, &steps, &f);

    free(copy);

    if (rc != ADM_PATTERN_MATCH) {
        return (rc == ADM_PATTERN_NONE) ? "none" : adm_pattern_error(rc);
    }

    p = said + sprintf(said, "%zu-%zu", f.begin, f.end);

    for (i = 0; i < f.n; i++) {
        c = &f.captures[i];
        *p++ = i ? '|' : ':';

        p += (c->len == ADM_PATTERN_PLACE)
             ? sprintf(p, "@%zu", c->begin)
             : sprintf(p, "%.*s", (int) c->len, subject + c->begin);
    }

    *p = '\0';

    return said;
}


/* as Lua 5.1 finds them */

static void
finds(void)
{
    size_t  i;

    static struct {
        const char  *subject;
        const char  *pattern;
        const char  *found;
    } cases[] = {
        { "", "", "0-0" },
        { "abc", "", "0-0" },
        { "abc", "b", "1-2" },
        { "abc", "^b", "none" },
        { "abc", "^a", "0-1" },
        { "abc", "c$", "2-3" },
        { "abc", "b$", "none" },
        { "a$c", "$c", "1-3" },
        { "abc", ".-c", "0-3" },
        { "aaab", "a*", "0-3" },
        { "baaa", "a*", "0-0" },
        { "baaa", "a+", "1-4" },
        { "aaa", "a-", "0-0" },
        { "color colour", "colou?r$", "6-12" },
        { "x=12", "(%a)=(%d+)", "0-4:x|12" },
        { "x=12", "()=()", "1-2:@1|@2" },
        { "x=12", "((%a)=)", "0-2:x=|x" },
        { "\"it's\"", "([\"'])(.-)%1", "0-6:\"|it's" },
        { "f(a(b)c)d", "%b()", "1-8" },
        { "f(a(b", "%b()", "none" },
        { "THE (quick) fox", "%f[%a]%a+%f[%A]", "0-3" },
        { " fox", "%f[%a]%a+%f[%A]", "1-4" },
        { "fox", "%f[^%z]", "0-0" },
        { "a]b", "[]]", "1-2" },
        { "a]b", "[^]a]", "2-3" },
        { "a-b", "[a-]+", "0-2" },
        { "a-b", "[%-]", "1-2" },
        { "k9", "[a-f0-9]", "1-2" },
        { "k9", "[^%w]", "none" },
        { "b", "[b-d]", "0-1" },
        { "d", "[b-d]", "0-1" },
        { "-", "[b-d]", "none" },
        { "fox", "%f[%a]o", "none" },
        { "ab", "$", "2-2" },
        { "aab", "(aa)%1", "none" },
        { "ab", "(a)%0", "pattern has no such capture" },
        { "a.b", "%.", "1-2" },
        { "a%b", "%%", "1-2" },
        { "Mozilla/5.0", "^(%w+)/(%d+)%.(%d+)$", "0-11:Mozilla|5|0" },
        { "\t \n", "^%s+$", "0-3" },
        { "0xFF", "^0x%x+$", "0-4" },
        { "a\001", "%c", "1-2" },
        { "a!", "%p", "1-2" },
        { "aB", "%u", "1-2" },
        { "aB", "%U", "0-1" },
        { "aa", "(a)%1", "0-2:a" },
        { "ab", "(a)%1", "none" },
        { "ab", "(a*(.)%w(%s*))", "0-2:ab|a|" },
        { "abc", "%", "pattern ends with '%'" },
        { "abc", "[a", "pattern lacks ']'" },
        { "abc", "[", "pattern lacks ']'" },
        { "abc", "[%", "pattern lacks ']'" },
        { "abc", "[^", "pattern lacks ']'" },
        { "abc", "[]", "pattern lacks ']'" },
        { "abc", "%f", "pattern lacks '[' behind '%f'" },
        { "abc", "%fa", "pattern lacks '[' behind '%f'" },
        { "abc", "%b", "pattern lacks what '%b' is about" },
        { "abc", "%bx", "pattern lacks what '%b' is about" },
        { "abc", "%1", "pattern has no such capture" },
        { "abc", "(%1)", "pattern has no such capture" },
        { "abc", "a)", "pattern has no such capture" },
        { "abc", "(a", "pattern lacks ')'" },
        { "abc", "(a%", "pattern ends with '%'" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_str(found(cases[i].subject, cases[i].pattern), cases[i].found,
               cases[i].pattern);
    }
}


static void
from_somewhere(void)
{
    uint64_t             steps;
    adm_pattern_found_t  f;

    steps = 1000;

    is_int(adm_pattern_find(text("a1b2"), text("%d"), 2, &steps, &f),
           ADM_PATTERN_MATCH, "from the middle");
    is_uint(f.begin, 3, "... the second");

    is_int(adm_pattern_find(text("a1b2"), text("^%d"), 1, &steps, &f),
           ADM_PATTERN_MATCH, "an anchor is where one begins");
    is_int(adm_pattern_find(text("a1b2"), text("^%d"), 2, &steps, &f),
           ADM_PATTERN_NONE, "... and nowhere else");

    is_int(adm_pattern_find(text("a"), text("$"), 1, &steps, &f),
           ADM_PATTERN_MATCH, "from the end");
}


/* the same search with one step less than it takes does not end */

static void
steps(void)
{
    char                *subject;
    uint64_t             left, taken;
    adm_str_t            s;
    adm_pattern_found_t  f;

    left = 1000;

    is_int(adm_pattern_find(text("key=value"), text("^(%w+)=(%w+)$"), 0,
                            &left, &f),
           ADM_PATTERN_MATCH, "with enough steps");

    taken = 1000 - left;
    left = taken;

    is_int(adm_pattern_find(text("key=value"), text("^(%w+)=(%w+)$"), 0,
                            &left, &f),
           ADM_PATTERN_MATCH, "with as many as it takes");
    is_uint(left, 0, "... none is left");

    left = taken - 1;

    is_int(adm_pattern_find(text("key=value"), text("^(%w+)=(%w+)$"), 0,
                            &left, &f),
           ADM_PATTERN_STEPS, "with one less");

    subject = malloc(5000);
    memset(subject, 'a', 5000);

    s.len = 5000;
    s.data = (unsigned char *) subject;
    left = 1000000;

    is_int(adm_pattern_find(s, text(".-.-.-.-.-.-b"), 0, &left, &f),
           ADM_PATTERN_STEPS, "what would take for ever ends");
    is_uint(left, 0, "... with nothing left");

    s.len = 4000;
    left = 10000;
    memset(subject, '(', 4000);

    is_int(adm_pattern_find(s, text("%b()"), 0, &left, &f),
           ADM_PATTERN_STEPS, "so does a search for a balance");

    free(subject);
}


static void
deep(void)
{
    size_t               i;
    char                 pattern[4 * ADM_PATTERN_DEPTH];
    uint64_t             left;
    adm_pattern_found_t  f;

    for (i = 0; i < ADM_PATTERN_DEPTH; i++) {
        memcpy(pattern + 2 * i, "a?", 3);
    }

    left = 1000000;

    is_int(adm_pattern_find(text("aaaaaaaaaa"), text(pattern), 0, &left, &f),
           ADM_PATTERN_MATCH, "a long pattern of which little matches");

    memset(pattern, '(', ADM_PATTERN_CAPTURES + 1);
    pattern[ADM_PATTERN_CAPTURES + 1] = '\0';

    is_int(adm_pattern_find(text("a"), text(pattern), 0, &left, &f),
           ADM_PATTERN_TOO_MANY, "more captures than there are places");

    for (i = 0; i < ADM_PATTERN_DEPTH; i++) {
        memcpy(pattern + 3 * i, "a-b", 4);
    }

    is_str(found("", pattern), "none", "a long one that does not match");

    for (i = 0; i < ADM_PATTERN_DEPTH; i++) {
        memcpy(pattern + 2 * i, "a-", 3);
    }

    is_str(found("b", pattern), "pattern too complex",
           "items deeper than there may be calls");
}


static void
plain(void)
{
    size_t       i;
    char         one[2];
    const char  *special;

    special = "^$*+?.([%-";
    one[1] = '\0';

    is_int(adm_pattern_plain(text("shop/cart_1)]")), 1, "letters and so on");
    is_int(adm_pattern_plain(text("")), 1, "nothing");

    for (i = 0; special[i]; i++) {
        one[0] = special[i];
        is_int(adm_pattern_plain(text(one)), 0, one);
    }
}


int
main(void)
{
    finds();
    from_somewhere();
    steps();
    deep();
    plain();

    return unit_done();
}
