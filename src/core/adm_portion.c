
/*
 * Portions of a limit: see the header.
 */


#include "adm_portion.h"


#define ADM_PORTION_UNIT   UINT64_C(65536)     /* of a place */

/* a request a second: who needs as much has all of the least portion */
#define ADM_PORTION_BUSY   1000

/* the part of it that is there for a node without any */
#define ADM_PORTION_IDLE   8

/* of all needs: times the largest limit they are less than 2^64 */
#define ADM_PORTION_EXACT  UINT64_C(0x3fffffff)


/*
 * What each of the nodes has at least: a place, or where these are few, half
 * of its part; less if it needs little.
 */

static uint64_t
adm_portion_least(uint64_t places, uint64_t n, uint32_t need)
{
    uint64_t  least, idle;

    least = places * ADM_PORTION_UNIT / (2 * n);

    if (least > ADM_PORTION_UNIT) {
        least = ADM_PORTION_UNIT;
    }

    if (need >= ADM_PORTION_BUSY) {
        return least;
    }

    idle = least / ADM_PORTION_IDLE;

    return idle + (least - idle) * need / ADM_PORTION_BUSY;
}


/* how far the row has moved, of a place */

static uint64_t
adm_portion_moved(uint64_t places, uint64_t n, uint64_t now)
{
    uint64_t  round;

    round = ADM_PORTION_ROUND;

    while (places < n && round < ADM_PORTION_LONGEST) {
        places *= 2;
        round *= 2;
    }

    return now % round * ADM_PORTION_UNIT / round;
}


/* the portions of the nodes before this one, together */

static uint64_t
adm_portion_before(uint64_t places, const uint32_t *needs, unsigned n,
    unsigned node)
{
    unsigned  i;
    uint64_t  least, all, rest, needed, sum;

    least = 0;
    all = 0;
    needed = 0;
    sum = 0;

    for (i = 0; i < n; i++) {

        if (i == node) {
            least = all;
            needed = sum;
        }

        all += adm_portion_least(places, n, needs[i]);
        sum += needs[i];
    }

    if (node == n) {
        return places * ADM_PORTION_UNIT;
    }

    /* what is left goes by needs; alike where nobody has any */

    rest = places * ADM_PORTION_UNIT - all;

    if (sum == 0) {
        return least + rest * node / n;
    }

    while (sum > ADM_PORTION_EXACT) {
        sum /= 2;
        needed /= 2;
    }

    return least + rest * needed / sum;
}


uint64_t
adm_portion(uint64_t limit, const uint32_t *needs, unsigned n, unsigned mine,
    uint64_t now)
{
    uint64_t  places, moved, begin, end;

    places = (limit + 500) / 1000;
    places += (places == 0);

    moved = adm_portion_moved(places, n, now);
    begin = adm_portion_before(places, needs, n, mine) + moved;
    end = adm_portion_before(places, needs, n, mine + 1) + moved;

    return end / ADM_PORTION_UNIT - begin / ADM_PORTION_UNIT;
}
