
/*
 * What this node uses of the limits of a fleet, and what all use: for rates
 * of scope "fleet", which are decided here and told in the background.
 *
 * A key is told of once this node uses a part of its budget that matters
 * beside the other nodes, or another node says that it does.  Then the node
 * reports ten times a second what it has used so far, which counts once
 * however often it is reported, and hears the level that all have made, which
 * its own word takes over, and what the others used, by which it takes less.
 *
 * Between two reports the nodes go on by what they have heard, so that all
 * may be over the limit for a moment: what is over is waited for, at most a
 * second.  A node that has not heard for a second goes on with its share, the
 * rate divided by the nodes.  A node that is alone tells nobody.
 */


#ifndef _NGX_ADM_SHARES_H_INCLUDED_
#define _NGX_ADM_SHARES_H_INCLUDED_


#include <ngx_adm_fleet.h>
#include <ngx_adm_rates.h>


/* ms between two reports of keys that are in use: as many, or so many for each
   node, if that is more; and how many keys at once: of more, by turns */
#define NGX_ADM_SHARE_PERIOD   100
#define NGX_ADM_SHARE_NODE     8
#define NGX_ADM_SHARE_KEYS     128

/* ms without an answer after which a node goes on with its share */
#define NGX_ADM_SHARE_ALONE    1000

/* keys that a node tells of at once: of more, those that came first */
#define NGX_ADM_SHARES         1024

/* rates of the fleet between two starts of nginx */
#define NGX_ADM_SHARE_RATES    128


typedef struct ngx_adm_shares_all_s   ngx_adm_shares_all_t;
typedef struct ngx_adm_shares_rate_s  ngx_adm_shares_rate_t;


/* of one rate; in the cycle's pool */

typedef struct {
    ngx_adm_fleet_t        *fleet;
    ngx_adm_rates_t        *rates;
    adm_gcra_t              gcra;        /* of the rate itself */
    ngx_str_t               base;        /* "PREFIXfleet:{NAME}" */
    ngx_adm_shares_all_t   *all;         /* of all rates of the cycle */
    ngx_adm_shares_rate_t  *sh;          /* once the memory is there */
} ngx_adm_shares_t;


/*
 * Declares that a rate is the fleet's.  "gcra" may be filled in until all is
 * read; its ceiling is the deepest of the rate's limits.  NULL: out of memory.
 */

ngx_adm_shares_t *ngx_adm_shares_add(ngx_conf_t *cf, ngx_adm_fleet_t *fleet,
    ngx_adm_rates_t *rates);


/*
 * As those of ngx_adm_rates.h, which they call: what was taken or given back
 * here counts as used, but of the shadow, and of newcomers to a full table.
 * Cost: two cache lines besides, and a hash of the key while other nodes tell
 * of some of the rate's.
 */

ngx_uint_t ngx_adm_shares_take(ngx_adm_shares_t *shares, const adm_gcra_t *g,
    ngx_str_t *key, uint64_t cost, ngx_uint_t shadow, ngx_adm_charge_t *charge,
    adm_gcra_answer_t *answer);
void ngx_adm_shares_peek(ngx_adm_shares_t *shares, const adm_gcra_t *g,
    ngx_str_t *key, uint64_t cost, ngx_uint_t shadow,
    adm_gcra_answer_t *answer);
void ngx_adm_shares_refund(ngx_adm_shares_t *shares, const adm_gcra_t *g,
    ngx_adm_charge_t *charge);


/* keys of the rate that this node tells of now */

ngx_uint_t ngx_adm_shares_count(ngx_adm_shares_t *shares);

/*
 * Units that all nodes together may have admitted of a key above what the
 * limit says: a burst of each of the others, before the first of them has
 * heard; and what all use in a period.
 */

ngx_uint_t ngx_adm_shares_bound(ngx_adm_shares_t *shares);


#endif /* _NGX_ADM_SHARES_H_INCLUDED_ */
