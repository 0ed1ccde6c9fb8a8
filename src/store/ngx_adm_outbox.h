
/*
 * The outbox: what this node has taken in a Redis of keys and stock, and what
 * it still owes it, in shared memory of its own beside that of the fleet.
 *
 * A place is of one checkout, from before its trip until the store has
 * acknowledged its end.  It has an owner, a process; whoever finds that the
 * owner is gone takes the place over and ends it: given back if it was only
 * asked, unknown and unresolved if it was admitted, and told again if it had
 * ended.  Places are changed by their owner alone; no lock.
 *
 *     free      nobody's
 *     filling   its owner writes it, nothing was asked of the store
 *     asked, admitted, ended    as the checkout's states
 *
 * A node that is restarted forgets what it owed: locks pass and leave keys
 * whose outcome is unknown, holds that are unresolved.
 */


#ifndef _NGX_ADM_OUTBOX_H_INCLUDED_
#define _NGX_ADM_OUTBOX_H_INCLUDED_


#include <ngx_adm_fleet.h>
#include <ngx_adm_checkout.h>


#define NGX_ADM_OUTBOX_PLACES   4096


/* what is owed; in shared memory */

typedef struct {
    u_char                id[NGX_ADM_CHECKOUT_ID];
    u_char                key[NGX_ADM_CHECKOUT_HASH];
    u_char                fingerprint[NGX_ADM_CHECKOUT_HASH];
    u_char                note[NGX_ADM_CHECKOUT_NOTE];
    u_char                skus[NGX_ADM_CHECKOUT_TEXT];   /* end to end */
    uint16_t              lens[ADM_CART_ITEMS];
    uint32_t              quantities[ADM_CART_ITEMS];
    uint32_t              note_len;
    uint32_t              nitems;          /* 0: no stock */
    uint64_t              lock;            /* ms */
    uint64_t              hold;            /* ms */
    uint64_t              ttl;             /* s */
    uint32_t              keyed;
    uint32_t              returns;

    /* ended; the owner's until then */
    uint32_t              key_end;
    uint32_t              hold_end;
    uint64_t              status;
} ngx_adm_owed_t;


typedef struct ngx_adm_outbox_sh_s  ngx_adm_outbox_sh_t;

/* a cycle's view */

typedef struct {
    ngx_shm_zone_t       *shm_zone;
    ngx_adm_outbox_sh_t  *sh;              /* NULL until it is there */
} ngx_adm_outbox_t;


/* once in a cycle; NULL: out of memory */

ngx_adm_outbox_t *ngx_adm_outbox_add(ngx_conf_t *cf, ngx_adm_fleet_t *fleet);

/* places that are not acknowledged yet, and all that are used */

void ngx_adm_outbox_used(ngx_adm_outbox_t *outbox, uint64_t *owed,
    uint64_t *used);

/*
 * Since nginx was started: commits of what had expired, that took new units,
 * or found none; and checkouts for which there was no place.
 */

void ngx_adm_outbox_totals(ngx_adm_outbox_t *outbox, uint64_t *late,
    uint64_t *missed, uint64_t *full);


/* the rest is the keeper's */

/*
 * A place for a checkout that is about to be asked for, with all of it
 * written, this process' own.  NULL: there is none.
 */

ngx_adm_owed_t *ngx_adm_outbox_take(ngx_adm_outbox_t *outbox,
    ngx_adm_checkout_t *checkout);

/* of places of this process; what is asked for besides is written, too */

void ngx_adm_outbox_more(ngx_adm_owed_t *owed, ngx_adm_checkout_t *checkout);
void ngx_adm_outbox_admit(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed);
void ngx_adm_outbox_end(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed,
    ngx_adm_checkout_t *checkout);
void ngx_adm_outbox_free(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed);

/* one that has ended is anybody's: this process cannot tell the store */

void ngx_adm_outbox_leave(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed);

/*
 * The next place behind "i", from 0, that is nobody's: now this process'
 * own, and ended.  NULL: no other.
 */

ngx_adm_owed_t *ngx_adm_outbox_inherit(ngx_adm_outbox_t *outbox,
    ngx_uint_t *i);

/* 1 for the process whose turn it is to look for those */

ngx_uint_t ngx_adm_outbox_turn(ngx_adm_outbox_t *outbox);

/* what became of a commit */

void ngx_adm_outbox_count_late(ngx_adm_outbox_t *outbox);
void ngx_adm_outbox_count_missed(ngx_adm_outbox_t *outbox);


#endif /* _NGX_ADM_OUTBOX_H_INCLUDED_ */
