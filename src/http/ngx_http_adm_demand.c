
/*
 * Who asks, and when those who were refused are to come back.
 *
 * A client is told from others by its address, the path, and the fields that
 * differ between people behind one address.
 */


#include <ngx_http_adm.h>
#include <adm_spread.h>


static ngx_uint_t ngx_http_adm_demand_turn(ngx_http_adm_ctx_t *ctx,
    ngx_adm_demand_t *demand);
static uint64_t ngx_http_adm_demand_client(ngx_http_adm_ctx_t *ctx,
    ngx_adm_demand_t *demand);
static uint64_t ngx_http_adm_demand_tag(ngx_http_request_t *r,
    ngx_adm_demand_t *demand);
static ngx_uint_t ngx_http_adm_demand_field(ngx_table_elt_t *field);


void
ngx_http_adm_demand_asked(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_adm_main_conf_t  *amcf;

    if (ctx->asked) {
        return;
    }

    ctx->asked = 1;

    /* who waits in line was counted when they came */

    if (ctx->subject.poll || ctx->subject.again) {
        return;
    }

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    if (!ngx_adm_demand_quiet(amcf->demand)) {
        ctx->client = ngx_http_adm_demand_client(ctx, amcf->demand);
    }

    ngx_adm_demand_asked(amcf->demand, ctx->client);
}


void
ngx_http_adm_demand_refused(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                 turn;
    ngx_http_adm_main_conf_t  *amcf;

    if (ctx->answer.retry == NGX_ADM_NO_RETRY
        || (ctx->answer.pace == 0
            && (ctx->subject.poll || ctx->subject.again)))
    {
        return;
    }

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    if (ctx->client == 0) {
        ctx->client = ngx_http_adm_demand_client(ctx, amcf->demand);
    }

    if (ctx->answer.pace) {
        turn = ngx_http_adm_demand_turn(ctx, amcf->demand);
        ctx->answer.retry = ngx_max(ctx->answer.retry, turn);
    }

    ngx_adm_demand_refused(amcf->demand, ctx->client, ctx->answer.retry);
}


/*
 * Of a budget that many wait for each worker gives away its part of the units,
 * one after the other; who comes too early keeps the one that it was given.
 * 0: nobody else waits.
 */

static ngx_uint_t
ngx_http_adm_demand_turn(ngx_http_adm_ctx_t *ctx, ngx_adm_demand_t *demand)
{
    uint64_t          key, now, wait;
    ngx_uint_t        left;
    ngx_core_conf_t  *ccf;

    static adm_spread_t  spread;

    key = ngx_adm_demand_tag(demand, (uint64_t) (uintptr_t) ctx->by->series,
                             &ctx->answer.key);
    now = ngx_adm_clock() / 1000;
    left = ngx_adm_demand_left(demand, ctx->client);

    if (left) {
        return adm_spread_busy(&spread, key, now)
               ? ngx_min(left, ADM_SPREAD_MAX / 1000000) : 0;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    wait = adm_spread_book(&spread, key, ctx->client, now,
                           ctx->answer.pace * ccf->worker_processes);

    return (wait + 999999) / 1000000;
}


/* who has a pass is known by it, also when it is renewed */

static uint64_t
ngx_http_adm_demand_client(ngx_http_adm_ctx_t *ctx, ngx_adm_demand_t *demand)
{
    uint64_t   tag;
    ngx_str_t  pass;

    if (ctx->subject.pass == 0) {
        return ngx_http_adm_demand_tag(ctx->request, demand);
    }

    pass.len = sizeof(ctx->subject.pass);
    pass.data = (u_char *) &ctx->subject.pass;

    tag = ngx_adm_demand_tag(demand, 0, &pass);

    return ngx_adm_demand_tag(demand, tag, &ctx->request->uri);
}


static uint64_t
ngx_http_adm_demand_tag(ngx_http_request_t *r, ngx_adm_demand_t *demand)
{
    uint64_t          tag;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *field;

    tag = ngx_adm_demand_tag(demand, 0, &r->connection->addr_text);
    tag = ngx_adm_demand_tag(demand, tag, &r->uri);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        field = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_adm_demand_field(&field[i])) {
                tag = ngx_adm_demand_tag(demand, tag, &field[i].value);
            }
        }
    }

    return tag;
}


static ngx_uint_t
ngx_http_adm_demand_field(ngx_table_elt_t *field)
{
    const char  *name;

    switch (field->key.len) {

    case sizeof("cookie") - 1:
        name = "cookie";
        break;

    case sizeof("user-agent") - 1:
        name = "user-agent";
        break;

    case sizeof("authorization") - 1:
        name = "authorization";
        break;

    case sizeof("idempotency-key") - 1:
        name = "idempotency-key";
        break;

    default:
        return 0;
    }

    return ngx_strncmp(field->lowcase_key, name, field->key.len) == 0;
}
