
/*
 * What shedding has to know of a request: whose it is, how old, and whether
 * the event loop has time for it at all.
 */


#include <ngx_http_adm.h>
#include <adm_recent.h>


#define NGX_HTTP_ADM_PREFIX   8          /* bytes of an IPv6 address: /64 */


static ngx_uint_t ngx_http_adm_stranger(ngx_http_adm_ctx_t *ctx);
static ngx_uint_t ngx_http_adm_keyed(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);
static uint64_t ngx_http_adm_client_tag(ngx_http_request_t *r);
static adm_str_t ngx_http_adm_client_address(struct sockaddr *sa);


/*
 * By the pass, else by the address and the browser.  What is known of a
 * client only behind authentication, or with a key, is not asked: the same
 * person would be another one at the next step.
 */

uint64_t
ngx_http_adm_client(ngx_adm_subject_t *s)
{
    adm_str_t            pass;
    ngx_http_adm_ctx_t  *ctx;

    ctx = s->owner;

    if (ctx->who) {
        return ctx->who;
    }

    if (s->pass) {
        pass.len = sizeof(s->pass);
        pass.data = (u_char *) &s->pass;

        ctx->who = adm_recent_tag(0, pass);

    } else {
        ctx->who = ngx_http_adm_client_tag(ctx->request);
    }

    return ctx->who;
}


static uint64_t
ngx_http_adm_client_tag(ngx_http_request_t *r)
{
    uint64_t          tag;
    adm_str_t         browser;
    ngx_table_elt_t  *h;

    tag = adm_recent_tag(0,
                         ngx_http_adm_client_address(r->connection->sockaddr));

    h = r->headers_in.user_agent;

    if (h) {
        browser.len = h->value.len;
        browser.data = h->value.data;

        tag = adm_recent_tag(tag, browser);
    }

    return tag;
}


/* of an IPv6 address the prefix, within which a client may choose */

static adm_str_t
ngx_http_adm_client_address(struct sockaddr *sa)
{
    adm_str_t             address;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        address.data = sin6->sin6_addr.s6_addr;
        address.len = NGX_HTTP_ADM_PREFIX;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            address.data += 12;
            address.len = 4;
        }

        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        address.data = (u_char *) &sin->sin_addr.s_addr;
        address.len = 4;
        break;

    default:                       /* AF_UNIX: all are one */
        address.data = (u_char *) "";
        address.len = 0;
        break;
    }

    return address;
}


uint64_t
ngx_http_adm_age(ngx_http_request_t *r)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   age;

    tp = ngx_timeofday();

    age = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                            + (tp->msec - r->start_msec));

    /* the clock was set back */

    return ngx_max(age, 0);
}


ngx_uint_t
ngx_http_adm_budget(ngx_http_adm_ctx_t *ctx, uint64_t *left)
{
    uint64_t              age;
    ngx_queue_t          *q;
    ngx_msec_t            least, budget;
    ngx_http_adm_step_t  *step;

    least = 0;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->use->policy != &ngx_adm_shed_policy) {
            continue;
        }

        budget = ((ngx_adm_shed_t *) step->use->conf)->gate->budget;

        if (budget && (least == 0 || budget < least)) {
            least = budget;
        }
    }

    if (least == 0) {
        return 0;
    }

    age = ngx_http_adm_age(ctx->request);

    *left = (age < least) ? least - age : 0;

    return 1;
}


ngx_uint_t
ngx_http_adm_uploads(ngx_http_request_t *r)
{
    ngx_http_adm_loc_conf_t  *alcf;

    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        return 0;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    return alcf->buffers;
}


ngx_adm_use_t *
ngx_http_adm_overload(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_adm_use_t            *use;
    ngx_adm_late_e            late;
    ngx_http_adm_loc_conf_t  *alcf;

    alcf = ctx->location;

    ctx->subject.dry_run = (ctx->mode == NGX_HTTP_ADM_DRY_RUN);

    for (i = alcf->npipeline; i-- > 0; /* void */) {
        use = alcf->pipeline[i];

        /* they are the last */

        if (use->policy != &ngx_adm_shed_policy) {
            break;
        }

        late = ngx_adm_shed_late(use->conf);

        if (late != NGX_ADM_LATE_NONE
            && (late == NGX_ADM_LATE_ALL || ngx_http_adm_stranger(ctx))
            && ngx_adm_shed_overload(&ctx->subject, use->conf)
               == NGX_ADM_REFUSE)
        {
            return use;
        }
    }

    return NULL;
}


/*
 * 1: there is neither a token nor a key, whatever it is worth.  No value is
 * evaluated for this.
 */

static ngx_uint_t
ngx_http_adm_stranger(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                i, n;
    ngx_str_t                *tokens;
    ngx_adm_use_t            *use;
    ngx_http_adm_loc_conf_t  *alcf;

    alcf = ctx->location;

    for (i = 0; i < alcf->npipeline; i++) {
        use = alcf->pipeline[i];

        if (use->policy == &ngx_adm_idempotency_policy
            && ngx_http_adm_keyed(ctx, use))
        {
            return 0;
        }

        if (use->policy->tokens
            && (ngx_http_adm_tokens(ctx->request, ngx_http_adm_room_of(use),
                                    ctx->mode == NGX_HTTP_ADM_DRY_RUN,
                                    &tokens, &n)
                != NGX_OK
                || n))
        {
            return 0;
        }
    }

    return 1;
}


/* where the key is no field alone, a method that comes with keys will do */

static ngx_uint_t
ngx_http_adm_keyed(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    ngx_str_t               value;
    ngx_adm_idempotency_t  *of;

    of = use->conf;

    if (!(use->methods & ctx->subject.method)) {
        return 0;
    }

    return of->field.len == 0
           || ngx_http_adm_request_field(ctx->request, &of->field, &value)
              != NGX_OK
           || value.data != NULL;
}
