
/*
 * A visit: what a request does in a room, for the files of the room alone;
 * callers see ngx_adm_room.h.
 */


#ifndef _NGX_ADM_VISIT_H_INCLUDED_
#define _NGX_ADM_VISIT_H_INCLUDED_


#include <ngx_adm_line_fleet.h>
#include <ngx_adm_room.h>


/* what whoever asks may do, and what is done for them */

#define NGX_ADM_VISIT_JOIN     0x01
#define NGX_ADM_VISIT_ENTER    0x02
#define NGX_ADM_VISIT_CLAIM    0x04
#define NGX_ADM_VISIT_GO       0x08      /* whoever may, goes on */


/* ms until a called shopper for whom there is no room asks again, at least */
#define NGX_ADM_ROOM_MOMENT    1000


typedef struct ngx_adm_visit_s  ngx_adm_visit_t;


/* of a step */

typedef struct {
    ngx_adm_place_t        place;
    adm_pass_t             pass;
    ngx_adm_visit_t       *visit;        /* that asks the store; or NULL */
    unsigned               has_pass:1;
    unsigned               entered:1;    /* without a ticket, just now */
} ngx_adm_room_state_t;


/* of a call; one that asks the store is kept until the answer is there */

struct ngx_adm_visit_s {
    ngx_adm_subject_t     *subject;
    ngx_adm_room_t        *room;
    ngx_adm_room_state_t  *state;
    adm_line_t            *line;
    adm_fleet_t           *fleet;        /* NULL: the line is of this node */
    adm_str_t              audience;
    uint64_t               now;          /* ms */
    ngx_uint_t             flags;
    ngx_uint_t             open;         /* ngx_adm_room_state_e */

    ngx_uint_t             found;        /* 1 + the type of the token; 0 */
    adm_token_t            token;        /* the best that the client sent */
    u_char                 bound[ADM_TOKEN_BOUND];
    ngx_str_t              key;          /* whose join it is */
    ngx_adm_charge_t       charge;       /* for it */

    ngx_adm_command_e      asks;         /* the store: to JOIN, or to CLAIM */
    ngx_uint_t             asked;        /* once is enough */
};


/* 1 if something is known of the numbers of the line */

#define ngx_adm_visit_knows(v)                                                \
    ((v)->fleet == NULL || adm_fleet_knows((v)->fleet))


/* ngx_adm_room.c: what comes of it, without the store or with its answer */

ngx_adm_rc_e ngx_adm_visit_claimed(ngx_adm_visit_t *v, adm_line_rc_e rc);
ngx_adm_rc_e ngx_adm_visit_joined(ngx_adm_visit_t *v, adm_line_rc_e rc,
    uint64_t ticket, uint64_t second);
ngx_adm_rc_e ngx_adm_visit_entered(ngx_adm_visit_t *v, uint64_t second);

/*
 * No number, and no place, but a token with which one may come back, after
 * "wait" ms or a little more.
 */

ngx_adm_rc_e ngx_adm_visit_numberless(ngx_adm_visit_t *v,
    ngx_adm_reason_e reason, uint64_t wait);

/* this room has no objection, or has one */

ngx_adm_rc_e ngx_adm_visit_pass(ngx_adm_visit_t *v, ngx_adm_place_e state);
ngx_adm_rc_e ngx_adm_visit_wait(ngx_adm_visit_t *v, ngx_adm_place_e state,
    ngx_adm_reason_e reason);


/* ngx_adm_room_trip.c: what is asked of the store of a fleet */

ngx_adm_rc_e ngx_adm_visit_ask(ngx_adm_visit_t *v, ngx_adm_command_e asks);

/*
 * 1 if the store cannot be asked, has not been heard for long, and nobody is
 * to wait for it.
 */

ngx_uint_t ngx_adm_visit_unattended(ngx_adm_visit_t *v);

/* ends a pass, in the line that it is of */

void ngx_adm_room_end(ngx_adm_room_t *room, ngx_uint_t shadow,
    const adm_pass_t *pass);


#endif /* _NGX_ADM_VISIT_H_INCLUDED_ */
