
/*
 * Spreading who comes back: see the header.
 */


#include "adm_spread.h"


static uint64_t
adm_spread_next(adm_spread_key_t *k, uint64_t client, uint64_t now,
    uint64_t pace)
{
    if (k->booked < now) {
        k->booked = now;
    }

    k->booked += pace;

    if (k->booked - now <= ADM_SPREAD_MAX) {
        return k->booked - now;
    }

    k->booked = now + ADM_SPREAD_MAX;

    return ADM_SPREAD_MAX / 2 + client % (ADM_SPREAD_MAX / 2);
}


uint64_t
adm_spread_book(adm_spread_t *s, uint64_t key, uint64_t client, uint64_t now,
    uint64_t pace)
{
    adm_spread_key_t  *k;

    k = &s->keys[key % ADM_SPREAD_KEYS];

    if (k->key == key) {
        k->shared |= (k->client != client);

        return k->shared ? adm_spread_next(k, client, now, pace) : 0;
    }

    if (!k->shared || k->booked <= now) {
        k->key = key;
        k->client = client;
        k->booked = now;
        k->shared = 0;
    }

    return 0;
}


int
adm_spread_busy(const adm_spread_t *s, uint64_t key, uint64_t now)
{
    const adm_spread_key_t  *k;

    k = &s->keys[key % ADM_SPREAD_KEYS];

    return k->key == key && k->shared && k->booked > now;
}
