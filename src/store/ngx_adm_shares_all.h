
/*
 * What the two files of shares have in common: the keys that this node tells
 * of, in the fleet's memory.
 *
 * A key has a place in one line of eight tags, and what is known of it at the
 * same index beside.  A tag of NGX_ADM_SHARE_TAKEN is a place that a process
 * is about to fill.
 */


#ifndef _NGX_ADM_SHARES_ALL_H_INCLUDED_
#define _NGX_ADM_SHARES_ALL_H_INCLUDED_


#include <ngx_adm_shares.h>
#include <adm_budget.h>
#include <adm_recent.h>


#define NGX_ADM_SHARE_LINE     8
#define NGX_ADM_SHARE_LINES    (NGX_ADM_SHARES / NGX_ADM_SHARE_LINE)
#define NGX_ADM_SHARE_TAKEN    1

#define NGX_ADM_SHARE_HASH     16        /* bytes of a key's hash */
#define NGX_ADM_SHARE_NAMES    256       /* lines of what others tell of */
#define NGX_ADM_SHARE_BUDGETS  2048      /* lines of what is used here */

/* ms: how exactly it is known when a rate was used last, and after how long
   nobody asks for it any more */
#define NGX_ADM_SHARE_STEP     500
#define NGX_ADM_SHARE_UNUSED   5000

/* what a node may use with no other: all of it, in thousandths */
#define NGX_ADM_SHARE_WHOLE    1000


typedef struct {

    /* what requests write and read */

    int64_t                used;         /* units, less those given back */
    uint64_t               interval;     /* ticks that a unit costs here; 0:
                                            as many as the rate says */
    ngx_atomic_t           last;         /* ms of the last use */
    ngx_msec_t             told_at;      /* ms of the last report */
    u_char                 apart[32];

    /* what those do who report */

    uint64_t               rate;         /* whose key it is */
    int64_t                told;         /* of used, as far as known */
    uint64_t               row;          /* of reports; 0: none yet */
    uint32_t               part;         /* thousandths of the rate that the
                                            others leave */
    u_char                 heard;        /* 1: the word has the level of all */
    u_char                 heavy;        /* 1: others are to tell of it, too */
    ngx_msec_t             checked;      /* when it was seen what it uses */
    int64_t                then;         /* what was used until then */
    u_char                 hash[NGX_ADM_SHARE_HASH];
} ngx_adm_share_t;


/* of a rate */

struct ngx_adm_shares_rate_s {
    uint64_t               tag;          /* of its name; 0: unused */
    ngx_atomic_t           heard;        /* ms of the last answer; 0: none */
    ngx_atomic_t           due;          /* when to report, ms */
    ngx_atomic_t           asked;        /* ms: what others tell of */
    ngx_atomic_t           named;        /* until when others tell of keys */
    ngx_atomic_t           used;         /* ms of the last use here ... */
    ngx_atomic_t           begun;        /* ... and of the first, since there
                                            was none */

    /* what those do who report */

    ngx_uint_t             next;         /* place to go on from */
    ngx_msec_t             begins;       /* when it was the first ... */
    ngx_msec_t             cycle;        /* ... and ms, the last time round */
    u_char                 apart[48];
};


typedef struct {
    uint64_t               tags[NGX_ADM_SHARES];
    ngx_adm_share_t        shares[NGX_ADM_SHARES];
    uint64_t               names[NGX_ADM_SHARE_NAMES * ADM_RECENT_LINE];
    uint64_t               budgets[NGX_ADM_SHARE_BUDGETS * ADM_BUDGET_LINE];
    ngx_adm_shares_rate_t  rates[NGX_ADM_SHARE_RATES];
    ngx_atomic_t           number;       /* of the last report, or row */
} ngx_adm_shares_sh_t;


struct ngx_adm_shares_all_s {
    ngx_adm_fleet_t       *fleet;
    ngx_array_t            rates;        /* of ngx_adm_shares_t * */

    /* once the memory is there */
    ngx_adm_shares_sh_t   *sh;
    adm_recent_t           names;
    adm_budget_t           budgets;
};


/* ms between two reports of a key that is in use, among so many nodes */

#define ngx_adm_shares_period(nodes)                                          \
    ngx_max(NGX_ADM_SHARE_PERIOD, (nodes) * NGX_ADM_SHARE_NODE)

/* a key's tag among the names that others tell of */

uint64_t ngx_adm_shares_name(ngx_adm_shares_t *shares, const u_char *hash);

/* 1 if the store has not answered for long: the node goes on by itself */

ngx_uint_t ngx_adm_shares_alone(ngx_adm_shares_t *shares);

/* the part's: reports, and hears */

void ngx_adm_shares_tick(void *data);


#endif /* _NGX_ADM_SHARES_ALL_H_INCLUDED_ */
