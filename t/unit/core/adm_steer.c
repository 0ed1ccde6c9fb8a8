
/*
 * The story: a line that corrects a shortfall before those whom it has called
 * could come calls too many, then too few, for ever.  And one that has just
 * begun takes "nobody has come yet" for "nobody comes".
 */


#include "unit.h"
#include "../../../src/core/adm_steer.c"


#define near(a, b, by)   ((a) > (b) - (by) && (a) < (b) + (by))


static adm_steer_t
steady(void)
{
    adm_steer_t  s;

    s.rate = 100;
    s.share = 0.5;
    s.delay = 20;
    s.expected = 2000;
    s.burst = 100;
    s.ahead = ADM_STEER_AIM * s.burst;
    s.room = -1;
    s.trim = 0;

    return s;
}


static void
steps(void)
{
    adm_steer_t  s;

    s = steady();
    ok(near(adm_steer(&s, 0.25), 50, 0.01), "the rate, by the share");

    s.expected = 1000;
    ok(adm_steer(&s, 0.25) > 100, "more while too few are called");

    s.expected = 4000;
    ok(adm_steer(&s, 0.25) == 0, "none while too many are");

    s = steady();
    s.ahead = 0;
    ok(adm_steer(&s, 0.25) > 50 && adm_steer(&s, 0.25) < 60,
       "a little more when too few came");

    s.expected += ADM_STEER_AIM * s.burst;
    ok(near(adm_steer(&s, 0.25), 50, 0.01), "once, not until they come");

    s = steady();
    s.room = 5;
    ok(near(adm_steer(&s, 0.25), 10, 0.01), "as many as fit in come");
    s.room = 0;
    ok(adm_steer(&s, 0.25) == 0, "nobody if nobody fits in");

    s = steady();
    s.share = 0;
    s.expected = 0;
    ok(adm_steer(&s, 0.25) <= 100 * 0.25 * ADM_STEER_STEP,
       "never more than the longest step");
}


static void
trims(void)
{
    unsigned     i;
    adm_steer_t  s;

    s = steady();
    ok(near(adm_steer_trim(&s, 1), 0, 1e-9), "nothing to learn from none");

    s.ahead = 0;

    for (i = 0; i < 10000; i++) {
        s.trim = adm_steer_trim(&s, 0.25);
    }

    ok(near(s.trim, ADM_STEER_TRIM, 1e-9), "a lasting error, to the limit");

    for (i = 0, s.ahead = 1000; i < 10000; i++) {
        s.trim = adm_steer_trim(&s, 0.25);
    }

    ok(near(s.trim, -ADM_STEER_TRIM, 1e-9), "either way");
}


/* "people" called in each second; the "i"-th part of a window sees "came" */

static adm_steer_seen_t
seen_parts(unsigned parts, double people, double came)
{
    unsigned          i;
    adm_steer_seen_t  seen;

    memset(&seen, 0, sizeof(adm_steer_seen_t));

    for (i = 0; i < ADM_STEER_PARTS; i++) {
        seen.seconds[i] = 2;

        if (i < parts) {
            seen.called[i] = people * 2;
            seen.came[i] = (i < 20) ? people * came / 20 : 0;
        }
    }

    return seen;
}


static void
learning(void)
{
    unsigned            i;
    adm_steer_seen_t    seen;
    adm_steer_delays_t  d;

    seen = seen_parts(0, 0, 0);
    adm_steer_learn(&seen, 1, &d);
    ok(d.share == 1 && d.delay > 4 && d.delay < 12 && !d.learned,
       "a guess, when nothing was seen");

    seen = seen_parts(10, 1000, 0.6);
    adm_steer_learn(&seen, 1, &d);
    ok(d.share == 1 && !d.learned, "all may still come, when a tenth has");
    ok(near(d.come[9], 0.3, 0.01), "those who came are known");

    seen = seen_parts(ADM_STEER_PARTS, 1000, 0.6);
    adm_steer_learn(&seen, 1, &d);
    ok(near(d.share, 0.6, 0.001) && d.learned, "the share, when it was seen");
    ok(near(d.come[19], 1, 0.001) && near(d.come[9], 0.5, 0.001),
       "the delays of those who come");
    ok(near(d.delay, 10, 0.51), "and their mean");

    seen = seen_parts(ADM_STEER_PARTS, 1000, 0);
    adm_steer_learn(&seen, 1, &d);
    ok(d.share == ADM_STEER_SHARE, "somebody will come");

    /* a claim window of a third as many seconds as parts */

    seen = seen_parts(ADM_STEER_PARTS, 1000, 0.6);

    for (i = 0; i < ADM_STEER_PARTS; i++) {
        if (i % 3) {
            seen.seconds[i] = 0;
            seen.called[i] = 0;
            seen.came[i] = 0;
        }
    }

    adm_steer_learn(&seen, 1, &d);
    ok(near(d.share, 0.21, 0.001) && d.learned,
       "parts without seconds are no news");
    ok(d.come[1] == d.come[0] && d.come[3] > d.come[2] && d.delay > 0,
       "... nobody came in them");

    memset(&seen, 0, sizeof(seen));
    adm_steer_learn(&seen, 0.5, &d);
    ok(d.share >= ADM_STEER_SHARE && d.share <= 1,
       "nor is a window without seconds");
}


static void
staying(void)
{
    double    e, x, worst;
    unsigned  i, k;

    worst = 0;

    /* e = share to the power of i / 16, by repeated roots of the share */

    static const struct { double share, root; } shares[] = {
        { 0.2, 0.904304 }, { 0.5, 0.957603 }, { 0.8, 0.986150 },
    };

    for (k = 0; k < 3; k++) {
        for (i = 0, e = 1; i <= 16; i++, e *= shares[k].root) {
            x = adm_steer_staying(shares[k].share, i, 16) - e;
            x = (x < 0) ? -x : x;
            worst = (x > worst) ? x : worst;
        }
    }

    ok(worst < 0.04, "near the exponential");
    ok(adm_steer_staying(0.5, 40, 16) == 0.5, "no less than at the head");
    ok(adm_steer_staying(0.5, 0, 16) == 1, "newcomers are all there");
    ok(near(adm_steer_staying(0.5, 3, 0), 0.5, 1e-9), "a head without age");
}


int
main(void)
{
    steps();
    trims();
    learning();
    staying();

    return unit_done();
}
