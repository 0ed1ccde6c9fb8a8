
/*
 * How many to call: see the header.
 */


#include "adm_steer.h"


/* the part of those who are left that is expected in a part never seen */
#define ADM_STEER_UNSEEN   8


/* what is no number becomes the lowest one, and does not spread */

static double
adm_steer_clamp(double x, double low, double high)
{
    return (x > low) ? (x < high ? x : high) : low;
}


/* people who are called too few, or too many if negative */

static double
adm_steer_error(const adm_steer_t *s)
{
    return s->rate * s->delay - s->expected + ADM_STEER_AIM * s->burst
           - s->ahead;
}


double
adm_steer(const adm_steer_t *s, double seconds)
{
    double  come, share, most;

    most = s->rate * seconds * ADM_STEER_STEP;
    share = adm_steer_clamp(s->share, ADM_STEER_SHARE, 1);

    come = s->rate * (1 + s->trim) + adm_steer_error(s) / ADM_STEER_FAST;
    come = adm_steer_clamp(come * seconds, 0, most);

    if (s->room >= 0) {
        come = adm_steer_clamp(come, 0, s->room);
    }

    return adm_steer_clamp(come / share, 0, most);
}


double
adm_steer_trim(const adm_steer_t *s, double seconds)
{
    double  error;

    error = adm_steer_clamp(adm_steer_error(s), -s->burst, s->burst);

    return adm_steer_clamp(s->trim + error / s->rate * seconds
                                     / ADM_STEER_SLOW,
                           -ADM_STEER_TRIM, ADM_STEER_TRIM);
}


void
adm_steer_learn(const adm_steer_seen_t *seen, double share,
    adm_steer_delays_t *d)
{
    double    sum;
    unsigned  i, known;

    sum = 0;

    for (known = 0; known < ADM_STEER_PARTS; known++) {

        /* a window of fewer seconds than parts leaves some empty */

        if (seen->seconds[known] == 0) {
            d->come[known] = sum;
            continue;
        }

        if (seen->called[known] < ADM_STEER_SEEN * seen->seconds[known]) {
            break;
        }

        sum += seen->came[known] / seen->called[known]
               * seen->seconds[known];
        d->come[known] = sum;
    }

    d->learned = known >= ADM_STEER_PARTS / 2;
    d->share = (!d->learned && sum < share) ? share : sum;
    d->share = adm_steer_clamp(d->share, ADM_STEER_SHARE, 1);
    d->delay = 0;

    for (i = 0; i < ADM_STEER_PARTS; i++) {

        if (i >= known) {
            sum += (d->share - sum) / ADM_STEER_UNSEEN;
            d->come[i] = sum;
        }

        d->come[i] = adm_steer_clamp(d->come[i] / d->share, 0, 1);
        d->delay += 1 - d->come[i];
    }

    d->delay += 0.5;
}


/*
 * Between the chord, which is above the exponential, and the hyperbola, which
 * is below it; no libm is needed.
 */

double
adm_steer_staying(double share, double age, double head)
{
    double  x, chord, hyperbola;

    share = adm_steer_clamp(share, ADM_STEER_SHARE, 1);
    x = (head > 0) ? adm_steer_clamp(age / head, 0, 1) : 1;

    chord = 1 - x * (1 - share);
    hyperbola = 1 / (1 + x * (1 / share - 1));

    return (chord + hyperbola) / 2;
}
