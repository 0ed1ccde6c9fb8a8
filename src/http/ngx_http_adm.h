
/*
 * What the files of this floor share: the configuration as requests see it,
 * a request's context, and the functions between them.
 */


#ifndef _NGX_HTTP_ADM_H_INCLUDED_
#define _NGX_HTTP_ADM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_adm_clock.h>
#include <ngx_adm_demand.h>
#include <ngx_adm_fleet.h>
#include <ngx_adm_gate.h>
#include <ngx_adm_policy.h>
#include <ngx_adm_inventory.h>
#include <ngx_adm_outbox.h>
#include <ngx_adm_room.h>
#include <ngx_adm_shed.h>
#include <ngx_adm_settings.h>


#define NGX_HTTP_ADM_VERSION    "0.1.0"


typedef enum {
    NGX_HTTP_ADM_OFF = 0,
    NGX_HTTP_ADM_ON,
    NGX_HTTP_ADM_DRY_RUN
} ngx_http_adm_mode_e;


typedef enum {
    NGX_HTTP_ADM_PAGE_REFUSAL = 0,
    NGX_HTTP_ADM_PAGE_DASHBOARD,
    NGX_HTTP_ADM_PAGE_WAIT,
    NGX_HTTP_ADM_PAGES
} ngx_http_adm_page_e;


/* cells of the series without labels, of NGX_ADM_FAMILY_NODE */

#define NGX_HTTP_ADM_ABANDONED  0
#define NGX_HTTP_ADM_CLASS      1        /* answers of upstreams: the cells */

/* ... of which are 1 to 5 for the hundreds of the status */

#define NGX_HTTP_ADM_CLASS_NONE       0  /* it was given up */
#define NGX_HTTP_ADM_CLASS_ABANDONED  6  /* ... by the client */
#define NGX_HTTP_ADM_CLASSES          7


typedef enum {
    NGX_HTTP_ADM_SAMESITE_LAX = 0,
    NGX_HTTP_ADM_SAMESITE_NONE,
    NGX_HTTP_ADM_SAMESITE_STRICT
} ngx_http_adm_samesite_e;


typedef enum {
    NGX_HTTP_ADM_SECURE_AUTO = 0,        /* over TLS */
    NGX_HTTP_ADM_SECURE_ON,
    NGX_HTTP_ADM_SECURE_OFF
} ngx_http_adm_secure_e;


/* what the cookies of dry runs end with */
#define NGX_HTTP_ADM_COOKIE_DRY  "_dry"


/* a named room, and how it looks to a client; in the cycle's pool */

typedef struct {
    ngx_adm_room_t           room;       /* first: uses point to it */

    ngx_uint_t               status;     /* of the waiting page */
    ngx_str_t                cookie;
    ngx_str_t                domain;     /* or empty */
    ngx_uint_t               samesite;   /* ngx_http_adm_samesite_e */
    ngx_uint_t               secure;     /* ngx_http_adm_secure_e */
    ngx_array_t             *page;       /* its own; NULL: the embedded */

    ngx_http_complex_value_t join;       /* whose joins are counted together */
    ngx_http_complex_value_t bind;       /* value.data NULL: none */

    ngx_str_t                zone;       /* empty: the default */
    ngx_uint_t               used;       /* some location has it */
    ngx_str_t                file;       /* where it stands */
    ngx_uint_t               line;
} ngx_http_adm_room_t;


typedef struct ngx_http_adm_store_s   ngx_http_adm_store_t;
typedef struct ngx_http_adm_orders_s  ngx_http_adm_orders_t;


typedef struct {
    ngx_array_t              zones;      /* of ngx_adm_zone_t * */
    ngx_array_t              rates;      /* of ngx_http_adm_rate_conf_t * */
    ngx_array_t              rooms;      /* of ngx_http_adm_room_t * */
    ngx_array_t              limits;     /* of ngx_adm_limit_t * */
    ngx_array_t              upstreams;  /* of ngx_http_adm_upstream_t */
    ngx_array_t              fields;     /* of ngx_http_adm_field_t * */
    ngx_array_t              scripts;    /* of ngx_http_adm_script_conf_t * */
    ngx_array_t              gate_confs; /* of ngx_http_adm_gate_conf_t * */
    ngx_array_t              sheds;      /* of ngx_http_adm_shed_spot_t */
    ngx_adm_gates_t         *gates;      /* NULL: no admission_upstream */
    ngx_adm_known_t         *known;      /* NULL: neither keys nor gates */
    ngx_adm_stock_t         *stock;      /* NULL: no SKU is of interest */
    ngx_adm_series_t        *idempotency;        /* idempotency_total */
    ngx_adm_keytab_t        *keytab;     /* shm, if there are keys; or NULL */
    ngx_adm_outbox_t        *outbox;     /* Redis, likewise */
    ngx_str_t                keys_zone;  /* beside which keys are: shm */
    ngx_str_t                stock_zone;

    ngx_adm_counters_t      *counters;
    ngx_adm_series_t        *decisions;  /* decision_seconds */
    ngx_adm_series_t        *answers;    /* upstream_seconds */
    ngx_adm_series_t        *node;
    ngx_adm_demand_t        *demand;
    ngx_adm_settings_t      *settings;
    ngx_adm_state_t         *state;      /* NULL: admission_state is not set */
    ngx_adm_keys_t          *keys;       /* of a file; NULL: zones' own */
    ngx_adm_series_t        *tokens;
    ngx_adm_setting_t       *mode;       /* over "admission" of locations */
    ngx_uint_t               modes;      /* mask of those configured */
    ngx_http_adm_store_t    *store;      /* directives of Redis; NULL: none */
    ngx_http_adm_orders_t   *orders;     /* ... of keys and stock */
    ngx_adm_redis_t         *redis;      /* NULL: admission_redis is not set */
    ngx_adm_fleet_t         *fleet;      /* NULL: likewise */
    ngx_adm_series_t        *failed;     /* fail_policy_total */
    ngx_adm_keeper_t        *keeper;
    ngx_msec_t               timeout;    /* of a trip for which there is a
                                            local answer, too ... */
    ngx_msec_t               claim_timeout;      /* ... and of others */
    ngx_int_t                request_id; /* index of the variable */
    ngx_array_t             *pages[NGX_HTTP_ADM_PAGES];
} ngx_http_adm_main_conf_t;


typedef struct {
    ngx_str_t                site;
    ngx_adm_series_t        *series;     /* of requests_total */
    ngx_str_t               *names;      /* of the server */
    ngx_uint_t               nnames;
} ngx_http_adm_srv_conf_t;


typedef struct ngx_http_adm_content_s  ngx_http_adm_content_t;


typedef struct {
    ngx_array_t             *uses[NGX_ADM_POLICIES];  /* of ngx_adm_use_t * */
    ngx_uint_t               ignored;    /* mask of the above: inherited by
                                            a content handler of ours */

    /* all of the others, in the order of the pipeline */
    ngx_adm_use_t          **pipeline;
    ngx_uint_t               npipeline;
    ngx_adm_use_t           *wait;       /* of a room, the first; or NULL */

    ngx_uint_t               mode;
    ngx_uint_t               log_level;
    ngx_uint_t               fallback;   /* of rates: ngx_adm_fallback_e */
    ngx_uint_t               room_fallback;      /* of rooms */
    ngx_uint_t               key_fallback;       /* of idempotency */
    ngx_uint_t               stock_fallback;     /* of inventory */
    ngx_uint_t               buffers;    /* with a shed: nginx reads the body
                                            before it looks for an upstream */
    ngx_uint_t               public;     /* content of ours, for everybody */
    ngx_http_adm_content_t  *content;    /* a content handler of ours */
    ngx_flag_t               strict;     /* admission_health: so it is down
                                            while Redis is */
    ngx_str_t                control;    /* URI for the dashboard, or none */
    ngx_http_adm_room_t     *room;       /* of admission_room_api */
    ngx_str_t                room_name;
    ngx_str_t                room_file;  /* where it stands */
    ngx_uint_t               room_line;
} ngx_http_adm_loc_conf_t;


/* admission_body_field: a variable; in the cycle's pool */

typedef enum {
    NGX_HTTP_ADM_FIELD_JSON = 0,
    NGX_HTTP_ADM_FIELD_FORM,
    NGX_HTTP_ADM_FIELD_REGEX
} ngx_http_adm_field_e;

typedef struct {
    ngx_str_t                name;       /* of the variable */
    ngx_uint_t               kind;       /* ngx_http_adm_field_e */
    ngx_str_t                text;       /* the pointer, name or pattern */
    size_t                   max;        /* bytes of a body */
    ngx_uint_t               methods;    /* mask; of others it is empty */
    adm_str_t               *tokens;     /* of the pointer, unescaped */
    ngx_uint_t               ntokens;
#if (NGX_PCRE2)
    ngx_regex_t             *regex;
#endif
    ngx_str_t                file;       /* where it stands */
    ngx_uint_t               line;
} ngx_http_adm_field_t;


/* a use that was applied to a request; its policy's state follows */

typedef struct {
    ngx_queue_t              queue;
    ngx_adm_use_t           *use;
    ngx_str_t               *values;
    ngx_adm_command_t       *command;    /* in the trip under way, or NULL */
    ngx_adm_grant_t          grant;      /* of a room */
    unsigned                 dry_run:1;
    unsigned                 claim:1;    /* to be claimed, or on its way */
    unsigned                 held:1;     /* to be settled or given back */
    unsigned                 aboard:1;   /* it will conclude the trip */
    unsigned                 put_off:1;  /* its check needs the body, and is
                                            made in PRECONTENT */
    unsigned                 inside:1;   /* admitted: has to be left, ... */
    unsigned                 left:1;     /* ... and was */
} ngx_http_adm_step_t;


#define ngx_http_adm_step_state(step)                                         \
    ((void *) ((u_char *) (step) + sizeof(ngx_http_adm_step_t)))


typedef struct ngx_http_adm_ctx_s   ngx_http_adm_ctx_t;
typedef struct ngx_http_adm_body_s  ngx_http_adm_body_t;
typedef struct ngx_http_adm_keep_s  ngx_http_adm_keep_t;

/* what of the body's fields is known */

typedef struct ngx_http_adm_fields_s  ngx_http_adm_fields_t;

typedef void (*ngx_http_adm_end_pt)(ngx_http_adm_ctx_t *ctx);


/*
 * One for each client's request, from its first policy on; it outlives
 * internal redirects, which forget the contexts of modules.
 */

struct ngx_http_adm_ctx_s {
    ngx_http_request_t      *request;
    ngx_http_adm_end_pt      end;        /* called with the request's pool */
    ngx_adm_subject_t        subject;
    ngx_queue_t              steps;      /* in the order of the checks */
    ngx_http_adm_step_t     *step;       /* whose policy has the subject */

    ngx_http_adm_loc_conf_t *location;   /* whose pipeline is being run */
    ngx_uint_t               next;       /* index in it */
    ngx_uint_t               mode;       /* in which it is run */

    ngx_adm_answer_t         answer;     /* of the first refusal, if decided */
    ngx_adm_use_t           *by;         /* whose it is */

    ngx_uint_t               claims;     /* steps that have to travel */
    ngx_adm_trip_t          *trip;       /* under way, or just answered */
    ngx_event_t              deadline;   /* of the trip */

    uint64_t                 started;    /* ns, of the part being measured */
    uint64_t                 sent;       /* ns, the trip */
    uint64_t                 spent;      /* ns, deciding */
    uint64_t                 stored;     /* ns, in trips */
    ngx_uint_t               trips;

    void                    *content;    /* of a content handler that sleeps */

    ngx_http_adm_body_t     *body;       /* the client's; NULL: nobody needed
                                            it yet */
    ngx_http_adm_fields_t   *fields;     /* NULL: none was evaluated yet */
    ngx_http_adm_keep_t     *keep;       /* the answer, as it passes; or NULL
                                            */

    uint64_t                 client;     /* tag of who asks; 0: not needed */
    ngx_adm_series_t        *inside;     /* level of the upstream */
    void                   (*leave)(ngx_http_request_t *r, ngx_int_t rc);
    ngx_uint_t               tries;      /* answers measured */
    ngx_uint_t               places;     /* steps that have to be left */
    uint64_t                 entered;    /* ns, the upstream; 0: not yet */
    uint64_t                 headed;     /* ns, its header came */
    uint64_t                 who;        /* ngx_http_adm_client(); 0: not asked
                                            for yet */

    ngx_str_t                scratch;    /* of what scripts ask for */
    ngx_str_t                correlation;
    ngx_uint_t               level;      /* at which a refusal is logged */

    unsigned                 wants_body:1;       /* a value that was evaluated
                                                    is of the body */
    unsigned                 reading:1;  /* the body is on its way, or did
                                            not come */
    unsigned                 suspended:1;
    unsigned                 expired:1;  /* the trip met its deadline */
    unsigned                 decided:1;  /* refused, or would be: "answer" */
    unsigned                 dry_run:1;  /* would be, if decided */
    unsigned                 admitted:1; /* passed all, goes to the upstream */
    unsigned                 over:1;     /* nothing more is decided */
    unsigned                 counted:1;
    unsigned                 paged:1;    /* refused by a page of the site's */
    unsigned                 asked:1;    /* counted as demand */
    unsigned                 granted:1;  /* tokens stand in the answer */
    unsigned                 lost:1;     /* no answer has left */
};


extern ngx_module_t  ngx_http_admission_module;
extern ngx_module_t  ngx_http_admission_filter_module;
extern ngx_module_t  ngx_http_admission_keep_module;


/* ngx_http_adm_phase.c: the handlers */

ngx_int_t ngx_http_adm_phase_init(ngx_conf_t *cf);

/* in which mode a location's requests are decided now */

ngx_uint_t ngx_http_adm_mode(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_loc_conf_t *alcf);


/* ngx_http_adm_ctx.c: the context, and what is read from a request */

/* NULL: out of memory */

ngx_http_adm_ctx_t *ngx_http_adm_create_ctx(ngx_http_request_t *r,
    ngx_http_adm_end_pt end);

/* what the subject says to the policy of a step, with an empty answer */

void ngx_http_adm_present(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step);

/* of the client's request, also from a subrequest; NULL: no policy yet */

ngx_http_adm_ctx_t *ngx_http_adm_get_ctx(ngx_http_request_t *r);

/*
 * The values of the field "name", which is in lower case, joined by commas;
 * "data" is NULL if it is absent.  NGX_ERROR: out of memory.
 */

ngx_int_t ngx_http_adm_request_field(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);

/* adds a field; key and value must live as long as the request */

ngx_int_t ngx_http_adm_add_field(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value);


/* ngx_http_adm_id.c: the client's X-Correlation-ID, else $request_id */

ngx_int_t ngx_http_adm_correlation(ngx_http_request_t *r, ngx_str_t *value);


/* ngx_http_adm_demand.c: who asks, and who was told to come back */

void ngx_http_adm_demand_asked(ngx_http_adm_ctx_t *ctx);

/* may put the answer's retry off, so that not all come back at once */

void ngx_http_adm_demand_refused(ngx_http_adm_ctx_t *ctx);


/* ngx_http_adm_suspend.c: sleeping until the trip is answered */

/*
 * NGX_AGAIN: suspended until the trip is answered; NGX_DECLINED: the store
 * does not take it; NGX_ERROR.
 */

ngx_int_t ngx_http_adm_suspend(ngx_http_adm_ctx_t *ctx);

/* the client left: the trip goes on alone, what it grants is given back */

void ngx_http_adm_abandon(ngx_http_adm_ctx_t *ctx);


/*
 * ngx_http_adm_pipeline.c: the way of a request.  The handlers get what a
 * phase handler returns: NGX_DECLINED admits.
 */

ngx_int_t ngx_http_adm_check(ngx_http_adm_ctx_t *ctx);

/* what a policy's subject evaluates by */

ngx_int_t ngx_http_adm_value(ngx_adm_subject_t *s, ngx_uint_t i,
    ngx_str_t *value);

/* the location was left for another before its claims could travel */

void ngx_http_adm_drop_claims(ngx_http_adm_ctx_t *ctx);

ngx_int_t ngx_http_adm_claim(ngx_http_adm_ctx_t *ctx);


/*
 * ngx_http_adm_body.c: the client's body, read in PRECONTENT, once, and kept
 * for the upstream.
 */

/*
 * NGX_OK: it is there; NGX_DONE: it will be, and the phases go on from the
 * handler that called; else what a phase handler returns, as 413.
 */

ngx_int_t ngx_http_adm_read_body(ngx_http_adm_ctx_t *ctx);

/* 1 once it has been read */

#define ngx_http_adm_has_body(ctx)  ((ctx)->body && !(ctx)->reading)

/*
 * Its bytes, at most "max" of them, also from a temporary file; NGX_DECLINED:
 * there are more; NGX_ERROR.
 */

ngx_int_t ngx_http_adm_body_bytes(ngx_http_adm_ctx_t *ctx, size_t max,
    ngx_str_t *bytes);

/* of a subject: see ngx_adm_fingerprint_pt */

ngx_int_t ngx_http_adm_fingerprint(ngx_adm_subject_t *s, ngx_uint_t body,
    u_char *digest);


/* ngx_http_adm_field.c: the variables of admission_body_field */

/* the handler of each; "data" is its ngx_http_adm_field_t */

ngx_int_t ngx_http_adm_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/*
 * Around the evaluation of values: what was evaluated without the body is
 * forgotten again, and what is wrong with the body is told.  NGX_OK;
 * NGX_AGAIN: they need the body; NGX_DECLINED: "reason"; NGX_ERROR: out of
 * memory.
 */

void ngx_http_adm_field_watch(ngx_http_adm_ctx_t *ctx);
ngx_int_t ngx_http_adm_field_watched(ngx_http_adm_ctx_t *ctx,
    ngx_adm_reason_e *reason);


/*
 * ngx_http_adm_keep.c: an answer of the upstream, kept as it passes, and sent
 * again.
 */

ngx_int_t ngx_http_adm_keep_init(ngx_conf_t *cf);

/*
 * Its fields are there, its body is to come, at most "max" bytes of it, and
 * the checkout ends with it.  NGX_DECLINED: it cannot be kept.
 */

ngx_int_t ngx_http_adm_keep_begin(ngx_http_adm_ctx_t *ctx, size_t max);

/* with the request: what has not come by now will not */

void ngx_http_adm_keep_end(ngx_http_adm_ctx_t *ctx);


/* ngx_http_adm_replay.c */

/*
 * Sends what was kept, and returns what a phase handler has to; NGX_DECLINED:
 * it cannot be read.
 */

ngx_int_t ngx_http_adm_replay(ngx_http_adm_ctx_t *ctx);


/* ngx_http_adm_settle.c: after the answer */

ngx_int_t ngx_http_adm_filter_init(ngx_conf_t *cf);
void ngx_http_adm_settle(ngx_http_adm_ctx_t *ctx);

/* the same, when the answer is about to pass: it may have to be kept */

void ngx_http_adm_settle_answer(ngx_http_adm_ctx_t *ctx);

/* tells what has become of keys and stock: once, when all steps are through */

void ngx_http_adm_end_checkout(ngx_http_adm_ctx_t *ctx);

void ngx_http_adm_end(ngx_http_adm_ctx_t *ctx);
void ngx_http_adm_give_back(ngx_http_adm_ctx_t *ctx, ngx_adm_cause_e cause);

/* a step, as if it had not been */

void ngx_http_adm_give_back_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step, ngx_adm_cause_e cause);

void ngx_http_adm_count(ngx_http_adm_ctx_t *ctx);

/* of one that was with an upstream: 1 if any peer was sent a byte of it */

ngx_uint_t ngx_http_adm_sent(ngx_http_request_t *r);


/* ngx_http_adm_upstream.c: what upstreams do with what was admitted */

/* of one with an upstream: it was not asked even whether the cache is fresh */

#if (NGX_HTTP_CACHE)
#define ngx_http_adm_cached(r)  ((r)->cached && (r)->upstream->state == NULL)
#else
#define ngx_http_adm_cached(r)  0
#endif

/* wraps what is configured: behind all others that do */

ngx_int_t ngx_http_adm_upstream_init(ngx_conf_t *cf);

/* measures the answers that have not been yet */

void ngx_http_adm_upstream_answers(ngx_http_adm_ctx_t *ctx);

/* of a request that has places: a header of an answer is on its way */

void ngx_http_adm_upstream_headed(ngx_http_adm_ctx_t *ctx);

/*
 * ... nginx is done with it, or goes to another location; "rc" is NGX_DONE if
 * nobody was told anything
 */

void ngx_http_adm_upstream_done(ngx_http_adm_ctx_t *ctx, ngx_int_t rc);


/* ngx_http_adm_shed.c: what shedding has to know of a request */

/* as a subject has it */

uint64_t ngx_http_adm_client(ngx_adm_subject_t *s);

/* ms since the request began */

uint64_t ngx_http_adm_age(ngx_http_request_t *r);

/* 1: there is a budget, and "left" ms of it; 0: there is none */

ngx_uint_t ngx_http_adm_budget(ngx_http_adm_ctx_t *ctx, uint64_t *left);

/* 1 if nginx reads a body of the client's before it goes to the upstream */

ngx_uint_t ngx_http_adm_uploads(ngx_http_request_t *r);

/*
 * The use of the location by which the request is refused before anything is
 * looked at, and the subject's answer says so; NULL: by none.
 */

ngx_adm_use_t *ngx_http_adm_overload(ngx_http_adm_ctx_t *ctx);


/* ngx_http_adm_reply.c: answers of ours, the same way for all policies */

/*
 * Answers the request as ngx_adm_reasons[] and the context's answer say;
 * returns what a phase handler has to.
 */

ngx_int_t ngx_http_adm_reply(ngx_http_adm_ctx_t *ctx);

/* of our fields the site's error page, from wherever it comes, adds no more */

void ngx_http_adm_reply_filter(ngx_http_request_t *r);

/*
 * Sends a whole body of ours, of "len" bytes at "body" in the request's pool,
 * after the fields; returns what a content handler has to.
 */

ngx_int_t ngx_http_adm_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);

/* the same, where the type stands in the answer already */

ngx_int_t ngx_http_adm_send_body(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *body);


/* ngx_http_adm_token.c: tokens that clients send, and get */

/*
 * The candidates, at most NGX_ADM_CANDIDATES, by X-Admission-Token, by
 * Authorization: Bearer, and by the room's cookies; in the request's pool.
 */

ngx_int_t ngx_http_adm_tokens(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_uint_t dry_run, ngx_str_t **tokens,
    ngx_uint_t *n);

/* adds what all steps have granted to the answer, ours or the upstream's */

ngx_int_t ngx_http_adm_grants(ngx_http_adm_ctx_t *ctx);

ngx_int_t ngx_http_adm_grant(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_uint_t dry_run, ngx_adm_grant_t *grant);


/* ngx_http_adm_room.c: how a room answers */

/* the room of a use of the policy "room" */

#define ngx_http_adm_room_of(use)                                             \
    ((ngx_http_adm_room_t *) ((ngx_adm_wait_t *) (use)->conf)->room)

/* the placeholders of a waiting page */

typedef enum {
    NGX_HTTP_ADM_WAIT_TITLE = 0,
    NGX_HTTP_ADM_WAIT_DETAIL,
    NGX_HTTP_ADM_WAIT_STATE,
    NGX_HTTP_ADM_WAIT_ROOM,
    NGX_HTTP_ADM_WAIT_TICKET,
    NGX_HTTP_ADM_WAIT_POSITION,
    NGX_HTTP_ADM_WAIT_AHEAD,
    NGX_HTTP_ADM_WAIT_WAIT,
    NGX_HTTP_ADM_WAIT_SECONDS,
    NGX_HTTP_ADM_WAIT_LOW,
    NGX_HTTP_ADM_WAIT_HIGH,
    NGX_HTTP_ADM_WAIT_PROGRESS,
    NGX_HTTP_ADM_WAIT_POLL_MS,
    NGX_HTTP_ADM_WAIT_POLL_SECONDS,
    NGX_HTTP_ADM_WAIT_LEFT,
    NGX_HTTP_ADM_WAIT_METHOD,
    NGX_HTTP_ADM_WAIT_INSTANCE,
    NGX_HTTP_ADM_WAIT_STOCK,
    NGX_HTTP_ADM_WAIT_NAMES
} ngx_http_adm_wait_name_e;

extern ngx_str_t  ngx_http_adm_wait_names[NGX_HTTP_ADM_WAIT_NAMES];

/* 1 if the request only asks: Admission-Poll */

ngx_uint_t ngx_http_adm_room_polled(ngx_http_request_t *r);

ngx_uint_t ngx_http_adm_room_status(ngx_http_adm_room_t *room,
    ngx_adm_answer_t *answer);

/*
 * The members of an object that tell a place, at "p", where there are
 * ngx_http_adm_room_size() bytes; the end of what was written.
 */

u_char *ngx_http_adm_room_tell(u_char *p, ngx_http_adm_room_t *room,
    ngx_adm_place_t *place, ngx_adm_grant_t *grant);
size_t ngx_http_adm_room_size(ngx_http_adm_room_t *room,
    ngx_adm_grant_t *grant);

/* the body for who asks by Admission-Poll, or the API */

ngx_int_t ngx_http_adm_room_state(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_adm_place_t *place,
    ngx_adm_grant_t *grant, ngx_str_t *body);

/* the answer to a poll where nothing is decided, as of a phase handler */

ngx_int_t ngx_http_adm_room_open(ngx_http_request_t *r, ngx_adm_use_t *use);

/* the waiting page */

ngx_int_t ngx_http_adm_room_page(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_adm_answer_t *answer, ngx_str_t *instance,
    ngx_str_t *body);


extern ngx_str_t  ngx_http_adm_json;     /* the type */


/* ngx_http_adm_page.c: HTML pages with placeholders, embedded at build */

typedef struct {
    ngx_str_t                name;
    ngx_str_t                value;      /* escaped already */
} ngx_http_adm_placeholder_t;

/* an embedded page, cut at its placeholders; NULL: out of memory */

ngx_array_t *ngx_http_adm_page_compile(ngx_conf_t *cf,
    ngx_http_adm_page_e page);

/*
 * A page of the site's own, likewise; "names" are the placeholders that it
 * may have, besides {{script}}.  NULL: the log says why.
 */

ngx_array_t *ngx_http_adm_page_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *names, ngx_uint_t n);

/* its Content-Security-Policy; empty if it has none */

ngx_str_t *ngx_http_adm_page_csp(ngx_http_adm_page_e page);

/* fills the page, in the request's pool */

ngx_int_t ngx_http_adm_page(ngx_http_request_t *r, ngx_array_t *parts,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n, ngx_str_t *page);


#if (NGX_ADM_LUAJIT)

/* ngx_http_adm_script.c: what the site's own scripts ask and decide */

/* of a subject: see ngx_adm_fact_pt */

ngx_int_t ngx_http_adm_script_fact(ngx_adm_subject_t *s, ngx_uint_t fact,
    ngx_str_t *name, ngx_str_t *value);

/* 1 if a script has said that the use does not apply to this request */

ngx_uint_t ngx_http_adm_script_spares(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);

#endif


/* ngx_http_adm_log.c: the line of a refusal */

void ngx_http_adm_log_refusal(ngx_http_adm_ctx_t *ctx);

/* the sums of what was left out are written once a second, and at the end */

ngx_int_t ngx_http_adm_log_init(ngx_cycle_t *cycle);
void ngx_http_adm_log_flush(void);


#endif /* _NGX_HTTP_ADM_H_INCLUDED_ */
