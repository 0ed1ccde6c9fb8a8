
/*
 * The waiting room: admission_room defines it, admission_wait uses it.
 *
 * A shopper is known by a token: a ticket while waiting, a pass when called.
 * A pass is checked here and nowhere else; whoever has none is given a
 * number, or the place that the number has, and waits.
 */


#ifndef _NGX_ADM_ROOM_H_INCLUDED_
#define _NGX_ADM_ROOM_H_INCLUDED_


#include <ngx_adm_keys.h>
#include <ngx_adm_line.h>
#include <ngx_adm_policy.h>
#include <ngx_adm_settings.h>
#include <adm_heavy.h>


/* seconds */

#define NGX_ADM_TICKET_LIFE    86400
#define NGX_ADM_TICKET_RENEW   3600      /* age at which it is renewed */


/*
 * The histograms of rooms go to hours: their nanoseconds, bounds and sums
 * stand for so many times the time.
 */

#define NGX_ADM_ROOM_SCALE     1000

#define ngx_adm_room_span(seconds)                                            \
    ((uint64_t) (seconds) * (1000000000 / NGX_ADM_ROOM_SCALE))


typedef enum {
    NGX_ADM_ROOM_OFF = 0,
    NGX_ADM_ROOM_AUTO,             /* nobody waits while there is room */
    NGX_ADM_ROOM_ALWAYS
} ngx_adm_room_mode_e;


typedef enum {
    NGX_ADM_ROOM_OPEN = 0,
    NGX_ADM_ROOM_PAUSED,           /* nobody is called, joins or claims */
    NGX_ADM_ROOM_CLOSED
} ngx_adm_room_state_e;


/* what an operator may change, and how the value stands in a setting */

typedef enum {
    NGX_ADM_ROOM_SET_RATE = 0,     /* count << 32 | period, ms */
    NGX_ADM_ROOM_SET_MAX_ACTIVE,
    NGX_ADM_ROOM_SET_MODE,         /* ngx_adm_room_mode_e */
    NGX_ADM_ROOM_SET_STATE,        /* ngx_adm_room_state_e */
    NGX_ADM_ROOM_SET_ENDS,         /* seconds since the epoch; 0: never */
    NGX_ADM_ROOM_SETS
} ngx_adm_room_set_e;


extern ngx_str_t  ngx_adm_room_sets[NGX_ADM_ROOM_SETS];     /* "rate", ... */


/* the cells of the series of tokens, and their words */

typedef enum {
    NGX_ADM_TOKENS_PASS = 0,       /* a good one */
    NGX_ADM_TOKENS_TICKET,
    NGX_ADM_TOKENS_PRE,
    NGX_ADM_TOKENS_ISSUED,         /* written by us */
    NGX_ADM_TOKENS_FORGED,
    NGX_ADM_TOKENS_MALFORMED,
    NGX_ADM_TOKENS_OTHER_ROOM,
    NGX_ADM_TOKENS_EXPIRED,
    NGX_ADM_TOKENS_FUTURE,
    NGX_ADM_TOKENS_BOUND,          /* to another value */
    NGX_ADM_TOKENS_ENDED,          /* a pass that was ended, or void */
    NGX_ADM_TOKENS_USED,           /* a ticket that was exchanged */
    NGX_ADM_TOKENS_UNKNOWN,        /* a number that was not given */
    NGX_ADM_TOKENS_OVER,           /* a ticket whose time is over */
    NGX_ADM_TOKENS
} ngx_adm_tokens_e;


extern ngx_str_t  ngx_adm_tokens[NGX_ADM_TOKENS];


/* a named room */

typedef struct {
    ngx_str_t              name;
    ngx_str_t              shadow;       /* "NAME~dry": the room of tokens of
                                            dry runs */

    /* as configured; those of ngx_adm_room_sets[] may be overridden */
    ngx_uint_t             mode;
    adm_rate_t             rate;
    ngx_uint_t             max_active;
    time_t                 session;      /* s */
    time_t                 claim;        /* s */
    time_t                 grace;        /* s */
    time_t                 ends;         /* s since the epoch; 0: never */
    ngx_uint_t             fixed;        /* a pass is not renewed by use */
    ngx_uint_t             bound;        /* tokens are bound to a value */

    adm_rate_t             join_rate;
    ngx_uint_t             join_burst;
    ngx_uint_t             join_prefix;  /* the key is an address: of IPv6
                                            64 bits */

    ngx_adm_stock_t       *stock;        /* NULL: it knows of none */
    ngx_array_t            skus;         /* of ngx_adm_sku_t * */
    ngx_uint_t             factor;       /* people for 1000 units */
    ngx_msec_t             heard;        /* of it, in this process, and ... */
    ngx_uint_t             unheard_told; /* ... that the log has said so */

    ngx_adm_line_t        *line;
    ngx_adm_keys_t        *keys;
    ngx_adm_rates_t       *joins;
    adm_gcra_t             join;
    ngx_adm_setting_t     *sets[NGX_ADM_ROOM_SETS];

    ngx_adm_counters_t    *counters;
    ngx_adm_series_t      *tokens;       /* of all rooms: ngx_adm_tokens_e */
    ngx_adm_series_t      *waited;       /* histograms: s in line ... */
    ngx_adm_series_t      *erred;        /* ... and the error of estimates */

    adm_heavy_t            heavy;        /* joins of this process, by key */
    adm_token_memory_t    *memory;       /* passes that it has seen, or NULL */
    ngx_pool_t            *pool;         /* the cycle's */
} ngx_adm_room_t;


/* the order of the values of a use: those that a newcomer needs are last */

typedef enum {
    NGX_ADM_ROOM_BIND = 0,         /* absent without "bound" and "bypass" */
    NGX_ADM_ROOM_BYPASS,           /* absent without "bypass" */
    NGX_ADM_ROOM_JOIN,             /* whose joins are counted together */
    NGX_ADM_ROOM_VALUES
} ngx_adm_room_value_e;


/* a use of it: behind ngx_adm_use_t.conf */

typedef struct {
    ngx_adm_room_t        *room;
    ngx_uint_t             bypass;       /* it has a value for it */
} ngx_adm_wait_t;


extern ngx_adm_policy_t  ngx_adm_room_policy;


/*
 * Prepares what follows from the configuration: once all is read.
 * NGX_ERROR: the burst of joins takes too long to drain.
 */

ngx_int_t ngx_adm_room_init(ngx_adm_room_t *room);

/* what is in force now */

uint64_t ngx_adm_room_setting(ngx_adm_room_t *room, ngx_adm_room_set_e set);

/* what is configured, in the same form */

uint64_t ngx_adm_room_configured(ngx_adm_room_t *room, ngx_adm_room_set_e set);


/*
 * Applies the settings in force and moves the frontier, every ADM_LINE_TICK,
 * in each worker of the newest configuration; whoever comes first does it.
 */

void ngx_adm_room_start(ngx_cycle_t *cycle, ngx_array_t *rooms);

/* a process without a master serves other rooms from now on; NULL: none */

void ngx_adm_room_renew(ngx_cycle_t *cycle, ngx_array_t *rooms);

/* applies the settings in force, at once */

void ngx_adm_room_apply(ngx_adm_room_t *room);

/* voids all passes that were given */

void ngx_adm_room_void(ngx_adm_room_t *room);

/*
 * 1 if nobody has moved the frontier for some seconds, though it should; of a
 * fleet's line, if the store has not been heard for as long.
 */

ngx_uint_t ngx_adm_room_stalled(ngx_adm_room_t *room);

/* 1 if the line's figures are: a fleet's has none before the store's first */

ngx_uint_t ngx_adm_room_knows(ngx_adm_room_t *room);


/*
 * What the API asks for; each fills place and grant of the subject.  ASK: not
 * yet, a trip with the command of ngx_adm_room_claim() has to be made, and
 * ngx_adm_room_conclude() reads its answer; NULL: there is none.  These two
 * are the policy's own, which look at "state" alone.
 */

typedef enum {
    NGX_ADM_ROOM_ASK = 0,          /* as a poll, but joins nobody */
    NGX_ADM_ROOM_DO_JOIN,
    NGX_ADM_ROOM_DO_CLAIM,
    NGX_ADM_ROOM_DO_EXTEND,
    NGX_ADM_ROOM_DO_LEAVE,
    NGX_ADM_ROOM_DO_NOTHING        /* nothing is decided: the room is open */
} ngx_adm_room_do_e;

ngx_adm_rc_e ngx_adm_room_do(ngx_adm_subject_t *s, ngx_adm_room_t *room,
    ngx_adm_room_do_e what, void **state);

ngx_adm_rc_e ngx_adm_room_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip);
ngx_adm_rc_e ngx_adm_room_conclude(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_command_t *command);


#endif /* _NGX_ADM_ROOM_H_INCLUDED_ */
