
/*
 * The limit: see the header.
 *
 * By Little's law a crowd of n gets n / latency answers a second, if latency
 * is all the time that was spent inside, for each answer.  So the best crowd
 * is the one from which on latency grows as the crowd does.  In logarithms
 * that is a knee between two straight lines; where it is is fitted to what
 * was seen of crowds of several sizes.  As long as that leaves sizes in
 * question, since it is little, or old, they are let in by turns: nothing is
 * known of a size that was not tried, and what was known fades.
 *
 * A slower or faster upstream moves all latencies and leaves the knee where
 * it is; so they are moved at once, and then have to be found anew.
 */


#include "adm_adapt.h"


/* relative variance of one latency, at least: of a lognormal one with sigma
   0.5; at most: of one that is 20 times as long in one case of ten; and turns
   over which it is estimated */
#define ADM_ADAPT_VARIANCE   0.3
#define ADM_ADAPT_VARIES     5.0
#define ADM_ADAPT_VARIED     32.0

/* log latency by log crowd below the knee, and what is more above it */
#define ADM_ADAPT_SLOPE      0.1
#define ADM_ADAPT_STEEP      1.15

/* of log likelihood: in question is what is less likely by less than this */
#define ADM_ADAPT_DOUBT      2.0

/* likewise: for a larger size, and against another one than before */
#define ADM_ADAPT_LARGER     0.1
#define ADM_ADAPT_OTHER      0.05

/* what is known fades to a third in so many requests, in so many s at least */
#define ADM_ADAPT_MEMORY     1000.0
#define ADM_ADAPT_SECONDS    20.0

/* requests that a window, and that one size counts for at most */
#define ADM_ADAPT_WINDOW     30.0
#define ADM_ADAPT_WEIGHT     300.0

/* requests of a size after which all sizes are where it is */
#define ADM_ADAPT_COMMON     100.0

/* answers of a turn, beside as many as are inside; and of the first turns */
#define ADM_ADAPT_TURN       16.0
#define ADM_ADAPT_FIRST      8.0

/* sizes in an octave: the stride of the first turns */
#define ADM_ADAPT_OCTAVE     4

/* the longest stride down: it refuses people until it is found too long */
#define ADM_ADAPT_DOWN       2

/* ... and up, to the second size that is tried where few are refused: nobody
   is to be turned away for the sake of learning */
#define ADM_ADAPT_UP         3

/* below this size, a limit of 11, one more than the knee is let in: where a
   few arrive by chance, a queue of one or two keeps all servers at work */
#define ADM_ADAPT_SMALL      8

/* windows with few inside that are let pass, and answers of a second that it
   takes to learn of one; requests by which a size is well known */
#define ADM_ADAPT_CALM       10
#define ADM_ADAPT_HEARD      5
#define ADM_ADAPT_WELL       20

/* that an upstream is another one: in deviations, and of log latency */
#define ADM_ADAPT_SURE       4.0
#define ADM_ADAPT_CHANGE     0.2

/* answers of the best size that are compared with those before, so many: what
   changes by a third is not seen in those of one turn */
#define ADM_ADAPT_LATER      100.0
#define ADM_ADAPT_BEFORE     400.0

/* what is then left of the weights */
#define ADM_ADAPT_KEPT       0.05

/* and if it is a later one, turns in which half as many are let in: they tell
   a slower upstream from one that has lost servers */
#define ADM_ADAPT_LOOKS      2

/* of a size, so many are inside though some are refused: then stretch by; not
   while far fewer are inside, or all who come at once at last are too many */
#define ADM_ADAPT_FEWEST     0.5
#define ADM_ADAPT_FEW        0.95
#define ADM_ADAPT_MANY       1.0
#define ADM_ADAPT_WIDER      1.03
#define ADM_ADAPT_NARROWER   0.9
#define ADM_ADAPT_WIDEST     2.0

/* those inside are those that a size has let in after so many ns, or as long
   as so many answers take */
#define ADM_ADAPT_SETTLED    700000000.0
#define ADM_ADAPT_ANSWERS    8.0

/* ns after which a size is learned of that is not the one that was let in */
#define ADM_ADAPT_STUCK      (2 * ADM_ADAPT_SECOND)

/* a limit is used up by so many of it, as those see who enter: one that is
   known, and another */
#define ADM_ADAPT_FULL       0.9
#define ADM_ADAPT_NEARLY     0.75

/* latencies above those known of the best size: no lack of people */
#define ADM_ADAPT_LATE       1.4

/* a crowd of a limit's size, to which latencies are ascribed */
#define ADM_ADAPT_BELOW      0.8
#define ADM_ADAPT_ABOVE      1.25

#define ADM_ADAPT_START      7           /* a size: a limit of 9 */

#define ADM_ADAPT_SECOND     UINT64_C(1000000000)

#define adm_min(a, b)        ((a) < (b) ? (a) : (b))
#define adm_max(a, b)        ((a) > (b) ? (a) : (b))


/* where the knee may be, by sizes */

typedef struct {
    uint64_t  lowest;          /* known: it stands for all below it, too */
    uint64_t  highest;         /* known: the next one stands for all above */
    uint64_t  best;
    uint64_t  from;            /* in question: from here ... */
    uint64_t  to;              /* ... to here */
} adm_adapt_knee_t;


/* the natural logarithm, of 1e-9 to 1e30; libm is not needed */

static double
adm_adapt_log(double x)
{
    int     e;
    double  t, u;

    x = adm_max(1e-9, adm_min(x, 1e30));

    for (e = 0; x >= 1.41421356; e++) {
        x /= 2;
    }

    for ( /* void */ ; x < 0.70710678; e--) {
        x *= 2;
    }

    t = (x - 1) / (x + 1);
    u = t * t;

    return 2 * t * (1 + u / 3 + u * u / 5 + u * u * u / 7) + 0.69314718 * e;
}


/* where sizes begin: 1 to 8, then 10, 12, 14, 16, 20, 24, 28, 32, 40, ... */

static double
adm_adapt_begin(uint64_t size)
{
    if (size < 7) {
        return (double) (size + 1);
    }

    size -= 7;

    return (double) ((8 + 2 * (size % ADM_ADAPT_OCTAVE))
                     << (size / ADM_ADAPT_OCTAVE));
}


/* what is let in of a size: the middle of it */

static double
adm_adapt_crowd(uint64_t size)
{
    if (size < 7) {
        return (double) (size + 1);
    }

    return (adm_adapt_begin(size) + adm_adapt_begin(size + 1)) / 2;
}


static uint64_t
adm_adapt_size(double crowd)
{
    uint64_t  size;

    /* a crowd of eight is one of eight, if it was not always complete */

    crowd *= 1.04;

    for (size = 0; size < ADM_ADAPT_SIZES - 1; size++) {
        if (crowd < adm_adapt_begin(size + 1)) {
            break;
        }
    }

    return size;
}


/* the next size that is between the bounds */

static uint64_t
adm_adapt_bounded(const adm_adapt_t *a, uint64_t size)
{
    size = adm_min(size, ADM_ADAPT_SIZES - 2);

    while (size > 0 && adm_adapt_begin(size) > (double) a->most) {
        size--;
    }

    while (adm_adapt_crowd(size) < (double) a->least) {
        size++;
    }

    return size;
}


static void
adm_adapt_set(adm_adapt_t *a)
{
    double  limit;

    limit = adm_adapt_crowd(a->tried) * a->stretch;
    limit = adm_max(limit, (double) a->least);
    limit = adm_min(limit, (double) a->most);

    a->limit = (uint64_t) (limit * ADM_ADAPT_UNIT);
}


static void
adm_adapt_try(adm_adapt_t *a, uint64_t size, uint64_t now)
{
    a->stayed *= adm_adapt_crowd(size) / adm_adapt_crowd(a->tried);

    if (size != a->tried) {
        a->tried = size;
        a->changed = now;
    }

    a->since = now;
    a->asked = 0;
    a->took = 0;
    a->expected = a->sizes[size].latency;
    a->trust = a->sizes[size].weight;

    adm_adapt_set(a);
}


void
adm_adapt_init(adm_adapt_t *a, uint64_t least, uint64_t most, uint64_t now)
{
    memset(a, 0, sizeof(adm_adapt_t));

    a->least = least;
    a->most = most;
    a->stretch = 1;
    a->watched = ADM_ADAPT_SIZES;
    a->variance = ADM_ADAPT_VARIANCE;
    a->stride = ADM_ADAPT_OCTAVE;
    a->best = adm_adapt_bounded(a, ADM_ADAPT_START);

    adm_adapt_try(a, a->best, now);
}


void
adm_adapt_bounds(adm_adapt_t *a, uint64_t least, uint64_t most)
{
    a->least = least;
    a->most = most;
    a->best = adm_adapt_bounded(a, a->best);
    a->stretch = 1;

    adm_adapt_try(a, adm_adapt_bounded(a, a->tried), a->since);
}


void
adm_adapt_adopt(adm_adapt_t *a, uint64_t limit, uint64_t now)
{
    uint64_t  size;

    limit = adm_max(limit, a->least * ADM_ADAPT_UNIT);
    limit = adm_min(limit, a->most * ADM_ADAPT_UNIT);

    size = adm_adapt_size((double) limit / ADM_ADAPT_UNIT);

    a->stretch = 1;

    if (size != a->tried) {
        adm_adapt_try(a, size, now);
    }

    a->limit = limit;
}


/* weighted squares of what a knee there leaves unexplained: log likelihood */

static double
adm_adapt_loss(const adm_adapt_t *a, const adm_adapt_knee_t *k, double knee)
{
    double                   sum, y, yy, x;
    uint64_t                 i;
    const adm_adapt_size_t  *s;

    sum = 0;
    y = 0;
    yy = 0;

    for (i = k->lowest; i <= k->highest; i++) {
        s = &a->sizes[i];

        if (s->weight < 1) {
            continue;
        }

        x = adm_adapt_log(s->latency)
            - ADM_ADAPT_SLOPE * adm_adapt_log(s->crowd);

        if (s->crowd > knee) {
            x -= ADM_ADAPT_STEEP * adm_adapt_log(s->crowd / knee);
        }

        sum += s->weight;
        y += s->weight * x;
        yy += s->weight * x * x;
    }

    return sum > 0 ? (yy - y * y / sum) / (2 * a->variance) : 0;
}


/* what is between "lowest" and "highest" is known, or nothing is */

static void
adm_adapt_known(const adm_adapt_t *a, adm_adapt_knee_t *k)
{
    k->lowest = 0;
    k->highest = ADM_ADAPT_SIZES - 2;

    while (k->lowest < a->tried && a->sizes[k->lowest].weight < 1) {
        k->lowest++;
    }

    while (k->highest > k->lowest && a->sizes[k->highest].weight < 1) {
        k->highest--;
    }
}


static void
adm_adapt_fit(const adm_adapt_t *a, adm_adapt_knee_t *k)
{
    double    loss[ADM_ADAPT_SIZES];
    uint64_t  i, other;

    adm_adapt_known(a, k);

    k->best = k->lowest;

    for (i = k->lowest; i <= k->highest + 1; i++) {
        other = (i > a->best) ? i - a->best : a->best - i;

        loss[i] = adm_adapt_loss(a, k, adm_adapt_begin(i))
                  + ADM_ADAPT_OTHER * (double) other
                  - ADM_ADAPT_LARGER * (double) i;

        if (loss[i] < loss[k->best]) {
            k->best = i;
        }
    }

    k->from = k->best;
    k->to = k->best;

    for (i = k->lowest; i <= k->highest + 1; i++) {
        if (loss[i] < loss[k->best] + ADM_ADAPT_DOUBT) {
            k->from = adm_min(k->from, i);
            k->to = i;
        }
    }
}


/* what to let in if the knee is at "size": where nothing is known, a stride
   further */

static uint64_t
adm_adapt_at(const adm_adapt_t *a, const adm_adapt_knee_t *k, uint64_t size,
    uint64_t stride)
{
    if (size > k->highest) {
        size = k->highest + stride;

    } else if (size == k->lowest) {
        size -= adm_min(adm_min(stride, ADM_ADAPT_DOWN), size);
    }

    return adm_adapt_bounded(a, size);
}


/*
 * Most turns are the best size's.  One in eight is for the largest in question
 * and another for one that is too large by all that is known, or an upstream
 * that was given more servers would never be found out: smaller crowds show no
 * sign of it.  The smallest in question has one in sixteen, where so many are
 * refused that nobody's fate hangs on it.
 */

static uint64_t
adm_adapt_by_turns(adm_adapt_t *a, const adm_adapt_knee_t *k,
    int crowded)
{
    uint64_t  larger;

    switch (a->turn++ % 16) {

    case 0:
    case 8:
        larger = adm_adapt_at(a, k, k->to, 1);
        return adm_max(a->best, larger);

    case 2:
        return crowded ? adm_adapt_at(a, k, k->from, 1) : a->best;

    case 4:
    case 12:
        larger = adm_max(k->to, a->best + 1);
        return adm_adapt_bounded(a, larger);

    default:
        return a->best;
    }
}


/* answers became late: it may be slower, or have fewer servers */

static uint64_t
adm_adapt_smaller(adm_adapt_t *a)
{
    a->doubt--;
    a->turn++;

    return adm_adapt_bounded(a, a->best
                                - adm_min(a->best, ADM_ADAPT_OCTAVE));
}


static void
adm_adapt_next(adm_adapt_t *a, int crowded, uint64_t now)
{
    uint64_t          size;
    adm_adapt_knee_t  k;

    if (!a->compared) {
        a->compared = 1;

        size = crowded
               ? a->tried - adm_min(a->tried, ADM_ADAPT_DOWN)
               : a->tried + ADM_ADAPT_UP;
        adm_adapt_try(a, adm_adapt_bounded(a, size), now);

        return;
    }

    adm_adapt_fit(a, &k);

    a->best = adm_adapt_at(a, &k, k.best, a->stride);
    size = a->best;

    if ((k.best > k.highest || k.best == k.lowest) && size != a->tried) {
        a->stride = adm_min(a->stride * 2, ADM_ADAPT_OCTAVE);

    } else {
        a->stride = 1;

        if (a->best < ADM_ADAPT_SMALL) {
            a->best = adm_adapt_bounded(a, a->best + 1);
        }

        size = (a->doubt && crowded) ? adm_adapt_smaller(a)
                                     : adm_adapt_by_turns(a, &k, crowded);
    }

    adm_adapt_try(a, size, now);
}


/* three sizes less, if they may be: else the turn goes on */

static void
adm_adapt_fewer(adm_adapt_t *a, uint64_t now)
{
    uint64_t  size;

    size = adm_adapt_bounded(a, a->tried - adm_min(a->tried, 3));

    if (a->tried > 2 && size < a->tried) {
        adm_adapt_try(a, size, now);
    }
}


static double
adm_adapt_turn(const adm_adapt_t *a)
{
    double  crowd;

    crowd = adm_adapt_crowd(a->tried);

    /* nobody else is inside whom a larger step has not told apart */

    if (a->stride == ADM_ADAPT_OCTAVE) {
        return ADM_ADAPT_FIRST + crowd / 4;
    }

    return crowd + adm_min(crowd + 6, ADM_ADAPT_TURN);
}


static void
adm_adapt_scale(adm_adapt_t *a, double latency, double weight)
{
    uint64_t  i;

    for (i = 0; i < ADM_ADAPT_SIZES; i++) {
        a->sizes[i].latency *= latency;
        a->sizes[i].weight *= weight;
    }
}


/* as far as this size was not as known, the others are not, either */

static void
adm_adapt_learn(adm_adapt_t *a, double answers, double crowd, double latency,
    double seconds)
{
    double             by, w;
    adm_adapt_size_t  *s;

    s = &a->sizes[adm_adapt_size(crowd)];
    w = adm_min(answers, ADM_ADAPT_WINDOW);
    by = 1;

    if (s->weight >= 1) {
        by = adm_max(0.25, adm_min(latency / s->latency, 4));
        by = 1 + (by - 1) * w / (w + ADM_ADAPT_COMMON);
    }

    adm_adapt_scale(a, by, 1 - adm_min(w / ADM_ADAPT_MEMORY,
                                       seconds / ADM_ADAPT_SECONDS));

    s->latency += (latency - s->latency) * w / (w + s->weight);
    s->crowd += (crowd - s->crowd) * w / (w + s->weight);
    s->weight = adm_min(s->weight + w, ADM_ADAPT_WEIGHT);
}


/* how far a latency that was known from so many requests is off of late, in
   deviations of one, squared */

static double
adm_adapt_far(double was, double requests, double is, double answers)
{
    double  off;

    if (requests < 1 || answers < 1) {
        return 0;
    }

    off = adm_adapt_log(is / was);

    return off * off * answers * requests / (answers + requests);
}


/* whether that is another upstream's */

static int
adm_adapt_sure(const adm_adapt_t *a, double was, double is, double far)
{
    double  off;

    off = adm_adapt_log(is / was);

    return off * off >= ADM_ADAPT_CHANGE * ADM_ADAPT_CHANGE
           && far >= ADM_ADAPT_SURE * ADM_ADAPT_SURE * a->variance;
}


/*
 * What turns are off tells how much latencies vary, as long as no other
 * upstream is noticed: where some answers take many times as long as others,
 * and that is not known, one would be in every turn.
 */

static void
adm_adapt_vary(adm_adapt_t *a)
{
    double  far;

    if (a->trust < 1 || a->asked < 1) {
        return;
    }

    far = adm_adapt_far(a->expected, a->trust, a->took / a->asked, a->asked);

    a->variance += (far - a->variance) / ADM_ADAPT_VARIED;
    a->variance = adm_max(a->variance, ADM_ADAPT_VARIANCE);
    a->variance = adm_min(a->variance, ADM_ADAPT_VARIES);
}


/* it is another upstream: what took so long takes so long now */

static void
adm_adapt_anew(adm_adapt_t *a, uint64_t size, double was, double is)
{
    const adm_adapt_size_t  *s;

    /* a part of that has been learned already */

    s = &a->sizes[size];
    adm_adapt_scale(a, is / (s->weight >= 1 ? s->latency : was),
                    ADM_ADAPT_KEPT);

    a->trust = 0;
    a->watched = ADM_ADAPT_SIZES;
    a->doubt = (is > was) ? ADM_ADAPT_LOOKS : 0;
}


/* whether it is not any more what it was when this turn began */

static void
adm_adapt_notice(adm_adapt_t *a)
{
    double  latency, far;

    latency = a->took / adm_max(a->asked, 1);
    far = adm_adapt_far(a->expected, a->trust, latency, a->asked);

    if (far > 0 && adm_adapt_sure(a, a->expected, latency, far)) {
        adm_adapt_anew(a, a->tried, a->expected, latency);
    }
}


static void
adm_adapt_watch_from(adm_adapt_t *a, double usual, double sure)
{
    a->watched = a->best;
    a->usual = usual;
    a->sure = sure;
    a->later = 0;
    a->lasted = 0;
}


/* nor what it was many turns ago: "latency" is the ns of all answers */

static void
adm_adapt_watch(adm_adapt_t *a, double answers, double crowd, double latency)
{
    double                   far, all;
    const adm_adapt_size_t  *best;

    best = &a->sizes[a->best];

    if (best->weight < 1) {
        a->watched = ADM_ADAPT_SIZES;
        return;
    }

    if (adm_adapt_size(crowd) != a->best) {
        return;
    }

    if (a->watched != a->best) {
        adm_adapt_watch_from(a, best->latency, best->weight);
        return;
    }

    a->later += answers;
    a->lasted += latency;

    if (a->later < 1) {
        return;
    }

    latency = a->lasted / a->later;
    far = adm_adapt_far(a->usual, a->sure, latency, a->later);

    if (far > 0 && adm_adapt_sure(a, a->usual, latency, far)) {
        adm_adapt_anew(a, a->best, a->usual, latency);

    } else if (a->later >= ADM_ADAPT_LATER) {
        all = a->sure + a->later;
        adm_adapt_watch_from(a, (a->usual * a->sure + a->lasted) / all,
                             adm_min(all, ADM_ADAPT_BEFORE));
    }
}


/*
 * Some are refused, and yet few are inside: people come by chance, or to
 * another node than the one that has places.  So the limit is stretched until
 * those inside are as many as the size says.  Not so if answers are late, or
 * if those who entered have met a full house: then they are few only because
 * fewer leave; nor if far fewer are inside, since then they come unevenly in
 * time, and will be far too many when all come at once.
 */

static int
adm_adapt_settled(const adm_adapt_t *a, uint64_t now)
{
    double  answers;

    answers = ADM_ADAPT_ANSWERS * a->stayed / adm_max(a->left, 1)
              * (double) ADM_ADAPT_SECOND;

    return (double) (now - a->changed) >= adm_min(answers, ADM_ADAPT_SETTLED);
}


static void
adm_adapt_fill(adm_adapt_t *a, const adm_adapt_window_t *window, double crowd,
    uint64_t now)
{
    int                      late;
    double                   size, inside, full;
    const adm_adapt_size_t  *best;

    best = &a->sizes[a->best];
    size = adm_adapt_crowd(a->tried);
    inside = a->stayed / a->seconds / size;
    full = ADM_ADAPT_NEARLY;
    late = 0;

    if (a->compared && best->weight >= 1) {
        full = ADM_ADAPT_FULL;
        late = a->waited * (double) ADM_ADAPT_SECOND
               > ADM_ADAPT_LATE * best->latency * a->left;
    }

    full *= (double) a->limit / ADM_ADAPT_UNIT;

    if (inside > ADM_ADAPT_MANY || late || crowd > ADM_ADAPT_ABOVE * size) {
        a->stretch = adm_max(a->stretch * ADM_ADAPT_NARROWER, 1);

    } else if (window->refused && adm_adapt_settled(a, now)
               && inside > ADM_ADAPT_FEWEST && inside < ADM_ADAPT_FEW
               && crowd < full && a->left > 5 && !a->ill)
    {
        a->stretch = adm_min(a->stretch * ADM_ADAPT_WIDER, ADM_ADAPT_WIDEST);
    }

    adm_adapt_set(a);
}


/* many are refused: what a turn leaves empty, others will take */

static int
adm_adapt_crowded(const adm_adapt_window_t *window)
{
    return window->refused * 2 >= window->answered;
}


/* nothing is learned of a limit from people who did not use it up */

static int
adm_adapt_used(const adm_adapt_t *a, const adm_adapt_window_t *window,
    double crowd)
{
    double  size, inside;

    size = (a->stretch > 1) ? adm_adapt_crowd(a->tried)
                            : (double) (a->limit / ADM_ADAPT_UNIT);
    inside = a->stayed / a->seconds;

    if (crowd < ADM_ADAPT_BELOW * size || crowd > ADM_ADAPT_ABOVE * size) {
        return 0;
    }

    return adm_adapt_crowded(window)
           || inside >= ADM_ADAPT_FULL * size;
}


/* more are inside than were let in, and stay so: on several nodes, where
   places change hands sooner than answers come */

static int
adm_adapt_stuck(const adm_adapt_t *a, const adm_adapt_window_t *window,
    double crowd, uint64_t now)
{
    return adm_adapt_crowded(window)
           && crowd > ADM_ADAPT_ABOVE * adm_adapt_crowd(a->tried)
           && now - a->since >= ADM_ADAPT_STUCK;
}


/*
 * Few are inside and nobody is refused: latency depends on how many one met,
 * so that something is learned of small crowds, but not at the very first,
 * when those who have left already are the quick ones.  Where a size is well
 * known that is far below the limit's nothing has to be compared first.
 */

static int
adm_adapt_calm(adm_adapt_t *a, const adm_adapt_window_t *window, double crowd)
{
    uint64_t  size;

    if (window->refused || a->ill
        || crowd > ADM_ADAPT_BELOW * (double) a->limit / ADM_ADAPT_UNIT)
    {
        return 0;
    }

    if (a->calm++ < ADM_ADAPT_CALM || a->left < ADM_ADAPT_HEARD) {
        return 0;
    }

    size = adm_adapt_size(crowd);

    if (size + 2 <= a->tried && a->sizes[size].weight > ADM_ADAPT_WELL) {
        a->compared = 1;
    }

    return 1;
}


/* of the last second, about */

static void
adm_adapt_count(adm_adapt_t *a, const adm_adapt_window_t *window,
    double seconds)
{
    a->seconds += seconds - a->seconds * seconds;
    a->left += (double) (window->answered + window->dropped)
               - a->left * seconds;
    a->dropped += (double) window->dropped - a->dropped * seconds;
    a->waited += (double) window->latency / (double) ADM_ADAPT_SECOND
                 - a->waited * seconds;
    a->stayed += (double) window->stayed / (double) ADM_ADAPT_SECOND
                 - a->stayed * seconds;
}


/*
 * An upstream that drops most of what it gets is spared, by a size a second:
 * down to half of the best size, and further if it takes long to fail, as when
 * clients give up before they are answered.  When it is well again, those who
 * entered before tell nothing of it.
 */

static void
adm_adapt_spare(adm_adapt_t *a, uint64_t now)
{
    int  slow;

    if (a->dropped * 2 > a->left) {
        a->ill = 1;

        slow = a->waited * (double) ADM_ADAPT_SECOND
               > ADM_ADAPT_LATE * a->sizes[a->best].latency * a->left;

        if (now - a->since >= ADM_ADAPT_SECOND && a->tried > 0
            && (slow || a->tried + ADM_ADAPT_OCTAVE > a->best))
        {
            adm_adapt_try(a, adm_adapt_bounded(a, a->tried - 1), now);
        }

    } else if (a->ill) {
        a->ill = 0;
        a->epoch++;
    }
}


/* of the size that is tried: "latency" is the ns of all "answers" */

static void
adm_adapt_take(adm_adapt_t *a, const adm_adapt_window_t *window,
    double answers, double crowd, double latency, uint64_t now)
{
    a->asked += answers;
    a->took += latency;

    adm_adapt_notice(a);
    adm_adapt_watch(a, answers, crowd, latency);

    if (!a->ill && a->asked >= adm_adapt_turn(a)) {
        adm_adapt_vary(a);
        adm_adapt_next(a, adm_adapt_crowded(window), now);
    }
}


void
adm_adapt_step(adm_adapt_t *a, const adm_adapt_window_t *window, uint64_t now)
{
    double  left, fresh, answers, crowd, latency, seconds;

    left = (double) (window->answered + window->dropped);
    fresh = left - (double) window->stale;
    seconds = (double) window->elapsed / (double) ADM_ADAPT_SECOND;
    seconds = adm_max(0.001, adm_min(seconds, 1));

    adm_adapt_count(a, window, seconds);
    adm_adapt_spare(a, now);

    /* the first size is so much too large that answers take seconds */

    if (!a->compared && window->refused
        && a->waited >= a->left
        && now - a->since > 2 * ADM_ADAPT_SECOND)
    {
        adm_adapt_fewer(a, now);
    }

    if (fresh < 1 || window->answered == 0) {
        return;
    }

    answers = (double) window->answered * fresh / left;
    crowd = (double) window->crowd / fresh;

    adm_adapt_fill(a, window, crowd, now);

    latency = adm_max((double) window->latency, answers);

    if (crowd < 1) {
        return;
    }

    if (!adm_adapt_used(a, window, crowd)) {

        if (adm_adapt_calm(a, window, crowd)) {
            adm_adapt_learn(a, answers, crowd, latency / answers, seconds);
        }

        if (!adm_adapt_stuck(a, window, crowd, now)) {
            return;
        }

        /* it is not this size that is learned of */

        a->trust = 0;
    }

    adm_adapt_learn(a, answers, crowd, latency / answers, seconds);
    adm_adapt_take(a, window, answers, crowd, latency, now);
}
