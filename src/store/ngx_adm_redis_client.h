
/*
 * The inside of the client: servers, their connections and circuits, and
 * what a topology decides.
 *
 *     client   of a process: servers, the queue of deadlines, a topology
 *     server   an address, its links, its circuit, when to connect again
 *     link     a connection to a server, and how far its greeting is
 *     call     in the turns of a link; or waits: for a link of its server
 *              that comes up for the first time, or to be asked again
 *
 * A server connects one link at a time.  The greeting is one write: AUTH,
 * SELECT, CLIENT SETNAME, ROLE, SCRIPT LOAD of all scripts.
 */


#ifndef _NGX_ADM_REDIS_CLIENT_H_INCLUDED_
#define _NGX_ADM_REDIS_CLIENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_adm_redis.h>
#include <ngx_adm_redis_conn.h>


typedef struct ngx_adm_server_s  ngx_adm_server_t;


/* AUTH, SELECT, CLIENT SETNAME, ROLE */

#define NGX_ADM_GREETINGS  (4 + NGX_ADM_SCRIPTS)


typedef struct {
    ngx_adm_conn_t             conn;
    ngx_adm_server_t          *server;
    ngx_event_t                again;     /* greets it once more */
    ngx_adm_turn_t             turns[NGX_ADM_GREETINGS];
    ngx_uint_t                 greetings; /* replies of them to come */
    ngx_adm_call_rc_e          rc;        /* of those that came, the first
                                             that is not OK */
    ngx_uint_t                 is_master; /* as ROLE says, or may not say */
    ngx_uint_t                 loading;   /* it rests, and is greeted again */
} ngx_adm_link_t;


struct ngx_adm_server_s {
    ngx_adm_redis_client_t    *client;
    ngx_queue_t                queue;     /* of the client's servers */
    void                      *data;      /* the topology's */
    ngx_str_t                  name;      /* for the log */

    /* set by resolve(), to live until it is called again */
    ngx_addr_t                *addr;
    ngx_str_t                  host;      /* in its certificate */

    ngx_adm_link_t            *links;     /* conf->connections of them */
    ngx_uint_t                 next;      /* round robin */
    ngx_queue_t                waiting;   /* calls, until the first link is
                                             ready ... */
    ngx_uint_t                 nwaiting;  /* ... and how many, at most */

    ngx_adm_link_t            *opening;   /* the one that connects, or is
                                             greeted; at most one */
    ngx_event_t                connect;   /* opens the next */
    ngx_msec_t                 delay;     /* before that */
    ngx_uint_t                 attempts;  /* in vain, since a link was ready */
    ngx_msec_t                 asked;     /* when its name was */

    ngx_adm_circuit_e          circuit;
    ngx_uint_t                 failures;  /* in a row */
    ngx_uint_t                 successes; /* ... half-open */
    ngx_msec_t                 open;      /* how long it is */
    ngx_event_t                half;      /* ... until it is half-open */
    ngx_msec_t                 failed;    /* the last stall counted */
    const char                *why;       /* absent: ... of this, ... */
    ngx_err_t                  err;
    ngx_msec_t                 said;      /* ... and when */
    unsigned                   stalled:1; /* there was one, and since then
                                             nothing good */
    unsigned                   absent:1;  /* the log was told ... */
    unsigned                   resolving:1;
    unsigned                   closing:1; /* its last replies, then it goes */
};


/*
 * What a topology decides.  All run from the event loop, where they may do
 * what a handler may; none may wait.
 */

typedef struct {
    /* makes the first servers, by ngx_adm_server_create(); NGX_ERROR: out of
       memory */
    ngx_int_t                (*start)(ngx_adm_redis_client_t *client);

    /* frees what is its own; servers are closed after it */
    void                     (*stop)(ngx_adm_redis_client_t *client);

    /*
     * Before each attempt to connect: sets server->addr, ->host and ->name.
     * NGX_OK: they are set; NGX_AGAIN: ngx_adm_server_resolved() will be
     * called; NGX_ERROR: as if the connection were refused.
     */
    ngx_int_t                (*resolve)(ngx_adm_server_t *server);

    /* the answer is not wanted any more; NULL: it is never late */
    void                     (*forget)(ngx_adm_server_t *server);

    /* a link was greeted, link->is_master tells of ROLE.  NGX_OK: it is
       ready; NGX_DECLINED: not the one that is looked for, connect again,
       later */
    ngx_int_t                (*verify)(ngx_adm_link_t *link);

    /* NULL: it has none */
    ngx_adm_server_t        *(*route)(ngx_adm_redis_client_t *client,
                                 ngx_adm_call_t *call);

    /*
     * It said MOVED, ASK, TRYAGAIN or CLUSTERDOWN.  NGX_OK: sent again by
     * ngx_adm_server_send() or ngx_adm_call_again(); NGX_DECLINED: it is
     * answered with rc CLUSTER.  NULL: always.
     */
    ngx_int_t                (*redirect)(ngx_adm_call_t *call,
                                 ngx_str_t *error);

    /* a link was lost, or refused; or READONLY said that the master is
       another; NULL: nothing to do */
    void                     (*lost)(ngx_adm_server_t *server);

    /* it is freed; NULL: nothing to do */
    void                     (*gone)(ngx_adm_server_t *server);
} ngx_adm_topology_t;


struct ngx_adm_redis_client_s {
    ngx_adm_redis_t           *redis;
    ngx_adm_redis_conf_t      *conf;
    ngx_pool_t                *pool;      /* of this client */
    ngx_log_t                 *log;
    ngx_adm_topology_t        *topology;
    void                      *data;      /* ... and its own */
    ngx_queue_t                servers;
    ngx_queue_t                due;       /* calls, the earliest first */
    ngx_event_t                expiry;    /* of the first */
    ngx_queue_t                again;     /* calls that wait to be
                                             routed ... */
    ngx_event_t                retry;     /* ... once more */
    ngx_uint_t                 epoch;
    ngx_msec_t                 said;      /* until when the log's lines have
                                             used up their time */
    ngx_uint_t                 unsaid;    /* those that were too many */
    unsigned                   grace:1;   /* expiry was put off, once */
    unsigned                   stopping:1;
};


extern ngx_adm_topology_t  ngx_adm_redis_standalone;
extern ngx_adm_topology_t  ngx_adm_redis_sentinel;
extern ngx_adm_topology_t  ngx_adm_redis_cluster;

/* texts and hashes, hexadecimal, of all scripts: once they are computed */

extern ngx_str_t  ngx_adm_script_texts[NGX_ADM_SCRIPTS];
extern ngx_str_t  ngx_adm_script_hashes[NGX_ADM_SCRIPTS];

void ngx_adm_redis_hash_scripts(void);


/* how many calls wait for a server's first link */

#define NGX_ADM_SERVER_WAITING  1024


/*
 * One more server; it connects when the event loop comes to it.
 * NULL: out of memory.
 */

ngx_adm_server_t *ngx_adm_server_create(ngx_adm_redis_client_t *client,
    void *data);

/* it left: no more calls, and it is freed when the last was answered */

void ngx_adm_server_leave(ngx_adm_server_t *server);

/* closes it and answers its calls; frees it */

void ngx_adm_server_destroy(ngx_adm_server_t *server);

/* NGX_OK: addr and so on are set, NGX_ERROR: there is none */

void ngx_adm_server_resolved(ngx_adm_server_t *server, ngx_int_t rc);

/* it is not the one to ask: closes its links, answers its calls, connects
   again after a delay; this is no failure */

void ngx_adm_server_drop(ngx_adm_server_t *server, const char *why);

/*
 * NGX_DECLINED: call->rc says why.  A call that is "asking" has ASKING before
 * it, and is not "asking" any more.
 */

ngx_int_t ngx_adm_server_send(ngx_adm_server_t *server, ngx_adm_call_t *call);

/*
 * Another command to it than a call, by a link that is ready; as
 * ngx_adm_conn_send().  Also NGX_DECLINED: it has no such link.
 */

ngx_int_t ngx_adm_server_ask(ngx_adm_server_t *server, ngx_adm_turn_t *turn,
    ngx_str_t *words, ngx_uint_t n);

/* OK: it would take a call */

ngx_adm_call_rc_e ngx_adm_server_up(ngx_adm_server_t *server);

/* has it a link by which a call would go out now? */

ngx_uint_t ngx_adm_server_ready(ngx_adm_server_t *server);

/* what a reply, or none, tells of a server */

void ngx_adm_server_good(ngx_adm_server_t *server);
void ngx_adm_server_stalled(ngx_adm_server_t *server, ngx_adm_turn_t *turn,
    ngx_msec_t heard);

/* answers the calls that wait for its first link */

void ngx_adm_server_release(ngx_adm_server_t *server, ngx_adm_call_rc_e rc);

/* a link was greeted, and verified; is lost, or was refused */

void ngx_adm_server_greeted(ngx_adm_server_t *server, ngx_adm_link_t *link);
void ngx_adm_server_lost(ngx_adm_server_t *server, ngx_adm_link_t *link);


/* greets a link that was opened; a conn's opened() */

void ngx_adm_link_greet(ngx_adm_conn_t *conn);

/* no calls for a while, then it is greeted again: its server is loading */

void ngx_adm_link_rest(ngx_adm_link_t *link);

/* rc FULL: too much is under way */

ngx_int_t ngx_adm_link_send(ngx_adm_link_t *link, ngx_adm_call_t *call);


/* counts a call as taken, from now until its deadline */

void ngx_adm_call_take(ngx_adm_redis_client_t *client, ngx_adm_call_t *call);

/* the call is routed once more in some ms; "rc" is its answer, if its
   deadline comes first */

void ngx_adm_call_again(ngx_adm_call_t *call, ngx_adm_call_rc_e rc);

/* a call that was taken, and is in no queue of turns, is answered; freed */

void ngx_adm_call_answer(ngx_adm_call_t *call, ngx_adm_call_rc_e rc,
    ngx_adm_value_t *value);

/* all of those that wait, but not those that their handlers send */

void ngx_adm_call_answer_all(ngx_queue_t *waiting, ngx_adm_call_rc_e rc);

/* takes all of a queue, to go through it while handlers fill it again */

void ngx_adm_call_move(ngx_queue_t *to, ngx_queue_t *from);
ngx_adm_call_t *ngx_adm_call_next(ngx_queue_t *calls);

/* a turn's handler: a call's */

void ngx_adm_call_told(ngx_adm_turn_t *turn, ngx_adm_value_t *value);

/* timers' handlers: of client->expiry, and of client->retry */

void ngx_adm_call_expire(ngx_event_t *ev);
void ngx_adm_call_retry(ngx_event_t *ev);


/* what an error's first word means; CLUSTER also of MOVED and so on */

ngx_adm_call_rc_e ngx_adm_redis_error(ngx_str_t *text);

/* a state of a server has changed: gauges tell */

void ngx_adm_redis_note(ngx_adm_redis_client_t *client);

/* a fifth more, at most, so that not all come at once */

ngx_msec_t ngx_adm_redis_jitter(ngx_msec_t delay);

/* says it, unless others have said enough; about one line a second */

void ngx_adm_redis_log(ngx_adm_redis_client_t *client, ngx_uint_t level,
    ngx_err_t err, const char *fmt, ...);


#endif /* _NGX_ADM_REDIS_CLIENT_H_INCLUDED_ */
