
/*
 * The ledger: units of SKUs, and who has set them aside, in shared memory.
 *
 *     available -- take --> held -- commit --> committed
 *                            |  \
 *         <-- release, time -+   unresolved -- commit --> committed
 *         <-- release ------------+
 *
 * At any moment the sum over these places is what operators have put there.
 * A hold has an id, and a cart of one or more items; it is
 *
 *     running      its request is under way: while its owner, a process,
 *                  lives, no time ends it
 *     held         it was answered, and not settled: units return by time
 *     unresolved   nobody knows; until somebody settles it
 *     settled      kept, while there is place, so that who settles twice is
 *                  told the same
 *
 * All of it happens under a mutex which the caller has, and each function is
 * one operation of adm_undo.h, or a few: so a process may be killed in any of
 * them.  Only adm_ledger_look() is called without.
 *
 * Memory: 264 bytes a SKU, 208 a hold, 416 with more than three items, 56 a
 * buyer who is counted; see adm_ledger_room.h.
 */


#ifndef _ADM_LEDGER_H_INCLUDED_
#define _ADM_LEDGER_H_INCLUDED_


#include "adm_cart.h"
#include "adm_undo.h"


#define ADM_LEDGER_ID      16        /* bytes */
#define ADM_LEDGER_NOTE    64
#define ADM_LEDGER_OWNERS  512       /* processes that have holds at once */

/* the smallest memory, bytes */
#define ADM_LEDGER_MIN     (128 * 1024)


typedef struct adm_ledger_room_s  adm_ledger_room_t;

/* a process's view */

typedef struct {
    adm_ledger_room_t   *room;
    adm_undo_t           undo;
    int                  marked;     /* units are handed out only as far as a
                                        copy on disk allows */
} adm_ledger_t;


/* what is asked for; times in ms, moments since the epoch */

typedef struct {
    const unsigned char *id;         /* ADM_LEDGER_ID bytes */
    const unsigned char *buyer;      /* ADM_LEDGER_ID bytes; good for
                                        "per_buyer" alone */
    adm_str_t            note;       /* at most ADM_LEDGER_NOTE bytes */
    const adm_item_t    *items;      /* distinct SKUs, ADM_CART_ITEMS at
                                        most */
    unsigned             nitems;
    unsigned             owner;      /* adm_ledger_own() */
    uint64_t             hold;       /* ms, from when it is left */
    uint64_t             per_buyer;  /* units of each SKU; 0: no limit */
    uint64_t             per_time;   /* ms, from a buyer's first unit */
    int                  returns;    /* what is not known returns */
} adm_ledger_order_t;


typedef enum {
    ADM_LEDGER_OK = 0,
    ADM_LEDGER_SOLD_OUT,             /* too few are left, however it ends */
    ADM_LEDGER_RESERVED,             /* too few are free */
    ADM_LEDGER_WAIT,                 /* too few may be handed out before the
                                        next copy is on disk */
    ADM_LEDGER_UNKNOWN,              /* no such SKU */
    ADM_LEDGER_BUYER,
    ADM_LEDGER_FULL,                 /* no place */
    ADM_LEDGER_ENDED                 /* its end came first */
} adm_ledger_rc_e;


typedef struct {
    unsigned             item;       /* the first refused; 0 if none is */
    uint64_t             wait;       /* BUYER: ms until the time is over */
    adm_facts_t          facts;      /* of that item; of UNKNOWN zeros */
} adm_ledger_answer_t;


typedef enum {
    ADM_LEDGER_RELEASE = 0,
    ADM_LEDGER_COMMIT,
    ADM_LEDGER_LEAVE,                /* held */
    ADM_LEDGER_LOSE                  /* unresolved */
} adm_ledger_end_e;


typedef enum {
    ADM_SETTLED = 0,                 /* now, or so before */
    ADM_SETTLED_LATE,                /* it had expired: took new units */
    ADM_SETTLED_SHORT,               /* it had expired: too few are free */
    ADM_SETTLED_NONE,                /* no such hold */
    ADM_SETTLED_OTHER,               /* it is settled, and otherwise */
    ADM_SETTLED_RUNNING              /* its request is under way */
} adm_settled_e;


typedef enum {
    ADM_HOLD_FREE = 0,               /* not a hold */
    ADM_HOLD_MORE,                   /* further items of one */
    ADM_HOLD_RUNNING,
    ADM_HOLD_HELD,
    ADM_HOLD_UNRESOLVED,
    ADM_HOLD_COMMITTED,
    ADM_HOLD_RELEASED
} adm_hold_e;


/* what is known of a hold; strings are in the memory */

typedef struct {
    unsigned char        id[ADM_LEDGER_ID];
    adm_hold_e           state;
    uint64_t             taken;      /* when */
    uint64_t             until;      /* HELD: its time; UNRESOLVED: since
                                        when; else 0 */
    adm_str_t            note;
    unsigned             nitems;
    adm_item_t           items[ADM_CART_ITEMS];
} adm_hold_t;


typedef enum {
    ADM_STOCK_SET = 0,               /* so many are free */
    ADM_STOCK_TOTAL,                 /* free, held, unresolved, committed */
    ADM_STOCK_ADD
} adm_stock_e;


/*
 * Lays out "size" bytes, zeroed, aligned to 64; "secret" is of hashes.
 * ADM_ERROR: they are too few.
 */

int adm_ledger_init(void *memory, size_t size,
    const unsigned char secret[16]);

/* ADM_ERROR: it was laid out by another version */

int adm_ledger_attach(adm_ledger_t *l, void *memory);


/* Takes back what a process has left undone: first thing under the mutex. */

#define adm_ledger_enter(l)   ((void) adm_undo_back(&(l)->undo))


/*
 * The number of a process among owners; holds of an earlier one with the same
 * "pid", not 0, are nobody's then.  ADM_ERROR: there is no place.
 */

int adm_ledger_own(adm_ledger_t *l, uint64_t pid);

/* The pid of an owner, 0 if there is none; UINT64_MAX: it is gone. */

uint64_t adm_ledger_owner(const adm_ledger_t *l, unsigned owner);

/*
 * The process is gone: at most "max" of its holds are given back, if they
 * were not admitted, else unresolved, or given back as their orders say.
 * 1 if some are left.
 */

int adm_ledger_orphan(adm_ledger_t *l, unsigned owner, uint64_t now,
    unsigned max);


/*
 * Sets all of a cart aside, or nothing; what is refused writes nothing.  An
 * id that runs is told OK again.
 */

adm_ledger_rc_e adm_ledger_take(adm_ledger_t *l,
    const adm_ledger_order_t *order, uint64_t now,
    adm_ledger_answer_t *answer);

/* what would be answered, marks aside */

adm_ledger_rc_e adm_ledger_peek(const adm_ledger_t *l,
    const adm_ledger_order_t *order, uint64_t now,
    adm_ledger_answer_t *answer);

/* its request may be at the upstream from now on; 1 if it runs */

int adm_ledger_admit(adm_ledger_t *l, const unsigned char *id);

/* its owner's word; of one that was left already COMMIT and RELEASE count */

adm_settled_e adm_ledger_end(adm_ledger_t *l, const unsigned char *id,
    adm_ledger_end_e end, uint64_t now);

/*
 * Somebody else's word, COMMIT or RELEASE; one that runs can be committed,
 * and not released.
 */

adm_settled_e adm_ledger_settle(adm_ledger_t *l, const unsigned char *id,
    adm_ledger_end_e end, uint64_t now);

/* returns what was held for too long, "max" at most; 1 if there is more */

int adm_ledger_expire(adm_ledger_t *l, uint64_t now, unsigned max);

/* when the first is due; 0: none is held */

uint64_t adm_ledger_due(const adm_ledger_t *l);


/*
 * Changes the stock of a SKU that is valid; "number" is 0 or more unless it
 * is added; SET and ADD of no less than 0 make one.  OK; UNKNOWN; FULL;
 * SOLD_OUT: that would be below 0.
 */

adm_ledger_rc_e adm_ledger_stock(adm_ledger_t *l, adm_str_t sku,
    adm_stock_e what, int64_t number);

/* 1 if there is such a SKU */

int adm_ledger_facts(const adm_ledger_t *l, adm_str_t sku,
    adm_facts_t *facts);

/* The same without the mutex; facts of one moment but for rare ones. */

int adm_ledger_look(const adm_ledger_t *l, adm_str_t sku, adm_facts_t *facts);

/* SKU number "i", from 0, and its facts; 0: there are not so many */

int adm_ledger_sku(const adm_ledger_t *l, unsigned i, adm_str_t *sku,
    adm_facts_t *facts);

/* 1 if it is there */

int adm_ledger_hold(const adm_ledger_t *l, const unsigned char *id,
    adm_hold_t *hold);

/*
 * Unresolved holds, the oldest first: begin with *at 0; 0: there is no more.
 */

int adm_ledger_unresolved(const adm_ledger_t *l, uint64_t *at,
    adm_hold_t *hold);


/* places of holds that are not settled, and all; and what was counted */

typedef struct {
    uint64_t             used;
    uint64_t             places;
    uint64_t             full;       /* refusals for want of a place */
    uint64_t             late;       /* ADM_SETTLED_LATE */
    uint64_t             missed;     /* ADM_SETTLED_SHORT */
} adm_ledger_use_t;

/* no mutex */

void adm_ledger_use(const adm_ledger_t *l, adm_ledger_use_t *use);

/* a number that changes with what is worth keeping; no mutex */

uint64_t adm_ledger_version(const adm_ledger_t *l);


/*
 * Copies, to be brought back: adm_ledger_copy.c.
 *
 * A copy says how many units may be handed out beyond it; so many are
 * unresolved after a crash, by a hold whose note is "crash".  As long as it
 * is not on disk the copy before it counts, too.
 */

/* bytes that a copy takes now, at most; no mutex */

size_t adm_ledger_measure(const adm_ledger_t *l);

/*
 * What may be handed out beyond the copy that is made now, of this ledger or
 * of its image, under the same lock; with "last" nothing, since nobody takes
 * anything any more.
 */

void adm_ledger_mark(adm_ledger_t *l, int last);

/*
 * Fills "copy": the bytes used, 0 if "size" is too small.  "last" as it was
 * marked.
 */

size_t adm_ledger_save(const adm_ledger_t *l, void *copy, size_t size,
    uint64_t now, int last);


/* an image of the memory, made in pieces: zeroed, but for "image" */

typedef struct {
    void                *image;      /* adm_ledger_bytes(), zeroed */
    uint64_t             page;
    uint64_t             since;
    uint64_t             until;
    uint64_t             copied;
    unsigned             rounds;
} adm_ledger_shot_t;

size_t adm_ledger_bytes(const adm_ledger_t *l);

/* Copies a piece of 64 KB at most: 1 if one more is worth a lock. */

int adm_ledger_shoot(const adm_ledger_t *l, adm_ledger_shot_t *shot);

/* Marks, and copies the rest: the image can be attached, and saved. */

void adm_ledger_shot(adm_ledger_t *l, adm_ledger_shot_t *shot, int last);


/* the copy is on disk */

void adm_ledger_kept(adm_ledger_t *l, const void *copy);

/*
 * Into a ledger that is empty.  What ran is unresolved, or returned, if a
 * last copy says that it was not admitted; what was held keeps its time, and
 * becomes unresolved then unless the copy is a last one, since it may have
 * been committed behind the copy.  ADM_ERROR: it does not fit, or is no such
 * copy.
 */

int adm_ledger_restore(adm_ledger_t *l, const void *copy, size_t size,
    uint64_t now);


#endif /* _ADM_LEDGER_H_INCLUDED_ */
