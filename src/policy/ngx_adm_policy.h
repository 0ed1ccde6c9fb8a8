
/*
 * What a policy is, and all that it knows of a request.
 *
 * A policy is a table of functions; the order of the pipeline is the order of
 * ngx_adm_policies[].  A use is a policy's name at some place of the
 * configuration; a use that was applied to a request is a step.  A policy
 * sees a subject: the values that were evaluated for it, and the answer that
 * it fills in when it refuses.  It does not know of HTTP.
 *
 *     check      in PREACCESS: local, without a trip
 *     claim      adds the step's command to the request's trip
 *     conclude   reads the reply
 *     foresee    what check would say, taking nothing: asked of the uses
 *                behind one that refused, so that "retry" is true for all
 *     settle     after the upstream, with what became of the request
 *     give_back  undoes what check, claim and conclude took
 *     leave      nginx is done with the upstream, or with the request: once,
 *                for each step of a request that was admitted, before it is
 *                settled or given back, or after
 *
 * Of settle and give_back exactly one is called for each step whose check
 * did not refuse, and exactly once, in reverse order of the checks.  A step
 * that refuses has taken nothing, or has undone it.
 */


#ifndef _NGX_ADM_POLICY_H_INCLUDED_
#define _NGX_ADM_POLICY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_adm_trip.h>
#include <ngx_adm_known.h>
#include <ngx_adm_counters.h>


typedef enum {
    NGX_ADM_VERDICT_ADMIT = 0,
    NGX_ADM_VERDICT_WAIT,
    NGX_ADM_VERDICT_LIMIT,
    NGX_ADM_VERDICT_SOLD_OUT,
    NGX_ADM_VERDICT_REPLAY,
    NGX_ADM_VERDICT_CONFLICT,
    NGX_ADM_VERDICT_INVALID,
    NGX_ADM_VERDICT_SHED,
    NGX_ADM_VERDICT_CLOSED,
    NGX_ADM_VERDICT_FAIL,
    NGX_ADM_VERDICTS
} ngx_adm_verdict_e;


/* why: the rows of ngx_adm_reasons[], at most 64 */

typedef enum {
    NGX_ADM_REASON_NONE = 0,       /* admitted */
    NGX_ADM_REASON_RATE,
    NGX_ADM_REASON_COST,
    NGX_ADM_REASON_BAD_COST,
    NGX_ADM_REASON_STORE_DOWN,
    NGX_ADM_REASON_IN_LINE,
    NGX_ADM_REASON_MOMENT,         /* called, but there is no room just now */
    NGX_ADM_REASON_JOIN_RATE,
    NGX_ADM_REASON_NO_NUMBER,      /* the store cannot give one just now */
    NGX_ADM_REASON_PAUSED,
    NGX_ADM_REASON_POLL,           /* only asked, whatever the answer */
    NGX_ADM_REASON_CLOSED,
    NGX_ADM_REASON_OVER,
    NGX_ADM_REASON_TABLE_FULL,
    NGX_ADM_REASON_SOLD_OUT,
    NGX_ADM_REASON_ALL_RESERVED,   /* none is free, but holds may return */
    NGX_ADM_REASON_UNKNOWN_SKU,
    NGX_ADM_REASON_BAD_SKU,
    NGX_ADM_REASON_BAD_QUANTITY,
    NGX_ADM_REASON_BAD_CART,       /* unequal lists, or too many items */
    NGX_ADM_REASON_PER_BUYER,
    NGX_ADM_REASON_UNCONFIRMED,    /* stock after a failover */
    NGX_ADM_REASON_BAD_STOCK,      /* the store has no number of units */
    NGX_ADM_REASON_NO_BUYER,       /* per_buyer, and nobody's */
    NGX_ADM_REASON_KEY_MISSING,
    NGX_ADM_REASON_BAD_KEY,
    NGX_ADM_REASON_NO_OWNER,
    NGX_ADM_REASON_IN_PROGRESS,
    NGX_ADM_REASON_OUTCOME_UNKNOWN,
    NGX_ADM_REASON_MISMATCH,       /* the key, with another payload */
    NGX_ADM_REASON_NOT_KEPT,       /* done, and cannot be replayed */
    NGX_ADM_REASON_REPLAY,
    NGX_ADM_REASON_FIELD_ABSENT,   /* of a body, where a policy needs it */
    NGX_ADM_REASON_FIELD_DOUBLED,
    NGX_ADM_REASON_FIELD_LARGE,    /* the body is larger than "max" */
    NGX_ADM_REASON_FIELD_FORM,     /* it is no JSON, no form, no UTF-8 ... */
    NGX_ADM_REASON_LINE_RESERVED,  /* ALL_RESERVED, for those in line */
    NGX_ADM_REASON_CONCURRENCY,    /* no place inside the upstream */
    NGX_ADM_REASON_PRIORITY,       /* ... but for others first */
    NGX_ADM_REASON_CIRCUIT_OPEN,
    NGX_ADM_REASON_BUDGET,         /* no time left for an answer */
    NGX_ADM_REASON_OVERLOAD,       /* of this node: its event loop is late */
    NGX_ADM_REASON_SCRIPT,         /* a script of the site's own said so */
    NGX_ADM_REASON_SCRIPT_LIMIT,   /* ... with 429 */
    NGX_ADM_REASON_SCRIPT_SHED,    /* ... with 503 */
    NGX_ADM_REASONS
} ngx_adm_reason_e;


typedef struct {
    ngx_str_t                name;
    ngx_adm_verdict_e        verdict;
    ngx_uint_t               status;     /* HTTP */
    ngx_str_t                type;       /* of the problem, RFC 9457 */
    ngx_str_t                title;
    ngx_str_t                detail;     /* for people, complete sentences */
} ngx_adm_reason_t;


extern ngx_str_t         ngx_adm_verdicts[NGX_ADM_VERDICTS];
extern ngx_adm_reason_t  ngx_adm_reasons[NGX_ADM_REASONS];


typedef enum {
    NGX_ADM_PASS = 0,              /* no objection */
    NGX_ADM_CLAIM,                 /* no objection, if its claim is granted */
    NGX_ADM_ASK,                   /* the same, and before the next check */
    NGX_ADM_REFUSE,                /* the subject's answer says why */
    NGX_ADM_ERROR                  /* out of memory */
} ngx_adm_rc_e;


/* why a step is given back */

typedef enum {
    NGX_ADM_CAUSE_REFUSED = 0,     /* a later policy refused, at no cost */
    NGX_ADM_CAUSE_SPENT,           /* ... after a trip or a body */
    NGX_ADM_CAUSE_FAILED,          /* ... because something of ours failed */
    NGX_ADM_CAUSE_GONE             /* the client left before the upstream */
} ngx_adm_cause_e;


/* how a request was at the upstream, in all: when nginx is done with it */

typedef enum {
    NGX_ADM_STAY_NONE = 0,         /* it never came to it */
    NGX_ADM_STAY_ANSWERED,         /* and not with a failure */
    NGX_ADM_STAY_FAILED,           /* 5xx, a broken connection, a time-out */
    NGX_ADM_STAY_GONE              /* the client did not wait for it */
} ngx_adm_stay_e;


typedef enum {
    NGX_ADM_UNREACHED = 0,         /* nothing was sent to the upstream */
    NGX_ADM_UNANSWERED,            /* sent, and nobody knows */
    NGX_ADM_ANSWERED
} ngx_adm_outcome_e;


/* what the upstream's own fields say */

typedef enum {
    NGX_ADM_SETTLE_NONE = 0,       /* nothing, or no such word */
    NGX_ADM_SETTLE_COMMIT,
    NGX_ADM_SETTLE_RELEASE,
    NGX_ADM_SETTLE_HOLD
} ngx_adm_told_settle_e;


typedef enum {
    NGX_ADM_IDEMPOTENCY_NONE = 0,
    NGX_ADM_IDEMPOTENCY_KEEP,
    NGX_ADM_IDEMPOTENCY_FORGET
} ngx_adm_told_key_e;


/* what became of an admitted request */

typedef struct {
    ngx_adm_outcome_e        outcome;
    ngx_uint_t               status;     /* the upstream's own, if answered */
    ngx_adm_told_settle_e    settle;     /* Admission-Settle */
    ngx_adm_told_key_e       key;        /* Admission-Idempotency */
    unsigned                 ends:1;     /* Admission-Session: end */
    unsigned                 lost:1;     /* the client left before it */
} ngx_adm_settlement_t;


/* of a limit, for the RateLimit fields */

typedef struct {
    uint64_t                 quota;      /* units */
    uint64_t                 window;     /* s */
    uint64_t                 remaining;  /* units */
} ngx_adm_quota_t;


/* what a policy does when the store cannot tell */

typedef enum {
    NGX_ADM_FALLBACK_LOCAL = 0,    /* what this node knows by itself */
    NGX_ADM_FALLBACK_OPEN,
    NGX_ADM_FALLBACK_CLOSED,
    NGX_ADM_FALLBACKS
} ngx_adm_fallback_e;


/* the cells of the series of fallbacks: this, times NGX_ADM_FALLBACKS, and
   the action */

typedef enum {
    NGX_ADM_FAILED_RATE = 0,
    NGX_ADM_FAILED_ROOM,
    NGX_ADM_FAILED_IDEMPOTENCY,
    NGX_ADM_FAILED_INVENTORY,
    NGX_ADM_FAILED
} ngx_adm_failed_e;


/* what a room says of a shopper, in the words of the contract */

typedef enum {
    NGX_ADM_PLACE_PRE = 0,         /* no number yet */
    NGX_ADM_PLACE_WAITING,
    NGX_ADM_PLACE_CALLED,
    NGX_ADM_PLACE_ADMITTED,
    NGX_ADM_PLACE_OVER,
    NGX_ADM_PLACE_PAUSED,
    NGX_ADM_PLACE_CLOSED,
    NGX_ADM_PLACE_OPEN,            /* nobody waits: one may just go */
    NGX_ADM_PLACE_UNKNOWN,         /* no number can be given */
    NGX_ADM_PLACE_SOLD_OUT,        /* of a room with stock: nothing is left */
    NGX_ADM_PLACES
} ngx_adm_place_e;


extern ngx_str_t  ngx_adm_places[NGX_ADM_PLACES];


/* ... and of what is for sale, where it knows */

typedef enum {
    NGX_ADM_PLACE_STOCKED = 0,     /* nothing: it may be enough */
    NGX_ADM_PLACE_BEYOND,          /* WAITING behind more people than there
                                      are units for */
    NGX_ADM_PLACE_RESERVED,        /* PAUSED, since all of it is set aside */
    NGX_ADM_PLACE_STOCKS
} ngx_adm_place_stock_e;


extern ngx_str_t  ngx_adm_place_stocks[NGX_ADM_PLACE_STOCKS];


typedef struct {
    ngx_adm_place_e          state;
    uint64_t                 ticket;     /* 0: none */
    uint64_t                 ahead;      /* people */
    uint64_t                 wait;       /* s until called, ... */
    uint64_t                 wait_low;   /* ... at best */
    uint64_t                 wait_high;  /* ... at worst */
    uint64_t                 left;       /* s left to claim */
    uint64_t                 poll;       /* ms until the next poll */
    uint64_t                 joined;     /* s since the epoch, or 0 */
    unsigned                 has_wait:1; /* ahead and wait are known */
    ngx_adm_place_stock_e    stock;
} ngx_adm_place_t;


/* a token that goes back to the client, whatever the answer is */

typedef struct {
    ngx_str_t                token;      /* empty: none */
    ngx_uint_t               age;        /* s that it is good for */
    unsigned                 fresh:1;    /* it is another than the client's */
    unsigned                 drop:1;     /* the client is to forget its own */
} ngx_adm_grant_t;


/* the most tokens of a request that are tried */

#define NGX_ADM_CANDIDATES  4


#define NGX_ADM_NO_RETRY   ((ngx_uint_t) -1)


typedef struct ngx_adm_subject_s  ngx_adm_subject_t;

/*
 * A value of the step's use that few need.  NGX_AGAIN: not before the body is
 * read, which it will be before the step's claim; NGX_DECLINED: the body does
 * not have what the value needs, and the subject's answer says why;
 * NGX_ERROR: out of memory.
 */

typedef ngx_int_t (*ngx_adm_evaluate_pt)(ngx_adm_subject_t *s, ngx_uint_t i,
    ngx_str_t *value);

/*
 * A digest, NGX_ADM_CHECKOUT_HASH bytes, of what the request is: its method
 * and URI and, with "body", its body, which has been read.  NGX_ERROR: the
 * body cannot be read back.
 */

typedef ngx_int_t (*ngx_adm_fingerprint_pt)(ngx_adm_subject_t *s,
    ngx_uint_t body, u_char *digest);


/* a hash of who asks, the same at each step of a purchase, and on each node */

typedef uint64_t (*ngx_adm_client_pt)(ngx_adm_subject_t *s);


typedef struct {
    ngx_adm_reason_e         reason;
    ngx_adm_place_t         *place;      /* in a room; NULL: not of one */
    ngx_str_t                policy;     /* the name of the use */
    ngx_uint_t               retry;      /* s; NGX_ADM_NO_RETRY: no use */
    ngx_adm_quota_t          quota;      /* quota 0: none */
    ngx_str_t                key;        /* whose budget was short */
    uint64_t                 pace;       /* us that a unit of it takes; 0:
                                            nobody else waits for it */
    ngx_str_t                sku;        /* that was refused; empty: none */
    ngx_str_t                kept;       /* REPLAY: what was answered, in the
                                            request's pool */
    u_char                   id[33];     /* of the key, in hex: by which an
                                            operator finds it; empty: none */
    ngx_str_t                word;       /* of a script, [a-z0-9_-]; empty:
                                            none */
} ngx_adm_answer_t;


/* what the site's own scripts said of a request, the last word of each */

typedef struct {
    ngx_str_t                cls;        /* [A-Za-z0-9_.-]; empty: nothing, as
                                            with all that follow */
    ngx_str_t                priority;   /* a digit */
    ngx_str_t                cost;       /* to ADM_GCRA_COST_MAX */
    ngx_str_t                key;        /* printable ASCII */
    ngx_str_t                word;       /* of a refusal */
    ngx_str_t                room;       /* of several the one that applies */
    unsigned                 room_dry:1; /* ... in dry runs alone */
    unsigned                 bypass:1;   /* no other policy applies */
    unsigned                 bypass_dry:1;
} ngx_adm_said_t;


struct ngx_adm_subject_s {
    ngx_pool_t              *pool;       /* the request's */
    ngx_log_t               *log;
    ngx_str_t               *values;     /* of the step's use; NULL: late */
    ngx_adm_evaluate_pt      evaluate;   /* those behind them */
    void                    *owner;      /* known to the HTTP floor */
    ngx_adm_answer_t         answer;
    uint64_t                 remaining;  /* the least of all limits passed */
    ngx_adm_fallback_e       fallback;   /* of rates ... */
    ngx_adm_fallback_e       room_fallback;
    ngx_adm_fallback_e       key_fallback;
    ngx_adm_fallback_e       stock_fallback;
    ngx_adm_series_t        *failed;     /* counts what they do */

    ngx_uint_t               method;     /* NGX_HTTP_POST and so on */
    ngx_adm_fingerprint_pt   fingerprint;
    ngx_str_t                correlation;        /* may be empty */
    ngx_adm_checkout_t      *checkout;   /* what the request has taken, or is
                                            to take, of keys and stock; NULL:
                                            nothing.  Made by the first that
                                            needs it, ended by the HTTP floor
                                            when all steps are settled or
                                            given back */
    ngx_adm_known_t         *known;      /* the node's keys; NULL: no key
                                            came with the request */
    ngx_adm_known_t         *holders;    /* who has a hold of this node; NULL:
                                            nobody knows */
    uint64_t                 age;        /* ms since the request began */
    ngx_adm_client_pt        client;

    ngx_str_t               *tokens;     /* that the client sent, of the use */
    ngx_uint_t               ntokens;
    uint64_t                 pass;       /* the number of the pass by which
                                            the last room knows the client;
                                            0: it has none */
    ngx_adm_place_t         *place;      /* of the last room; NULL: none */
    ngx_adm_grant_t          grant;      /* of the step */
    ngx_adm_said_t          *said;       /* NULL: nothing, or no script */

    unsigned                 dry_run:1;
    unsigned                 poll:1;     /* only asks; goes no further */
    unsigned                 again:1;    /* who was told to wait has come */
    unsigned                 unheard:1;  /* the trip that is concluded was not
                                            answered in time */
};


#define NGX_ADM_NO_LIMIT   ((uint64_t) -1)


/* the subject's checkout, made if it has none yet; NULL: out of memory */

ngx_adm_checkout_t *ngx_adm_subject_checkout(ngx_adm_subject_t *s,
    ngx_adm_keeper_t *keeper);

/* the store cannot tell: counts what is done then; PASS, or REFUSE */

ngx_adm_rc_e ngx_adm_subject_failed(ngx_adm_subject_t *s,
    ngx_adm_failed_e what, ngx_adm_fallback_e fallback);


typedef struct ngx_adm_policy_s  ngx_adm_policy_t;


/* in the cycle's pool; what stands behind "conf" is the policy's own */

typedef struct {
    ngx_adm_policy_t        *policy;
    ngx_str_t                name;
    void                    *conf;
    void                    *values;     /* how to evaluate them: known to
                                            the HTTP floor */
    ngx_uint_t               nvalues;    /* those that all need */
    ngx_uint_t               late;       /* they are evaluated before claim,
                                            behind authentication */
    ngx_uint_t               body;       /* claim needs the body; of methods
                                            in "methods" */
    ngx_uint_t               methods;    /* mask: others are let through
                                            unseen; 0: all are meant */
    ngx_adm_series_t        *series;     /* of policy_total */
} ngx_adm_use_t;


typedef ngx_adm_rc_e (*ngx_adm_check_pt)(ngx_adm_subject_t *s, void *conf,
    void *state);

/*
 * CLAIM: there is a command in the trip; PASS, REFUSE or ERROR: none.  Of a
 * policy that has to be left none is its own, CLAIM says that it will
 * conclude, and "trip" is NULL if there is none for others; its claim comes
 * when the client has sent the body, if nginx waits for that anyway.
 */

typedef ngx_adm_rc_e (*ngx_adm_claim_pt)(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_trip_t *trip);

/*
 * "command" is NULL if no reply came, else the step's own; PASS, REFUSE or
 * ERROR.
 */

typedef ngx_adm_rc_e (*ngx_adm_conclude_pt)(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_command_t *command);

/* may put the answer's retry off, and changes nothing else */

typedef void (*ngx_adm_foresee_pt)(ngx_adm_subject_t *s, void *conf);

typedef void (*ngx_adm_settle_pt)(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_settlement_t *settlement);
typedef void (*ngx_adm_give_back_pt)(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);

/* "latency" is in ns: until the answer began, or as long as it lasted */

typedef void (*ngx_adm_leave_pt)(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_stay_e stay, uint64_t latency);


struct ngx_adm_policy_s {
    ngx_str_t                name;       /* "rate": metrics and log */
    ngx_uint_t               tokens;     /* a step wants the client's */
    size_t                   state_size; /* of a step, zeroed */
    ngx_adm_check_pt         check;
    ngx_adm_claim_pt         claim;      /* NULL: never claims or asks */
    ngx_adm_conclude_pt      conclude;   /* likewise */
    ngx_adm_foresee_pt       foresee;    /* NULL: never says when */
    ngx_adm_settle_pt        settle;     /* NULL: nothing to do */
    ngx_adm_give_back_pt     give_back;  /* NULL: takes nothing */
    ngx_adm_leave_pt         leave;      /* NULL: keeps nothing so long */
};


typedef enum {
#if (NGX_ADM_TEST)
    NGX_ADM_POLICY_PROBE,
#endif
#if (NGX_ADM_LUAJIT)
    NGX_ADM_POLICY_SCRIPT,
#endif
    NGX_ADM_POLICY_ROOM,
    NGX_ADM_POLICY_RATE,
    NGX_ADM_POLICY_IDEMPOTENCY,
    NGX_ADM_POLICY_INVENTORY,
    NGX_ADM_POLICY_SHED,
    NGX_ADM_POLICIES
} ngx_adm_policy_e;


extern ngx_adm_policy_t  *ngx_adm_policies[NGX_ADM_POLICIES];


#endif /* _NGX_ADM_POLICY_H_INCLUDED_ */
