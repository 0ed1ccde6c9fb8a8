
/*
 * What a buyer has had of a SKU: see adm_ledger_room.h.
 *
 * A time begins with a buyer's first unit, and is not moved by later ones.
 */


#include "adm_ledger_room.h"
#include "adm_siphash.h"


static uint64_t *adm_ledger_stake_link(const adm_ledger_room_t *room,
    const uint64_t buyer[2], uint64_t sku);
static adm_ledger_stake_t *adm_ledger_stake_find(
    const adm_ledger_room_t *room, const uint64_t buyer[2], uint64_t sku);
static void adm_ledger_stake_free(adm_ledger_t *l, adm_ledger_stake_t *stake);
static uint64_t adm_ledger_stake_place(adm_ledger_t *l);


static uint64_t *
adm_ledger_stake_link(const adm_ledger_room_t *room, const uint64_t buyer[2],
    uint64_t sku)
{
    uint64_t            *link, key[3];
    adm_ledger_stake_t  *stake;

    key[0] = buyer[0];
    key[1] = buyer[1];
    key[2] = sku;

    link = adm_ledger_at(room, room->stakes.heads);
    link += adm_siphash(room->secret, (unsigned char *) key, sizeof(key))
            % room->stakes.places;

    while (*link) {
        stake = &adm_ledger_stakes(room)[*link - 1];

        if (stake->buyer[0] == buyer[0] && stake->buyer[1] == buyer[1]
            && adm_item_sku(stake->item) == sku)
        {
            break;
        }

        link = &stake->chain;
    }

    return link;
}


static adm_ledger_stake_t *
adm_ledger_stake_find(const adm_ledger_room_t *room, const uint64_t buyer[2],
    uint64_t sku)
{
    uint64_t  *link;

    link = adm_ledger_stake_link(room, buyer, sku);

    return *link ? &adm_ledger_stakes(room)[*link - 1] : NULL;
}


uint64_t
adm_ledger_staked(const adm_ledger_room_t *room, const uint64_t buyer[2],
    uint64_t sku, uint64_t now, uint64_t *left)
{
    adm_ledger_stake_t  *stake;

    stake = adm_ledger_stake_find(room, buyer, sku);

    if (stake == NULL || stake->until <= now) {
        *left = 0;
        return 0;
    }

    *left = stake->until - now;

    return adm_item_quantity(stake->item);
}


int
adm_ledger_stake(adm_ledger_t *l, const uint64_t buyer[2], uint64_t sku,
    uint64_t units, uint64_t now, uint64_t time)
{
    adm_ledger_stake_t  *stake, made;

    stake = adm_ledger_stake_find(l->room, buyer, sku);

    if (stake && stake->until > now) {
        adm_ledger_add(l, &stake->item, units);
        return ADM_OK;
    }

    if (stake) {
        adm_ledger_set(l, &stake->item, adm_item_word(sku, units));
        adm_ledger_set(l, &stake->born, now);
        adm_ledger_set(l, &stake->until, now + time);
        return ADM_OK;
    }

    made.buyer[0] = buyer[0];
    made.buyer[1] = buyer[1];
    made.item = adm_item_word(sku, units);
    made.born = now;
    made.until = now + time;

    return adm_ledger_stake_put(l, &made);
}


/* what nothing refers to yet needs no note, but for the word of its chain */

int
adm_ledger_stake_put(adm_ledger_t *l, const adm_ledger_stake_t *made)
{
    uint64_t             n, *link;
    adm_ledger_stake_t  *stake;

    n = adm_ledger_stake_place(l);

    if (n == 0) {
        return ADM_ERROR;
    }

    stake = &adm_ledger_stakes(l->room)[n - 1];

    adm_ledger_touch(l, stake, sizeof(adm_ledger_stake_t));

    stake->buyer[0] = made->buyer[0];
    stake->buyer[1] = made->buyer[1];
    stake->item = made->item;
    stake->born = made->born;

    link = adm_ledger_stake_link(l->room, made->buyer,
                                 adm_item_sku(made->item));

    adm_ledger_set(l, &stake->until, made->until);
    adm_ledger_set(l, &stake->chain, 0);
    adm_ledger_set(l, link, n);

    return ADM_OK;
}


/* one that is free, out of its chain: 0 if there is none */

static uint64_t
adm_ledger_stake_place(adm_ledger_t *l)
{
    uint64_t            n;
    adm_ledger_room_t  *room;

    room = l->room;
    n = room->idle;

    if (n) {
        adm_ledger_set(l, &room->idle, adm_ledger_stakes(room)[n - 1].chain);
        return n;
    }

    if (room->stakes.used == room->stakes.places) {
        return 0;
    }

    adm_ledger_add(l, &room->stakes.used, 1);

    return room->stakes.used;
}


void
adm_ledger_unstake(adm_ledger_t *l, const uint64_t buyer[2], uint64_t sku,
    uint64_t units, uint64_t taken)
{
    adm_ledger_stake_t  *stake;

    stake = adm_ledger_stake_find(l->room, buyer, sku);

    if (stake == NULL || taken < stake->born
        || adm_item_quantity(stake->item) < units)
    {
        return;
    }

    if (adm_item_quantity(stake->item) == units) {
        adm_ledger_stake_free(l, stake);
        return;
    }

    adm_ledger_set(l, &stake->item, stake->item - units);
}


static void
adm_ledger_stake_free(adm_ledger_t *l, adm_ledger_stake_t *stake)
{
    uint64_t            n, *link;
    adm_ledger_room_t  *room;

    room = l->room;
    link = adm_ledger_stake_link(room, stake->buyer,
                                 adm_item_sku(stake->item));
    n = *link;

    adm_ledger_set(l, link, stake->chain);
    adm_ledger_set(l, &stake->until, 0);
    adm_ledger_set(l, &stake->chain, room->idle);
    adm_ledger_set(l, &room->idle, n);
}


void
adm_ledger_sweep(adm_ledger_t *l, uint64_t now, unsigned max)
{
    uint64_t             hand;
    adm_ledger_room_t   *room;
    adm_ledger_stake_t  *stake;

    room = l->room;
    hand = room->hand;

    while (max-- && room->stakes.used) {
        hand = (hand + 1 < room->stakes.used) ? hand + 1 : 0;
        stake = &adm_ledger_stakes(room)[hand];

        if (stake->until && stake->until <= now) {
            adm_ledger_stake_free(l, stake);
            adm_ledger_done(l);
        }
    }

    adm_ledger_set(l, &room->hand, hand);
    (void) adm_undo_done(&l->undo);
}
