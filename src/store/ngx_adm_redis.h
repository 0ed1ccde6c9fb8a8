
/*
 * Redis: calls go out, replies come back by the event loop, nobody waits.
 *
 * A call is one run of one of our scripts, on the server that has its keys.
 *
 *  - A call that was taken is answered exactly once, by its handler, from the
 *    event loop and never from within ngx_adm_call_send(); or it is cancelled.
 *  - It is answered by its deadline, whatever the server does.
 *  - What comes for a call that was cancelled, or had met its deadline, goes
 *    to "late", which gives back what was taken; if nothing comes any more,
 *    "late" is not called.
 *  - A call and its pool are the client's from ngx_adm_call_send() on, and
 *    gone after the handler, or after "late".
 *  - A call is never sent twice, but when the server says that it did not run
 *    it: NOSCRIPT, MOVED, ASK, TRYAGAIN.
 */


#ifndef _NGX_ADM_REDIS_H_INCLUDED_
#define _NGX_ADM_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_adm_counters.h>


/* the scripts, src/store/lua/NAME.lua, in the order of their names' table */

typedef enum {
    NGX_ADM_SCRIPT_PROBE = 0,      /* takes nothing, writes nothing */
    NGX_ADM_SCRIPT_RATE,           /* takes of rates: all, or nothing */
    NGX_ADM_SCRIPT_RATE_BACK,      /* gives back what one took */
    NGX_ADM_SCRIPT_SHARE,          /* tells and asks what nodes used */
    NGX_ADM_SCRIPT_PULSE,          /* of a node: that it lives, settings */
    NGX_ADM_SCRIPT_SETTING,        /* an operator's change */
    NGX_ADM_SCRIPT_LINE_JOIN,
    NGX_ADM_SCRIPT_LINE_CLAIM,
    NGX_ADM_SCRIPT_LINE_TICK,
    NGX_ADM_SCRIPT_GATE,           /* tells and asks what nodes did */
    NGX_ADM_SCRIPT_CHECKOUT,       /* takes a key, rates and stock */
    NGX_ADM_SCRIPT_SETTLE,         /* ends, or extends, what that took */
    NGX_ADM_SCRIPT_STOCK,          /* tells of SKUs; returns what expired */
    NGX_ADM_SCRIPT_INVENTORY,      /* an operator's, of stock and keys ... */
    NGX_ADM_SCRIPT_HOLD,           /* ... and of holds */
    NGX_ADM_SCRIPTS
} ngx_adm_script_e;


/* their names, "rate" and so on: of files, and of the label "command" */

extern ngx_str_t  ngx_adm_script_names[NGX_ADM_SCRIPTS];


/* what became of a call: the cells of its series, and the label "outcome" */

typedef enum {
    NGX_ADM_CALL_OK = 0,           /* ran; the value is what it returned */

    NGX_ADM_CALL_TIMEOUT,          /* it may have run, or still may */
    NGX_ADM_CALL_LOST,             /* so did the connection: it may have run */

    NGX_ADM_CALL_DOWN,             /* not sent: no connection */
    NGX_ADM_CALL_OPEN,             /* not sent: the circuit is open */
    NGX_ADM_CALL_FULL,             /* not sent: too much is under way */

    NGX_ADM_CALL_LOADING,          /* the rest did not run, or wrote nothing */
    NGX_ADM_CALL_READONLY,         /* ... and MASTERDOWN */
    NGX_ADM_CALL_OOM,
    NGX_ADM_CALL_BUSY,
    NGX_ADM_CALL_NOSCRIPT,         /* again, after EVAL */
    NGX_ADM_CALL_MISCONF,
    NGX_ADM_CALL_NOREPLICAS,
    NGX_ADM_CALL_NOAUTH,           /* ... WRONGPASS, NOPERM */
    NGX_ADM_CALL_CLUSTER,          /* CLUSTERDOWN, CROSSSLOT, or redirected
                                      too often */
    NGX_ADM_CALL_WRONGTYPE,        /* ... or a value that is no number */
    NGX_ADM_CALL_ERROR,            /* any other error */
    NGX_ADM_CALL_MALFORMED,        /* no reply of the kind that is expected */
    NGX_ADM_CALL_CANCELLED,        /* counted only */
    NGX_ADM_CALL_OUTCOMES
} ngx_adm_call_rc_e;


extern ngx_str_t  ngx_adm_call_outcomes[NGX_ADM_CALL_OUTCOMES];


typedef enum {
    NGX_ADM_VALUE_NIL = 0,
    NGX_ADM_VALUE_INTEGER,
    NGX_ADM_VALUE_TEXT,            /* bulk or simple string */
    NGX_ADM_VALUE_ERROR,
    NGX_ADM_VALUE_ARRAY
} ngx_adm_value_e;


/* a reply, or a part of it: lives as long as the handler runs */

typedef struct ngx_adm_value_s  ngx_adm_value_t;

struct ngx_adm_value_s {
    ngx_adm_value_e       type;
    int64_t               integer;
    ngx_str_t             text;      /* of TEXT and ERROR; not terminated */
    ngx_adm_value_t     **elements;  /* of ARRAY */
    ngx_uint_t            n;
};


typedef enum {
    NGX_ADM_REDIS_STANDALONE = 0,
    NGX_ADM_REDIS_SENTINEL,
    NGX_ADM_REDIS_CLUSTER
} ngx_adm_topology_e;


/* the states of a circuit, as circuit_state tells them */

typedef enum {
    NGX_ADM_CIRCUIT_CLOSED = 0,
    NGX_ADM_CIRCUIT_OPEN,
    NGX_ADM_CIRCUIT_HALF_OPEN
} ngx_adm_circuit_e;


/* one URI of admission_redis */

typedef struct {
    ngx_str_t             text;      /* without user: for the log */
    ngx_str_t             host;      /* name, address, or path of a socket;
                                        terminated */
    in_port_t             port;
    ngx_addr_t           *addrs;     /* as resolved when the configuration
                                        was read; none: the resolver will */
    ngx_uint_t            naddrs;
    unsigned              is_unix:1;
    unsigned              is_name:1; /* to be resolved again */
} ngx_adm_seed_t;


/* what the directives say; in the cycle's pool */

typedef struct {
    ngx_array_t           seeds;     /* of ngx_adm_seed_t, 1 or more */
    ngx_adm_topology_e    topology;
    ngx_str_t             master;    /* the name that Sentinels know */

    ngx_msec_t            timeout;
    ngx_msec_t            claim_timeout;
    ngx_msec_t            connect_timeout;
    ngx_uint_t            connections;    /* to a server, of a worker */
    ngx_str_t             prefix;
    ngx_uint_t            close;     /* on_failover=close */

    ngx_str_t             user;      /* empty: the default user */
    ngx_str_t             password;  /* empty: none */
    ngx_uint_t            db;

    ngx_uint_t            tls;
    ngx_uint_t            verify;
    ngx_str_t             name;      /* to be in the certificate; empty: the
                                        host */
#if (NGX_SSL)
    ngx_ssl_t            *ssl;       /* if tls */
#endif

    ngx_resolver_t       *resolver;  /* NULL: names are not asked again */
    ngx_msec_t            resolver_timeout;

    ngx_uint_t            failures;  /* of admission_redis_circuit */
    ngx_uint_t            successes;
    ngx_msec_t            open;
    ngx_msec_t            max_open;
} ngx_adm_redis_conf_t;


/*
 * A cycle's view, and the connections of this process.  "conf" may be filled
 * in until the configuration is read.
 */

typedef struct ngx_adm_redis_client_s  ngx_adm_redis_client_t;

typedef struct {
    ngx_adm_redis_conf_t     conf;
    ngx_adm_series_t        *calls[NGX_ADM_SCRIPTS];  /* of outcomes */
    ngx_adm_series_t        *seconds;                 /* store_seconds */
    ngx_adm_redis_client_t  *client;      /* NULL: not started here */
} ngx_adm_redis_t;


/* what a connection owes: a reply, in its turn; the client's */

typedef struct ngx_adm_turn_s  ngx_adm_turn_t;

typedef void (*ngx_adm_turn_pt)(ngx_adm_turn_t *turn, ngx_adm_value_t *value);


struct ngx_adm_turn_s {
    ngx_queue_t               queue;
    ngx_adm_turn_pt           handler;  /* value NULL: none will come */
    void                     *data;
    uint64_t                  end;      /* bytes, with it, of its connection */
    ngx_msec_t                since;    /* when it was sent */
};


typedef struct ngx_adm_call_s  ngx_adm_call_t;

/* of a value that it did not expect a handler sets rc to MALFORMED */

typedef void (*ngx_adm_call_handler_pt)(ngx_adm_call_t *call,
    ngx_adm_value_t *value);


struct ngx_adm_call_s {
    ngx_pool_t               *pool;     /* dies with the call */
    ngx_adm_call_handler_pt   handler;  /* value NULL unless OK */
    ngx_adm_call_handler_pt   late;     /* NULL: nothing to give back; only
                                           called for what ran: OK */
    void                     *data;     /* of the one who calls */
    ngx_adm_call_rc_e         rc;

    /* the rest is the client's */
    ngx_adm_redis_t          *redis;
    ngx_adm_script_e          script;
    ngx_msec_t                timeout;
    ngx_array_t               keys;     /* of ngx_str_t */
    ngx_array_t               args;     /* of ngx_str_t */
    ngx_msec_t                deadline; /* of ngx_current_msec */
    uint64_t                  sent;     /* ns */
    ngx_adm_turn_t            turn;
    void                     *link;     /* NULL: it waits for one */
    ngx_queue_t               due;      /* of all, by deadline */
    ngx_uint_t                tries;    /* redirections */
    unsigned                  over:1;   /* answered, or cancelled */
    unsigned                  back:1;   /* gives back: it goes out though the
                                           circuit is open, nobody waits */
    unsigned                  eval:1;   /* goes out with the script's text */
    unsigned                  asking:1;
};


/*
 * Declares what is counted: once in a cycle, when the directive is read.
 * NULL: out of memory.
 */

ngx_adm_redis_t *ngx_adm_redis_add(ngx_conf_t *cf,
    ngx_adm_counters_t *counters);

/*
 * Connects, without waiting; called when a process begins to serve.
 * NGX_ERROR: out of memory.
 */

ngx_int_t ngx_adm_redis_start(ngx_adm_redis_t *redis, ngx_cycle_t *cycle);

/*
 * Closes: what is under way is answered as lost, now.  When a process ends,
 * or serves another configuration.
 */

void ngx_adm_redis_stop(ngx_adm_redis_t *redis);

/*
 * 1 if a call would be sent now; what it would be refused with else.  Of a
 * cluster: to at least one server.
 */

ngx_uint_t ngx_adm_redis_up(ngx_adm_redis_t *redis, ngx_adm_call_rc_e *why);

/*
 * Changes whenever the memory behind may be another than before: after a
 * reconnection, a failover.
 */

ngx_uint_t ngx_adm_redis_epoch(ngx_adm_redis_t *redis);


/* a call to be filled in; "timeout" in ms.  NULL: out of memory */

ngx_adm_call_t *ngx_adm_call_create(ngx_adm_redis_t *redis,
    ngx_adm_script_e script, ngx_msec_t timeout);

/*
 * Its keys, the first of which says where it runs, and its arguments, in this
 * order; what is given must live in the call's pool, or for ever.
 * NGX_ERROR: out of memory.
 */

ngx_int_t ngx_adm_call_key(ngx_adm_call_t *call, ngx_str_t *key);
ngx_int_t ngx_adm_call_text(ngx_adm_call_t *call, u_char *data, size_t len);
ngx_int_t ngx_adm_call_number(ngx_adm_call_t *call, int64_t number);

/*
 * Sends it at the end of this turn of the event loop, with all others.
 * NGX_OK: it will be answered; NGX_DECLINED: it will not, call->rc says why,
 * and the caller frees it.
 */

ngx_int_t ngx_adm_call_send(ngx_adm_call_t *call);

/* nobody wants the answer any more; one that is under way */

void ngx_adm_call_cancel(ngx_adm_call_t *call);

/* one that was not taken */

void ngx_adm_call_free(ngx_adm_call_t *call);


#endif /* _NGX_ADM_REDIS_H_INCLUDED_ */
