
/*
 * The parts of the crowd that its figures rest on.  A quantile that is off by
 * more than is said, or arrivals that are no Poisson process of the profile's
 * rate, would bend every report, and no server could show it.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "jar.h"
#include "profile.h"
#include "rng.h"
#include "room.h"


#define VALUES  200000


static int  number, failures;


static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
    failures += !good;
}


static int
by_value(const void *a, const void *b)
{
    usec_t  x, y;

    x = *(const usec_t *) a;
    y = *(const usec_t *) b;

    return (x > y) - (x < y);
}


/* values over seven powers of ten, against the quantiles of the sorted list */
static void
quantiles(void)
{
    int                   i;
    rng_t                 rng;
    double                error, worst;
    usec_t                value, exact;
    static usec_t         values[VALUES];
    static histogram_t    h;
    static const double   qs[] = { 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999 };

    rng = rng_stream(1, 1);

    for (i = 0; i < VALUES; i++) {
        values[i] = (usec_t) pow(10, 7 * rng_uniform(&rng));
        histogram_add(&h, values[i]);
    }

    qsort(values, VALUES, sizeof(usec_t), by_value);
    worst = 0;

    for (i = 0; i < 7; i++) {
        exact = values[(int) ceil(qs[i] * VALUES) - 1];
        value = histogram_quantile(&h, qs[i]);
        error = fabs((double) (value - exact) / exact);
        worst = fmax(worst, error);
    }

    printf("# worst error of a quantile %.4f\n", worst);
    ok(worst <= 0.01, "quantiles are within 1 %");
    ok(histogram_quantile(&h, 1) == values[VALUES - 1], "the greatest is "
       "exact");
    ok(h.min == values[0], "and the least");
}


static void
single_values(void)
{
    int          bad;
    usec_t       v;
    histogram_t  h;

    bad = 0;

    for (v = 0; v < ((usec_t) 1 << 32); v = v + v / 1000 + 1) {
        memset(&h, 0, sizeof(h));
        histogram_add(&h, v);
        histogram_add(&h, v);
        histogram_add(&h, 2 * v + 1);

        if (fabs((double) histogram_quantile(&h, 0.5) - v) > v / 128.0) {
            bad++;
        }
    }

    ok(bad == 0, "each value is found again, within 1/128");

    memset(&h, 0, sizeof(h));
    ok(histogram_quantile(&h, 0.5) == 0, "nothing in it, nothing out of it");
    histogram_add(&h, (usec_t) 1 << 40);
    ok(histogram_quantile(&h, 1) == (usec_t) 1 << 40, "too long for buckets");
}


/*
 * A profile with a step, a ramp up, a ramp to nothing and a spike; each
 * expectation is computed by hand.
 */

static void
profiles(void)
{
    double     t;
    profile_t  p;

    memset(&p, 0, sizeof(p));

    ok(profile_step(&p, 1, 5) != NULL, "a profile begins at 0");
    ok(profile_step(&p, 0, 100) == NULL
       && profile_ramp(&p, 10, 20, 300) == NULL
       && profile_ramp(&p, 20, 30, 0) == NULL
       && profile_spike(&p, 15, 2, 1000) == NULL
       && profile_step(&p, 25, 1) != NULL, "points come in order");

    ok(fabs(profile_expected(&p, 0, 10) - 1000) < 1e-6, "a step");
    ok(fabs(profile_expected(&p, 10, 15) - 750) < 1e-6, "a ramp, half");
    ok(fabs(profile_expected(&p, 15, 17) - 2000) < 1e-6, "a spike");
    ok(fabs(profile_expected(&p, 17, 20) - 810) < 1e-6, "the ramp goes on");
    ok(fabs(profile_expected(&p, 20, 40) - 1500) < 1e-6, "a ramp to nothing");
    ok(fabs(profile_rate(&p, 12.5) - 150) < 1e-9, "a rate");
    ok(fabs(profile_peak(&p, 100) - 1000) < 1e-9, "a peak");
    ok(fabs(profile_peak(&p, 12.5) - 150) < 1e-9, "a peak cut off");

    t = profile_after(&p, 0, 1000 + 750 + 2000 + 405);
    ok(fabs(profile_expected(&p, 0, t) - 4155) < 1e-6, "expectation turned "
       "round");
    ok(profile_after(&p, 29, 100) == INFINITY, "nobody comes after the end");

    profile_free(&p);
}


/*
 * On a ramp, gaps measured in expected arrivals are exponential of mean 1:
 * mean and standard deviation are 1, and the share above 1 is 1/e.
 */

static void
poisson(void)
{
    int        n, above;
    rng_t      rng;
    double     t, next, gap, sum, squares;
    profile_t  p;

    memset(&p, 0, sizeof(p));
    profile_step(&p, 0, 10);
    profile_ramp(&p, 1, 100, 2000);

    rng = rng_stream(7, 0);
    n = 0;
    above = 0;
    sum = 0;
    squares = 0;

    for (t = 0; t < 100; t = next) {
        next = profile_after(&p, t, rng_exponential(&rng));
        gap = profile_expected(&p, t, next);
        n++;
        sum += gap;
        squares += gap * gap;
        above += (gap > 1);
    }

    printf("# %d arrivals, mean gap %.4f\n", n, sum / n);
    ok(fabs(n - 99505.0) < 4 * sqrt(99505.0), "as many as expected");
    ok(fabs(sum / n - 1) < 0.02, "gaps of mean 1");
    ok(fabs(sqrt(squares / n - pow(sum / n, 2)) - 1) < 0.03, "spread 1");
    ok(fabs((double) above / n - exp(-1)) < 0.01, "and the exponential tail");

    profile_free(&p);
}


static int
cookies_are(const jar_t *jar, const char *text)
{
    char    line[256];
    size_t  len;

    len = jar_write(jar, line, sizeof(line));

    return len == strlen(text) && memcmp(line, text, len) == 0;
}


static void
set(jar_t *jar, const char *field)
{
    jar_set(jar, field, strlen(field));
}


static void
jars(void)
{
    jar_t  jar;

    memset(&jar, 0, sizeof(jar));

    set(&jar, "a=1; Path=/; HttpOnly");
    set(&jar, "b=two; Max-Age=600");
    set(&jar, "ab=3");
    ok(cookies_are(&jar, "a=1; b=two; ab=3"), "cookies are kept");

    set(&jar, "a=4; path=/");
    ok(cookies_are(&jar, "b=two; ab=3; a=4"), "the later one stands");

    set(&jar, "b=; Path=/; max-age=0");
    set(&jar, "ab=x; Max-Age=-1; Path=/");
    ok(cookies_are(&jar, "a=4"), "Max-Age=0 deletes");

    set(&jar, "=nobody");
    set(&jar, "nothing");
    set(&jar, "c=Max-Age=0");
    ok(cookies_are(&jar, "a=4; c=Max-Age=0"), "what is no cookie is not kept");

    jar_empty(&jar);
    ok(cookies_are(&jar, ""), "emptied");
}


static void
tokens(void)
{
    token_t             token;

    /* {"alg":"HS256","typ":"adm-pass+jwt","kid":"k1"} and claims */
    static const char   head[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImFkbS1wYXNzK2p3"
        "dCIsImtpZCI6ImsxIn0";
    static const char   body[] = "eyJpc3MiOiJhZG1pc3Npb24iLCJhdWQiOiJkcm9wIiwi"
        "c3ViIjoiMTI3IiwiaWF0IjoxMCwiZXhwIjo0MDAwMDAwMDAwLCJqdGkiOiIwMDAwMDAw"
        "MDAwMDAwMWZmIn0";
    char                text[2 * TOKEN_MAX];

    snprintf(text, sizeof(text), "%s.%s.c2ln", head, body);
    token_read(&token, text);

    ok(token.type == TOKEN_PASS && token.number == 127 && token.id == 511
       && token.expires == 4000000000, "a pass");

    snprintf(text, sizeof(text), "%s.%s.%01100d", head, body, 0);
    token_read(&token, text);
    ok(token.type == TOKEN_NONE, "not one that is too long");

    snprintf(text, sizeof(text), "%s.%s.c2ln", body, head);
    token_read(&token, text);
    ok(token.type == TOKEN_NONE, "nor without its type");

    snprintf(text, sizeof(text), "%s.=.c2ln", head);
    token_read(&token, text);
    ok(token.type == TOKEN_NONE, "nor without claims");

    token_read(&token, head);
    ok(token.type == TOKEN_NONE, "nor one part of it");
}


/* someone of that number who was told, called and let in at these seconds */
static void
person(room_t *room, uint64_t number, int64_t wait, int64_t position,
    int told, int called, int in)
{
    place_t   place;
    token_t   pass;
    known_t   known;
    answer_t  answer;

    memset(&known, 0, sizeof(known_t));
    memset(&place, 0, sizeof(place_t));
    memset(&pass, 0, sizeof(token_t));

    answer_init(&answer);
    answer.wait = wait;
    answer.position = position;
    room_told(room, &place, &answer, &known, ROOM_FIRST,
              told * (usec_t) USEC_SECOND);

    /* heard of it three seconds later */

    answer_init(&answer);
    answer.left = 120 - 3;
    room_called(room, &place, &answer, (called + 3) * (usec_t) USEC_SECOND);

    pass.number = number;
    pass.id = 1000 + number;
    pass.expires = time(NULL) + 600;

    room_pass(room, &pass, &place, 1, in * (usec_t) USEC_SECOND);
}


/*
 * A hundred of whom one is called every ten seconds; those behind the first
 * half come when these are in.  Waits are told too short by a tenth,
 * positions too long by a fifth.
 */
static void
estimates(void)
{
    int              i, told, before;
    order_t          order;
    estimate_t      *waits, *positions;
    answer_t         answer;
    place_t          place;
    static room_t    room;

    memset(&place, 0, sizeof(place_t));
    answer_init(&answer);
    answer.left = 120;
    room_called(&room, &place, &answer, USEC_SECOND);

    for (i = 100; i > 0; i--) {
        told = (i > 50) ? 504 : 1;
        before = (i > 50) ? 50 : 0;

        person(&room, i, 9 * (i - before), 6 * (i - before) / 5, told,
               told + 10 * (i - before), 10 * i + 4);
    }

    room_order(&room, &order);

    waits = &order.waits[ROOM_FIRST];
    positions = &order.positions[ROOM_FIRST];

    ok(order.let_in == 100 && room.passes == 100, "all were let in");
    ok(waits->count == 100 && fabs(waits->error - 0.1) < 1e-9
       && fabs(waits->bias + 0.1) < 1e-9, "waits: from told to called");
    ok(positions->count == 80, "positions: of those behind ten");
    ok(positions->error > 0.17 && positions->error < 0.2
       && positions->bias == positions->error, "as told");
    ok(order.called_after.count == 0
       && order.entered_after.count == 0, "in order");

    room_free(&room);
}


static void
order_of_calls(void)
{
    order_t          order;
    static room_t    room;

    person(&room, 1, 10, 1, 1, 10, 30);
    person(&room, 2, 10, 1, 1, 15, 20);
    person(&room, 3, 10, 1, 1, 12, 20);
    person(&room, 4, 10, 1, 1, 12, 21);
    room_order(&room, &order);

    ok(order.called_after.count == 1
       && order.called_after.max == 3 * USEC_SECOND,
       "one was called late, by three seconds");
    ok(order.entered_after.count == 1
       && order.entered_after.max == 10 * USEC_SECOND,
       "another one took its time");

    room_free(&room);
}


/* tells the number of a ticket; what was known before */
static void
told(room_t *room, place_t *place, const char *claims, const char *state,
    uint64_t given, uint64_t called)
{
    known_t   known;
    answer_t  answer;

    answer_init(&answer);
    snprintf(answer.token, sizeof(answer.token), "%s.%s.c2ln",
             "eyJ0eXAiOiJhZG0tdGlja2V0K2p3dCJ9", claims);
    strcpy(answer.state, state);

    known.given = given;
    known.called = called;

    room_told(room, place, &answer, &known, ROOM_POLL, USEC_SECOND);
}


static void
turns(void)
{
    place_t            place;
    static room_t      room;
    static const char  five[] = "eyJzdWIiOiI1In0";
    static const char  nine[] = "eyJzdWIiOiI5In0";

    memset(&place, 0, sizeof(place_t));

    told(&room, &place, five, "waiting", 4, 5);
    told(&room, &place, five, "waiting", 9, 5);
    told(&room, &place, five, "paused", 9, 6);
    ok(place.number == 5 && room.given == 5, "a number");
    ok(room.jumped == 0 && room.passed_over == 0, "in its turn");

    told(&room, &place, five, "waiting", 9, 6);
    ok(room.passed_over == 1, "not when a later one has been called");

    told(&room, &place, nine, "waiting", 9, 6);
    ok(room.jumped == 1 && room.given == 9, "nor given what others had");
}


static void
passes(void)
{
    int            i;
    token_t        pass;
    place_t        place;
    static room_t  room;

    memset(&pass, 0, sizeof(token_t));
    memset(&place, 0, sizeof(place_t));

    for (i = 0; i < 30; i++) {
        pass.number = 7;
        pass.id = 70;
        pass.expires = time(NULL) + 600 + i;
        room_pass(&room, &pass, &place, 1, USEC_SECOND);
    }

    ok(room.passes == 1 && room.inside == 1 && room.twice == 0,
       "a pass counts once, however often it is renewed");

    pass.id = 71;
    room_pass(&room, &pass, &place, 1, USEC_SECOND);
    ok(room.passes == 2 && room.twice == 1, "another one of the same number");

    pass.id = 72;
    pass.number = 0;
    pass.expires = time(NULL) + 1;
    room_pass(&room, &pass, &place, 1, USEC_SECOND);
    ok(room.direct == 1 && room.inside == 3 && room.inside_most == 3,
       "one without a number");

    pass.expires = time(NULL) + 2;
    room_pass(&room, &pass, &place, 1, USEC_SECOND);

    while (time(NULL) <= pass.expires) {
        usleep(50000);
    }

    ok(room_inside(&room) == 2 && room.inside_most == 3, "until it expires");

    room_free(&room);
}


int
main(void)
{
    quantiles();
    single_values();
    profiles();
    poisson();
    jars();
    tokens();
    estimates();
    order_of_calls();
    turns();
    passes();

    printf("1..%d\n", number);

    return failures != 0;
}
