
/*
 * Heavy keys: see the header.
 *
 * The counts of a window sum up to its events, so the least of them is at most
 * their mean: no counter begins above ADM_HEAVY_WINDOW / ADM_HEAVY_KEYS.  A
 * key that was pushed out had at most the count of its counter, and so what
 * its next one begins at: no more of its events is lost than that.
 */


#include "adm_heavy.h"


/* the key's own counter, or the least, which is 0 while there is a free one */

static unsigned
adm_heavy_place(const adm_heavy_t *h, uint64_t key)
{
    unsigned  i, least;

    for (i = 0; i < ADM_HEAVY_KEYS; i++) {

        if (h->key[i] == key) {
            return i;
        }
    }

    least = 0;

    for (i = 1; i < ADM_HEAVY_KEYS; i++) {

        if (h->count[i] < h->count[least]) {
            least = i;
        }
    }

    return least;
}


static unsigned
adm_heavy_end(adm_heavy_t *h, uint64_t *heaviest)
{
    unsigned  i, most, sure;

    most = 0;

    for (i = 0; i < ADM_HEAVY_KEYS; i++) {
        sure = h->count[i] - h->began[i];

        if (sure > most) {
            most = sure;
            *heaviest = h->key[i];
        }
    }

    memset(h, 0, sizeof(adm_heavy_t));

    return (most > ADM_HEAVY_SHARE) ? most * 1000 / ADM_HEAVY_WINDOW : 0;
}


unsigned
adm_heavy_add(adm_heavy_t *h, uint64_t key, uint64_t *heaviest)
{
    unsigned  i;

    i = adm_heavy_place(h, key);

    if (h->key[i] != key) {
        h->key[i] = key;
        h->began[i] = h->count[i];
    }

    h->count[i]++;
    h->events++;

    return (h->events == ADM_HEAVY_WINDOW) ? adm_heavy_end(h, heaviest) : 0;
}
