
/*
 * A team of nodes: what each of them has of the limit.
 */


#include "adm_team.h"
#include "adm_portion.h"


/* what a node is taken to need at least, of the mean */

#define ADM_TEAM_LEAST     16


/* "now" is of the store's clock */

static uint64_t
adm_team_portion(const adm_team_t *t, uint64_t limit, uint64_t now)
{
    static const uint32_t  alike[ADM_TEAM_NODES];

    if (t->nplanned == 0) {
        return adm_portion(limit, alike, t->nnodes, t->self, now);
    }

    return adm_portion(limit, t->needs, t->nplanned, t->place, now);
}


/*
 * So many are not used that nobody needs to be refused for the sake of the
 * others: this node's part of them, whatever its portion is; and where few
 * are used at all, a few, since those who come to a node do so by chance.  If
 * all are flooded at once they have so many too much, until they notice.
 */

static uint64_t
adm_team_spare(const adm_team_t *t, uint64_t limit, uint64_t few, uint64_t now)
{
    uint64_t  part;

    if (!adm_team_together(t, now) || t->inside >= limit) {
        return 0;
    }

    part = (limit - t->inside) / t->nnodes / 1000;

    if (t->inside * 2 > limit) {
        return t->refused ? 0 : part;
    }

    if (t->refused && few < 2) {
        return 0;
    }

    return (part > few) ? part : few;
}


/* without a plan all are alike; a node that is not in it has one place */

uint64_t
adm_team_places(const adm_team_t *t, uint64_t limit, uint64_t rest,
    uint64_t few, uint64_t now)
{
    uint64_t  places, before, spare;

    if ((t->nplanned > 0) ? t->place == t->nplanned : t->self == t->nnodes) {
        return 1;
    }

    places = adm_team_portion(t, limit, now + t->ahead);
    before = adm_team_portion(t, limit, now + t->ahead - rest);
    places = (places < before) ? places : before;
    spare = adm_team_spare(t, limit, few, now);

    return (places < spare) ? spare : places;
}


uint64_t
adm_team_ratio(const adm_team_t *t)
{
    uint64_t  sum, least, need;
    uint32_t  i;

    if (t->place == t->nplanned) {
        return UINT64_C(1000) * (t->nnodes ? t->nnodes : 1);
    }

    sum = 0;

    for (i = 0; i < t->nplanned; i++) {
        sum += t->needs[i];
    }

    least = sum / (ADM_TEAM_LEAST * t->nplanned) + 1;
    need = (t->needs[t->place] < least) ? least : t->needs[t->place];

    return (sum > need) ? sum * 1000 / need : 1000;
}
