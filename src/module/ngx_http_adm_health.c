
/*
 * admission_health: whether a balancer should send this node requests.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_lag.h>


/* of the event loops, us: people wait for their pages */
#define NGX_HTTP_ADM_HEALTH_LAG   500000


typedef enum {
    NGX_HTTP_ADM_HEALTH_OK = 0,
    NGX_HTTP_ADM_HEALTH_DEGRADED,
    NGX_HTTP_ADM_HEALTH_DOWN
} ngx_http_adm_health_e;


static ngx_int_t ngx_http_adm_health_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_health_broken(ngx_http_adm_main_conf_t *amcf);
static ngx_uint_t ngx_http_adm_health_stalled(ngx_http_adm_main_conf_t *amcf);
static json_t *ngx_http_adm_health_tell(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_health_e health, ngx_uint_t stalled, uint64_t lag);
static ngx_http_adm_health_e ngx_http_adm_health_of(
    ngx_http_adm_main_conf_t *amcf, ngx_uint_t troubled);


ngx_http_adm_content_t  ngx_http_adm_health = {
    ngx_string("admission_health"),
    ngx_http_adm_health_handler,
    NGX_HTTP_GET|NGX_HTTP_HEAD,
    ngx_string("GET, HEAD"),
    NGX_HTTP_ADM_CONTENT_STRICT|NGX_HTTP_ADM_CONTENT_ANYBODY
};


/* in the order of ngx_http_adm_health_e */

static const char  *ngx_http_adm_healths[] = { "ok", "degraded", "down" };


/* in the order of ngx_adm_circuit_e */

static const char  *ngx_http_adm_health_circuits[] = {
    "closed",
    "open",
    "half_open"
};


/* anybody may ask: nothing tells who or what the node is */

static ngx_int_t
ngx_http_adm_health_handler(ngx_http_request_t *r)
{
    uint64_t                   lag;
    ngx_uint_t                 broken, stalled, refused;
    ngx_http_adm_health_e      health;
    ngx_http_adm_loc_conf_t   *alcf;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    lag = ngx_adm_lag(amcf->counters);
    broken = ngx_http_adm_health_broken(amcf);
    stalled = ngx_http_adm_health_stalled(amcf);

    health = ngx_http_adm_health_of(amcf, lag > NGX_HTTP_ADM_HEALTH_LAG
                                          || broken || stalled
                                          || (amcf->state
                                              && !ngx_adm_state_works(
                                                               amcf->state)));

    refused = (health == NGX_HTTP_ADM_HEALTH_DOWN) || (alcf->strict && broken);

    return ngx_http_adm_send_json(r, refused ? NGX_HTTP_SERVICE_UNAVAILABLE
                                             : NGX_HTTP_OK,
                                  &ngx_http_adm_json,
                                  ngx_http_adm_health_tell(amcf, health,
                                                           stalled, lag));
}


static json_t *
ngx_http_adm_health_tell(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_health_e health, ngx_uint_t stalled, uint64_t lag)
{
    const char         *redis, *state;
    ngx_adm_circuit_e   circuit;

    redis = (amcf->redis == NULL) ? "off"
            : ngx_http_adm_redis_is_up(amcf) ? "up" : "down";
    circuit = amcf->redis ? ngx_http_adm_redis_circuit_state(amcf)
                          : NGX_ADM_CIRCUIT_CLOSED;
    state = (amcf->state == NULL) ? "off"
            : ngx_adm_state_works(amcf->state) ? "ok" : "failing";

    return json_pack("{ss,ss,ss,ss,ss,ss,sf}",
                     "status", ngx_http_adm_healths[health],
                     "mode", ngx_http_adm_mode_name(amcf),
                     "redis", redis,
                     "circuit_breaker_state",
                     ngx_http_adm_health_circuits[circuit],
                     "rooms", stalled ? "stalled" : "ok",
                     "state", state,
                     "loop_lag_seconds", (double) lag / 1000000);
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


static ngx_http_adm_health_e
ngx_http_adm_health_of(ngx_http_adm_main_conf_t *amcf, ngx_uint_t troubled)
{
    /* a worker also quits when another generation takes its place */

    if ((ngx_exiting || ngx_quit || ngx_terminate)
        && ngx_adm_counters_generation(amcf->counters)
           == amcf->counters->generation)
    {
        return NGX_HTTP_ADM_HEALTH_DOWN;
    }

    return troubled ? NGX_HTTP_ADM_HEALTH_DEGRADED : NGX_HTTP_ADM_HEALTH_OK;
}
