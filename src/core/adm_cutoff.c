
/*
 * Who is shed first: see the header.
 *
 * What is steered is how many are let through the cut in a window.  If fewer
 * of them find a place than is aimed at, they are too many, and if more, there
 * may be work left undone; so their number goes after the ratio of both.  It
 * is turned into a rank by what was offered in each rank of late: so a crowd
 * that grows or goes moves the cut at once, and only a change of the upstream
 * has to be found out.
 *
 * Sums go over as many windows as it takes to see enough requests: where few
 * come, they say little for a long time, and nobody is cut off by chance.
 */


#include "adm_atomic.h"
#include "adm_cutoff.h"


#define ADM_CUTOFF_PART     (ADM_CUTOFF_COHORTS / ADM_CUTOFF_PARTS)
#define ADM_CUTOFF_ALL      (ADM_CUTOFF_LEVELS * ADM_CUTOFF_PARTS)


/*
 * Requests that are let through beyond one for each place, in units of what a
 * place serves: of "n" places n / (n + this) is the part that is to find one.
 * By Erlang's formula some 3 % of the places are empty then, be they one or
 * a hundred.
 */

#define ADM_CUTOFF_SLACK    32.0


/* requests, those of them that are let in, and windows, that the sums go
   over */

#define ADM_CUTOFF_SEEN     100.0
#define ADM_CUTOFF_LET_IN   50.0
#define ADM_CUTOFF_LEAST    5.0
#define ADM_CUTOFF_MOST     100.0


/* the same of how the offered ones are spread over the ranks */

#define ADM_CUTOFF_SPREAD   5000.0
#define ADM_CUTOFF_SHORTEST 10.0
#define ADM_CUTOFF_LONGEST  300.0


/* refused ones within the sums, before anybody is cut off */

#define ADM_CUTOFF_REFUSED  10.0


/* if so many are expected to find a place, and none did, nothing moves */

#define ADM_CUTOFF_STANDS   4.0


/* part of an error that is made good in one window, times their number */

#define ADM_CUTOFF_GAIN     0.5


/* how the cut opens when everybody finds a place: after so many windows and
   requests, or so many windows alone; and in each of them by this factor */

#define ADM_CUTOFF_QUIET    3
#define ADM_CUTOFF_FITTED   30.0
#define ADM_CUTOFF_SILENT   10
#define ADM_CUTOFF_OPENING  1.15


/* requests a window that are let through at least */

#define ADM_CUTOFF_TRICKLE  0.2


/*
 * Of level 0: how many of its requests, of late, are none; and the part of
 * them that may find no place for the sake of the others.
 */

#define ADM_CUTOFF_NONE     0.2
#define ADM_CUTOFF_TURNED   0.3


/* one place is kept of so many, and another one of each of these */

#define ADM_CUTOFF_FEW      4
#define ADM_CUTOFF_KEPT     8


/* the finalizer of MurmurHash3, public domain: every bit into all */

static uint64_t
adm_cutoff_mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);

    return x ^ (x >> 33);
}


unsigned
adm_cutoff_rank(unsigned level, uint64_t client, uint64_t secret, uint64_t now)
{
    uint64_t  hash, salt;

    hash = adm_cutoff_mix(client ^ secret);
    salt = (now + hash % ADM_CUTOFF_SALT) / ADM_CUTOFF_SALT;
    hash = adm_cutoff_mix(hash + salt * UINT64_C(0x9e3779b97f4a7c15));
    level = (level < ADM_CUTOFF_LEVELS) ? level : ADM_CUTOFF_LEVELS - 1;

    return level * ADM_CUTOFF_COHORTS + hash % ADM_CUTOFF_COHORTS;
}


int
adm_cutoff_offer(adm_cutoff_t *c, unsigned rank)
{
    (void) __atomic_fetch_add(&c->offered[rank / ADM_CUTOFF_PART], 1,
                              __ATOMIC_RELAXED);

    return rank < ADM_CUTOFF_RANKS - adm_load(&c->cut);
}


uint64_t
adm_cutoff_guard(const adm_cutoff_t *c, unsigned rank)
{
    return (rank < ADM_CUTOFF_COHORTS) ? 0 : adm_load(&c->guard);
}


/* windows that it takes to see "enough" requests, "n" coming in each */

static double
adm_cutoff_windows(double enough, double n, double least, double most)
{
    if (enough <= least * n) {
        return least;
    }

    return (enough < most * n) ? enough / n : most;
}


/* what was offered in this window; the ranks of it go to "recent" */

static double
adm_cutoff_gather(adm_cutoff_t *c)
{
    double    keep, sum;
    uint64_t  n;
    unsigned  i;

    sum = 0;
    keep = 1 - 1 / adm_cutoff_windows(ADM_CUTOFF_SPREAD, c->offers,
                                      ADM_CUTOFF_SHORTEST, ADM_CUTOFF_LONGEST);

    for (i = 0; i < ADM_CUTOFF_ALL; i++) {
        n = adm_load(&c->offered[i]);

        if (n) {
            n = __atomic_exchange_n(&c->offered[i], 0, __ATOMIC_RELAXED);
        }

        c->recent[i] = c->recent[i] * keep + (double) n;
        sum += (double) n;
    }

    return sum;
}


/* windows that a sum goes over, in which it takes so many to see enough */

static double
adm_cutoff_sum(double enough, double recent, double now)
{
    return adm_cutoff_windows(enough, (now > recent) ? now : recent,
                              ADM_CUTOFF_LEAST, ADM_CUTOFF_MOST);
}


/*
 * Takes a window into the sums; over how many windows those of the admitted
 * and of the refused go.  If less than half of those came who were expected,
 * the crowd has gone.  An upstream that stands still tells nothing of how many
 * it will serve when it goes on: 0 then.
 */

static double
adm_cutoff_learn(adm_cutoff_t *c, double offers, double admitted,
    double refused)
{
    double  windows;

    windows = (2 * offers + 8 < c->offers)
              ? 2 : adm_cutoff_sum(ADM_CUTOFF_SEEN, c->offers, offers);

    c->offers += (offers - c->offers) / windows;

    if (admitted == 0 && c->admitted >= ADM_CUTOFF_STANDS && refused > 0) {
        return 0;
    }

    windows = adm_cutoff_sum(ADM_CUTOFF_LET_IN, c->admitted, admitted);

    c->admitted += (admitted - c->admitted) / windows;
    c->refused += (refused - c->refused) / windows;

    return windows;
}


/* 1 if everybody whom the cut let through has found a place, for a while */

static int
adm_cutoff_quiet(adm_cutoff_t *c, double admitted, double refused, int free)
{
    if (refused > 0 || !free) {
        c->quiet = 0;
        c->fitted = 0;

        return 0;
    }

    c->quiet++;
    c->fitted += admitted;

    return c->quiet >= ADM_CUTOFF_SILENT
           || (c->quiet >= ADM_CUTOFF_QUIET && c->fitted >= ADM_CUTOFF_FITTED);
}


/* how many to let through in a window, if "aim" of them is to find a place */

static double
adm_cutoff_through(adm_cutoff_t *c, double aim, double windows, int quiet)
{
    double  through, found;

    found = c->admitted + c->refused;
    found = (found > 0) ? c->admitted / found / aim : 1;
    through = c->through;

    if (through > 0) {
        found = (found < 2) ? found - 1 : 1;
        through *= quiet ? ADM_CUTOFF_OPENING
                         : 1 + ADM_CUTOFF_GAIN * found / windows;

    } else if (found >= 1 || c->refused * windows < ADM_CUTOFF_REFUSED) {
        return 0;

    } else {
        through = c->offers * found;
    }

    if (through < c->admitted + ADM_CUTOFF_TRICKLE) {
        through = c->admitted + ADM_CUTOFF_TRICKLE;
    }

    return (through < c->offers) ? through : 0;
}


/* the rank below which this part of those is who were offered of late */

static uint64_t
adm_cutoff_at(const adm_cutoff_t *c, double part)
{
    double    sum;
    unsigned  i;

    sum = 0;

    for (i = 0; i < ADM_CUTOFF_ALL; i++) {
        sum += c->recent[i];
    }

    sum *= part;

    for (i = 0; i < ADM_CUTOFF_ALL && sum >= c->recent[i]; i++) {
        sum -= c->recent[i];
    }

    return (i < ADM_CUTOFF_ALL)
           ? (uint64_t) ((i + sum / c->recent[i]) * ADM_CUTOFF_PART)
           : ADM_CUTOFF_RANKS;
}


/* requests of level 0 for each one that is served, if there were any */

static double
adm_cutoff_first(const adm_cutoff_t *c)
{
    double    all, first;
    unsigned  i;

    all = 0;
    first = 0;

    for (i = 0; i < ADM_CUTOFF_ALL; i++) {
        all += c->recent[i];

        if (i == ADM_CUTOFF_PARTS - 1) {
            first = all;
        }
    }

    return (first > ADM_CUTOFF_NONE && c->admitted > 0)
           ? first / all * c->offers / c->admitted : 0;
}


/*
 * The others fill all places but those that are kept, and level 0 alone fills
 * these: each one more is wanted by as many times fewer as level 0 has of all
 * that is served.
 */

static uint64_t
adm_cutoff_keep(const adm_cutoff_t *c, uint64_t places, double windows)
{
    double    part, turned;
    uint64_t  keep;

    part = adm_cutoff_first(c);

    if (part <= 0 || places < ADM_CUTOFF_FEW
        || c->refused * windows < ADM_CUTOFF_REFUSED)
    {
        return 0;
    }

    keep = 1;

    for (turned = part; turned > ADM_CUTOFF_TURNED; turned *= part) {
        if (++keep > places / ADM_CUTOFF_KEPT) {
            return keep - 1;
        }
    }

    return keep;
}


void
adm_cutoff_step(adm_cutoff_t *c, uint64_t admitted, uint64_t refused,
    uint64_t places, int free)
{
    double    in, out, windows, aim;
    uint64_t  cut, guard;

    in = (double) admitted;
    out = (double) refused;
    windows = adm_cutoff_learn(c, adm_cutoff_gather(c), in, out);

    if (windows == 0) {
        return;
    }

    guard = adm_cutoff_keep(c, places, windows);

    aim = (double) (places ? places : 1);
    aim /= aim + ADM_CUTOFF_SLACK;

    c->through = adm_cutoff_through(c, aim, windows,
                                    adm_cutoff_quiet(c, in, out, free));
    cut = (c->through > 0)
          ? ADM_CUTOFF_RANKS - adm_cutoff_at(c, c->through / c->offers) : 0;

    __atomic_store_n(&c->cut, cut, __ATOMIC_RELEASE);
    __atomic_store_n(&c->guard, guard, __ATOMIC_RELEASE);
}
