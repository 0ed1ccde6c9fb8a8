
/*
 * The rate words of one named rate in a zone.
 *
 * A client's tag is a hash of its key under a secret that is the zone's, the
 * rate's name and its key's text: rates share a table and cannot meet in it,
 * a rate keeps its clients over reload whatever its numbers become, and one
 * whose key is another begins anew.
 */


#ifndef _NGX_ADM_RATES_H_INCLUDED_
#define _NGX_ADM_RATES_H_INCLUDED_


#include <ngx_adm_zone.h>


typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   key;       /* its text in the configuration */
    ngx_adm_zone_t             *zone;

    /* known when the memory is there; [1] is of the shadow */
    u_char                      secret[2][NGX_ADM_SECRET_SIZE];
    ngx_adm_overflow_t         *overflow;
} ngx_adm_rates_t;


/* what was taken, and where: what a refund needs */

typedef struct {
    uint64_t                    tag;       /* 0: nothing was taken */
    uint64_t                    word;      /* as it became */
    uint64_t                    cost;
    uint64_t                    level;     /* taken in Redis: its values as
                                              they became */
    uint64_t                    refunded;
    uint64_t                    since;
    uint64_t                    made;      /* when that was, by its clock */
    unsigned                    overflow:1;
    unsigned                    shadow:1;
    unsigned                    remote:1;  /* in Redis, not in the zone */
} ngx_adm_charge_t;


/*
 * Declares a rate's words in "zone"; name and key must live as long as the
 * cycle.  NULL: out of memory.
 */

ngx_adm_rates_t *ngx_adm_rates_add(ngx_conf_t *cf, ngx_adm_zone_t *zone,
    ngx_str_t *name, ngx_str_t *key);


/*
 * Takes "cost" units, 0 to ADM_GCRA_COST_MAX, of the client "key", or of the
 * budget that newcomers share if the table is full; 1 if they fit, else 0.
 * With "shadow" the words are others, which only dry runs see.
 *
 * Never blocks.  Cost: a hash of the key and four cache lines.
 */

ngx_uint_t ngx_adm_rates_take(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    ngx_str_t *key, uint64_t cost, ngx_uint_t shadow, ngx_adm_charge_t *charge,
    adm_gcra_answer_t *answer);


/* the tag of a client; and the same by it, for who needs it besides */

uint64_t ngx_adm_rates_client(ngx_adm_rates_t *rates, ngx_str_t *key,
    ngx_uint_t shadow);
ngx_uint_t ngx_adm_rates_take_of(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    uint64_t tag, uint64_t cost, ngx_uint_t shadow, ngx_adm_charge_t *charge,
    adm_gcra_answer_t *answer);


/* what would be answered, with nothing taken */

void ngx_adm_rates_peek(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    ngx_str_t *key, uint64_t cost, ngx_uint_t shadow,
    adm_gcra_answer_t *answer);


/* gives back what has not drained of the charge: ticks; and empties it */

uint64_t ngx_adm_rates_refund(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    ngx_adm_charge_t *charge);


#endif /* _NGX_ADM_RATES_H_INCLUDED_ */
