
/*
 * The memory of a ledger, for the files that make it up; callers see
 * adm_ledger.h.
 *
 * Behind the head lie the tables: SKUs, buyers, holds, and for each their
 * chains, the words that places of a hash begin with; the heap of holds by
 * their time; and a word for each page of all this.  In all words that refer
 * to a place 0 is none, and n + 1 the place n.
 */


#ifndef _ADM_LEDGER_ROOM_H_INCLUDED_
#define _ADM_LEDGER_ROOM_H_INCLUDED_


#include "adm_ledger.h"


/* changes with the layout, and with what a copy is */

#define ADM_LEDGER_MAGIC     UINT64_C(0x61646d6c65646731)
#define ADM_LEDGER_COPY      UINT64_C(0x61646d6c63707931)


/* bytes of a page, which is copied at once; and how many with one lock */

#define ADM_LEDGER_PAGE      4096
#define ADM_LEDGER_PAGES     16


/* units that may be handed out between two copies, at least; and how much of
   what went between the last two */

#define ADM_LEDGER_LEND      64
#define ADM_LEDGER_AGAIN     2


/* items in the place of a hold; all others fit into a second one */

#define ADM_HOLD_ITEMS       3


/* of the word "what" of a hold: a state, numbers, and what is so of it */

#define adm_hold_state(h)    ((adm_hold_e) ((h)->what & 0xff))
#define adm_hold_nitems(h)   ((unsigned) ((h)->what >> 8) & 0xff)
#define adm_hold_note(h)     ((unsigned) ((h)->what >> 16) & 0xff)

#define ADM_HOLD_STATE       UINT64_C(0xff)
#define ADM_HOLD_ADMITTED    (UINT64_C(1) << 24)
#define ADM_HOLD_RETURNS     (UINT64_C(1) << 25)
#define ADM_HOLD_COUNTED     (UINT64_C(1) << 26)  /* of its buyer */
#define ADM_HOLD_EXPIRED     (UINT64_C(1) << 27)  /* RELEASED: by time */
#define ADM_HOLD_DOUBTFUL    (UINT64_C(1) << 28)  /* it may be settled, and
                                                     nobody knows */

/* an item is one word: the SKU's place, and the quantity */

#define adm_item_word(sku, q)    ((uint64_t) (sku) << 32 | (q))
#define adm_item_sku(word)       ((word) >> 32)
#define adm_item_quantity(word)  ((word) & 0xffffffff)


typedef struct {
    uint64_t          len;           /* never changed, with the text */
    uint64_t          chain;
    uint64_t          text[ADM_SKU_MAX / 8];

    uint64_t          available;
    uint64_t          held;
    uint64_t          holds;
    uint64_t          unresolved;
    uint64_t          committed;
    uint64_t          expired;

    uint64_t          taken;         /* units ever handed out */
    uint64_t          bound;         /* no more than that, by the copies that
                                        may be on disk */
    uint64_t          before;        /* taken, as of the last copy */
    uint64_t          wanted;        /* since then, beyond the bound */
    uint64_t          lent;          /* beyond the last copy */
    uint64_t          rest[3];
} adm_ledger_sku_t;


typedef struct {
    uint64_t          id[2];
    uint64_t          chain;
    uint64_t          next;          /* in a list */
    uint64_t          prev;          /* HELD: in the heap */
    uint64_t          what;
    uint64_t          owner;         /* RUNNING: from 0 */
    uint64_t          until;         /* HELD; UNRESOLVED: since when */
    uint64_t          taken;         /* ms since the epoch */
    uint64_t          hold;          /* ms */
    uint64_t          more;          /* the place of further items */
    uint64_t          buyer[2];
    uint64_t          note[ADM_LEDGER_NOTE / 8];
    uint64_t          items[ADM_HOLD_ITEMS];
} adm_ledger_hold_t;

/* what a buyer has had of a SKU; free ones are a chain, too */

typedef struct {
    uint64_t          buyer[2];
    uint64_t          item;          /* SKU and units */
    uint64_t          born;          /* ms since the epoch */
    uint64_t          until;         /* 0: free */
    uint64_t          chain;
} adm_ledger_stake_t;


typedef struct {
    uint64_t          first;
    uint64_t          last;
} adm_ledger_list_t;


typedef struct {
    uint64_t          pid;           /* 0: nobody; UINT64_MAX: gone */
    adm_ledger_list_t running;
} adm_ledger_owner_t;


/* a table: places, and the words that chains begin with, as many */

typedef struct {
    uint64_t          at;            /* bytes from the beginning */
    uint64_t          heads;
    uint64_t          places;
    uint64_t          used;          /* the places behind were never used */
} adm_ledger_table_t;


struct adm_ledger_room_s {
    uint64_t            magic;
    uint64_t            size;        /* bytes of all */
    unsigned char       secret[16];

    adm_ledger_table_t  skus;
    adm_ledger_table_t  holds;
    adm_ledger_table_t  stakes;

    uint64_t            heap;        /* bytes from the beginning */
    uint64_t            held;        /* holds in it */
    uint64_t            touched;     /* bytes from the beginning: for each
                                        page the change behind which it is
                                        as it is */

    adm_ledger_list_t   unresolved;  /* the oldest first */
    adm_ledger_list_t   settled;
    adm_ledger_list_t   free;
    uint64_t            idle;        /* stakes that are free */
    uint64_t            hand;        /* the next stake to be looked at */

    uint64_t            live;        /* places of holds that are not settled */
    uint64_t            full;        /* refusals for want of a place */
    uint64_t            late;        /* commits of what had expired: new units
                                        were taken, ... */
    uint64_t            missed;      /* ... or none were left */
    uint64_t            changes;

    adm_ledger_owner_t  owner[ADM_LEDGER_OWNERS];
    adm_undo_room_t     undo;
};


#define adm_ledger_at(room, bytes)                                            \
    ((void *) ((unsigned char *) (room) + (bytes)))

/* words of items in a place that has nothing else: from the buyer on */

#define adm_hold_more(h)                                                      \
    ((uint64_t *) adm_ledger_at(h, offsetof(adm_ledger_hold_t, buyer)))

#define adm_ledger_skus(room)                                                 \
    ((adm_ledger_sku_t *) adm_ledger_at(room, (room)->skus.at))
#define adm_ledger_holds(room)                                                \
    ((adm_ledger_hold_t *) adm_ledger_at(room, (room)->holds.at))
#define adm_ledger_stakes(room)                                               \
    ((adm_ledger_stake_t *) adm_ledger_at(room, (room)->stakes.at))
#define adm_ledger_heap(room)                                                 \
    ((uint64_t *) adm_ledger_at(room, (room)->heap))


#define adm_ledger_sku_of(room, item)                                         \
    (&adm_ledger_skus(room)[adm_item_sku(item)])


/* no stake is free: those that are over have to be looked for */

#define adm_ledger_crowded(room)                                              \
    ((room)->idle == 0 && (room)->stakes.used == (room)->stakes.places)


/* Something at "p" is about to change: copies that are under way see it. */

void adm_ledger_touch(adm_ledger_t *l, const void *p, size_t size);

/* Changes a word of the operation. */

void adm_ledger_set(adm_ledger_t *l, uint64_t *word, uint64_t to);

#define adm_ledger_add(l, word, n)   adm_ledger_set(l, word, *(word) + (n))


/* The operation is done, and worth keeping. */

void adm_ledger_done(adm_ledger_t *l);

/* The operation is not done: there was no place. */

adm_ledger_rc_e adm_ledger_none(adm_ledger_t *l);


/*
 * The word that refers to what is sought, or 0 in the word that would: the
 * end of its chain.
 */

uint64_t *adm_ledger_sku_link(const adm_ledger_room_t *room, adm_str_t sku);
uint64_t *adm_ledger_hold_link(const adm_ledger_room_t *room,
    const unsigned char *id);

/* The SKU, made if it is not there; NULL: there is no place. */

adm_ledger_sku_t *adm_ledger_sku_make(adm_ledger_t *l, adm_str_t sku);

/* The hold; NULL: there is none. */

adm_ledger_hold_t *adm_ledger_find(const adm_ledger_room_t *room,
    const unsigned char *id);

/* The word of an item of a hold. */

uint64_t *adm_hold_item(const adm_ledger_room_t *room, adm_ledger_hold_t *h,
    unsigned i);

/*
 * A new hold as "h" says, which is outside of the memory, with "items", in no
 * list yet; NULL: there is no place.
 */

adm_ledger_hold_t *adm_ledger_hold_make(adm_ledger_t *l,
    const adm_ledger_hold_t *h, const uint64_t *items);

/* Takes a hold into the list, or the heap, of its state, or of another one. */

void adm_ledger_enlist(adm_ledger_t *l, adm_ledger_hold_t *h);
void adm_ledger_move(adm_ledger_t *l, adm_ledger_hold_t *h, adm_hold_e state,
    uint64_t flags);

/* Makes places that no hold needs free, until "n" are; 1 if they are. */

int adm_ledger_provide(adm_ledger_t *l, unsigned n);


/* What is not settled returns; EXPIRED: by time. */

adm_settled_e adm_ledger_release(adm_ledger_t *l, adm_ledger_hold_t *h,
    uint64_t flags);

/* Nobody knows what became of it: it is unresolved, or returns. */

adm_settled_e adm_ledger_lose(adm_ledger_t *l, adm_ledger_hold_t *h,
    uint64_t now);


/*
 * adm_ledger_stake.c: what buyers have had
 */

/* Units that a buyer has had in time; *left ms of it, 0 if none. */

uint64_t adm_ledger_staked(const adm_ledger_room_t *room,
    const uint64_t buyer[2], uint64_t sku, uint64_t now, uint64_t *left);

/* Counts units; ADM_ERROR: there is no place. */

int adm_ledger_stake(adm_ledger_t *l, const uint64_t buyer[2], uint64_t sku,
    uint64_t units, uint64_t now, uint64_t time);

/* Counts them no more, if they were taken in the time that still runs. */

void adm_ledger_unstake(adm_ledger_t *l, const uint64_t buyer[2],
    uint64_t sku, uint64_t units, uint64_t taken);

/* Frees what is over, of "max" places. */

void adm_ledger_sweep(adm_ledger_t *l, uint64_t now, unsigned max);

/* One of a copy. */

int adm_ledger_stake_put(adm_ledger_t *l, const adm_ledger_stake_t *stake);


#endif /* _ADM_LEDGER_ROOM_H_INCLUDED_ */
