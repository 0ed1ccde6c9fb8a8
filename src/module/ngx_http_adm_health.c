
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
    uint64_t                   lag;
    ngx_http_adm_health_e      health;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    lag = ngx_adm_lag(amcf->counters);
    health = (lag > NGX_HTTP_ADM_HEALTH_LAG) ? NGX_HTTP_ADM_HEALTH_DEGRADED
                                             : NGX_HTTP_ADM_HEALTH_OK;

    /* a worker also quits when another generation takes its place */

    if ((ngx_exiting || ngx_quit || ngx_terminate)
        && ngx_adm_counters_generation(amcf->counters)
           == amcf->counters->generation)
    {
        health = NGX_HTTP_ADM_HEALTH_DOWN;
    }

    return ngx_http_adm_send_json(r, (health == NGX_HTTP_ADM_HEALTH_DOWN)
                                     ? NGX_HTTP_SERVICE_UNAVAILABLE
                                     : NGX_HTTP_OK,
                                  &ngx_http_adm_json,
                                  json_pack("{ss,ss,ss,ss,sf}",
                                            "status",
                                            ngx_http_adm_healths[health],
                                            "mode",
                                            ngx_http_adm_mode_name(amcf),
                                            "redis", "off",
                                            "circuit_breaker_state", "closed",
                                            "loop_lag_seconds",
                                            (double) lag / 1000000));
}
