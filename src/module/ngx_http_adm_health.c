
/*
 * admission_health: whether a balancer should send this node requests.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_lag.h>


/* of the event loops, us: people wait for their pages */
#define NGX_HTTP_ADM_HEALTH_LAG   500000

/* checkouts whose end Redis does not know: what is half full is not emptied as
   fast as it fills */
#define NGX_HTTP_ADM_HEALTH_OWED  (NGX_ADM_OUTBOX_PLACES / 2)


typedef enum {
    NGX_HTTP_ADM_HEALTH_OK = 0,
    NGX_HTTP_ADM_HEALTH_DEGRADED,
    NGX_HTTP_ADM_HEALTH_DOWN
} ngx_http_adm_health_e;


/* what is wrong */

typedef struct {
    uint64_t    lag;             /* of the event loops, us */
    ngx_uint_t  broken;          /* Redis */
    ngx_uint_t  open;            /* the circuit of an upstream */
    ngx_uint_t  stalled;         /* the line of a room */
    ngx_uint_t  unconfirmed;     /* stock, since a failover */
    ngx_uint_t  filling;         /* the outbox */
    ngx_uint_t  failing;         /* what has to be kept does not come to disk
                                    */
} ngx_http_adm_troubles_t;


static ngx_int_t ngx_http_adm_health_handler(ngx_http_request_t *r);
static void ngx_http_adm_health_look(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_troubles_t *troubles);
static ngx_uint_t ngx_http_adm_health_broken(ngx_http_adm_main_conf_t *amcf);
static ngx_uint_t ngx_http_adm_health_stalled(ngx_http_adm_main_conf_t *amcf);
static ngx_uint_t ngx_http_adm_health_filling(ngx_http_adm_main_conf_t *amcf);
static json_t *ngx_http_adm_health_tell(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_health_e health, ngx_http_adm_troubles_t *troubles);
static ngx_adm_circuit_e ngx_http_adm_health_circuit(
    ngx_http_adm_main_conf_t *amcf);
static const char *ngx_http_adm_health_word(void *what, ngx_uint_t wrong,
    const char *word);
static ngx_http_adm_health_e ngx_http_adm_health_of(
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_troubles_t *troubles);


ngx_http_adm_content_t  ngx_http_adm_health = {
    ngx_string("admission_health"),
    ngx_http_adm_health_handler,
    NGX_HTTP_GET|NGX_HTTP_HEAD,
    ngx_string("GET, HEAD"),
    NGX_HTTP_ADM_CONTENT_STRICT|NGX_HTTP_ADM_CONTENT_ANYBODY
};


/* in the order of ngx_http_adm_health_e */

static const char  *ngx_http_adm_healths[] = { "ok", "degraded", "down" };


/* anybody may ask: nothing tells who or what the node is */

static ngx_int_t
ngx_http_adm_health_handler(ngx_http_request_t *r)
{
    ngx_uint_t                 refused;
    ngx_http_adm_health_e      health;
    ngx_http_adm_loc_conf_t   *alcf;
    ngx_http_adm_troubles_t    troubles;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    ngx_http_adm_health_look(amcf, &troubles);

    health = ngx_http_adm_health_of(amcf, &troubles);
    refused = (health == NGX_HTTP_ADM_HEALTH_DOWN)
              || (alcf->strict && (troubles.broken || troubles.open));

    return ngx_http_adm_send_json(r, refused ? NGX_HTTP_SERVICE_UNAVAILABLE
                                             : NGX_HTTP_OK,
                                  &ngx_http_adm_json,
                                  ngx_http_adm_health_tell(amcf, health,
                                                           &troubles));
}


static void
ngx_http_adm_health_look(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_troubles_t *troubles)
{
    troubles->lag = ngx_adm_lag(amcf->counters);
    troubles->broken = ngx_http_adm_health_broken(amcf);
    troubles->open = (ngx_http_adm_gates_circuit(amcf)
                      == NGX_ADM_CIRCUIT_OPEN);
    troubles->stalled = ngx_http_adm_health_stalled(amcf);
    troubles->unconfirmed = amcf->stock
                            && ngx_adm_stock_unconfirmed(amcf->stock);
    troubles->filling = ngx_http_adm_health_filling(amcf);
    troubles->failing = amcf->state && !ngx_adm_state_works(amcf->state);
}


static json_t *
ngx_http_adm_health_tell(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_health_e health, ngx_http_adm_troubles_t *troubles)
{
    const char  *redis;

    redis = (amcf->redis == NULL) ? "off"
            : ngx_http_adm_redis_is_up(amcf) ? "up" : "down";

    return json_pack("{ss,ss,ss,ss,ss,ss,ss,ss,sf}",
                     "status", ngx_http_adm_healths[health],
                     "mode", ngx_http_adm_mode_name(amcf),
                     "redis", redis,
                     "circuit_breaker_state",
                     ngx_http_adm_circuit_words[
                                          ngx_http_adm_health_circuit(amcf)],
                     "rooms", troubles->stalled ? "stalled" : "ok",
                     "stock",
                     ngx_http_adm_health_word(amcf->stock,
                                              troubles->unconfirmed,
                                              "unconfirmed"),
                     "outbox",
                     ngx_http_adm_health_word(amcf->outbox, troubles->filling,
                                              "filling"),
                     "state",
                     ngx_http_adm_health_word(amcf->state, troubles->failing,
                                              "failing"),
                     "loop_lag_seconds", (double) troubles->lag / 1000000);
}


/* the worst of Redis' and of the upstreams' */

static ngx_adm_circuit_e
ngx_http_adm_health_circuit(ngx_http_adm_main_conf_t *amcf)
{
    ngx_adm_circuit_e  redis, gates;

    redis = amcf->redis ? ngx_http_adm_redis_circuit_state(amcf)
                        : NGX_ADM_CIRCUIT_CLOSED;
    gates = ngx_http_adm_gates_circuit(amcf);

    if (redis == NGX_ADM_CIRCUIT_OPEN || gates == NGX_ADM_CIRCUIT_OPEN) {
        return NGX_ADM_CIRCUIT_OPEN;
    }

    return ngx_max(redis, gates);
}


static const char *
ngx_http_adm_health_word(void *what, ngx_uint_t wrong, const char *word)
{
    return (what == NULL) ? "off" : wrong ? word : "ok";
}


/* 1 if a process cannot ask Redis, or does not for a while */

static ngx_uint_t
ngx_http_adm_health_broken(ngx_http_adm_main_conf_t *amcf)
{
    return amcf->redis
           && (!ngx_http_adm_redis_is_up(amcf)
               || ngx_http_adm_redis_circuit_state(amcf)
                  == NGX_ADM_CIRCUIT_OPEN);
}


/* 1 if the line of a room does not move */

static ngx_uint_t
ngx_http_adm_health_stalled(ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = amcf->rooms.elts;

    for (i = 0; i < amcf->rooms.nelts; i++) {

        if (ngx_adm_room_stalled(&rooms[i]->room)) {
            return 1;
        }
    }

    return 0;
}


/* 1 if Redis is told more slowly than there is to tell */

static ngx_uint_t
ngx_http_adm_health_filling(ngx_http_adm_main_conf_t *amcf)
{
    uint64_t  owed, used;

    if (amcf->outbox == NULL) {
        return 0;
    }

    ngx_adm_outbox_used(amcf->outbox, &owed, &used);

    return owed > NGX_HTTP_ADM_HEALTH_OWED;
}


static ngx_http_adm_health_e
ngx_http_adm_health_of(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_troubles_t *troubles)
{
    /* a worker also quits when another generation takes its place */

    if ((ngx_exiting || ngx_quit || ngx_terminate)
        && ngx_adm_counters_generation(amcf->counters)
           == amcf->counters->generation)
    {
        return NGX_HTTP_ADM_HEALTH_DOWN;
    }

    return (troubles->lag > NGX_HTTP_ADM_HEALTH_LAG || troubles->broken
            || troubles->open || troubles->stalled || troubles->unconfirmed
            || troubles->filling || troubles->failing)
           ? NGX_HTTP_ADM_HEALTH_DEGRADED : NGX_HTTP_ADM_HEALTH_OK;
}
