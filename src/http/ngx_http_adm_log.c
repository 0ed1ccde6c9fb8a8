
/*
 * The line of a refusal.
 *
 * A crowd is refused thousands of times a second for the same reason: the
 * first refusal of a second is written in full, those of the same policy and
 * reason that follow are counted, and their number is written when the second
 * is over.  The access log has each, by our variables.
 */


#include <ngx_http_adm.h>


#define NGX_HTTP_ADM_LOG_LINES   32
#define NGX_HTTP_ADM_LOG_PERIOD  1000        /* ms */
#define NGX_HTTP_ADM_LOG_SKU     128
#define NGX_HTTP_ADM_LOG_FACTS   (128 + NGX_HTTP_ADM_LOG_SKU                  \
                                  + 4 * NGX_INT64_LEN)


/* a line of this second, in this process */

typedef struct {
    ngx_adm_use_t       *use;                /* one of them; NULL: no line */
    ngx_adm_reason_e     reason;
    ngx_uint_t           dry_run;
    ngx_uint_t           level;
    ngx_uint_t           similar;
} ngx_http_adm_log_line_t;


static ngx_http_adm_log_line_t *ngx_http_adm_log_find(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);
static void ngx_http_adm_log_line(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);
static u_char *ngx_http_adm_log_facts(u_char *p, ngx_http_adm_ctx_t *ctx);
static u_char *ngx_http_adm_log_gate(u_char *p, ngx_adm_gate_t *gate);
static void ngx_http_adm_log_tick(ngx_event_t *ev);


static ngx_http_adm_log_line_t  ngx_http_adm_lines[NGX_HTTP_ADM_LOG_LINES];
static ngx_event_t              ngx_http_adm_log_event;
static ngx_connection_t         ngx_http_adm_log_connection;


ngx_int_t
ngx_http_adm_log_init(ngx_cycle_t *cycle)
{
    /* of a process without a master: the names go with the old cycle */

    ngx_http_adm_log_flush();

    /* debug logging of timers reads a connection's descriptor */

    ngx_http_adm_log_connection.fd = (ngx_socket_t) -1;

    ngx_http_adm_log_event.handler = ngx_http_adm_log_tick;
    ngx_http_adm_log_event.data = &ngx_http_adm_log_connection;
    ngx_http_adm_log_event.log = cycle->log;
    ngx_http_adm_log_event.cancelable = 1;

    return NGX_OK;
}


void
ngx_http_adm_log_refusal(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_use_t            *use;
    ngx_http_adm_log_line_t  *line;

    use = ctx->by;

    /* whoever polls has been refused, and logged, before */

    if (ctx->request->connection->log->log_level < ctx->level
        || ctx->answer.reason == NGX_ADM_REASON_POLL)
    {
        return;
    }

    line = ngx_http_adm_log_find(ctx, use);

    if (line && line->use) {
        line->similar++;
        return;
    }

    if (line) {
        line->use = use;
        line->reason = ctx->answer.reason;
        line->dry_run = ctx->dry_run;
        line->level = ctx->level;
        line->similar = 0;

        if (!ngx_http_adm_log_event.timer_set) {
            ngx_add_timer(&ngx_http_adm_log_event, NGX_HTTP_ADM_LOG_PERIOD);
        }
    }

    ngx_http_adm_log_line(ctx, use);
}


static void
ngx_http_adm_log_line(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    ngx_str_t          correlation;
    ngx_adm_reason_t  *reason;
    u_char             facts[NGX_HTTP_ADM_LOG_FACTS];

    reason = &ngx_adm_reasons[ctx->answer.reason];

    *ngx_http_adm_log_facts(facts, ctx) = '\0';

    if (ngx_http_adm_correlation(ctx->request, &correlation) != NGX_OK) {
        ngx_str_null(&correlation);
    }

    ngx_log_error(ctx->level, ctx->request->connection->log, 0,
                  "admission: %V by %V \"%V\", reason: %V%s%s, "
                  "correlation: \"%V\"",
                  &ngx_adm_verdicts[reason->verdict], &use->policy->name,
                  &use->name, &reason->name, facts,
                  ctx->dry_run ? ", dry run" : "", &correlation);
}


/* when to come back, and what is left of a limit, or the place in a line */

static u_char *
ngx_http_adm_log_facts(u_char *p, ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_place_t   *place;
    ngx_adm_answer_t  *answer;

    answer = &ctx->answer;
    place = answer->place;

    if (answer->sku.len) {
        p = ngx_sprintf(p, ", sku: %*s", ngx_min(answer->sku.len,
                                                 NGX_HTTP_ADM_LOG_SKU),
                        answer->sku.data);
    }

    if (answer->id[0]) {
        p = ngx_sprintf(p, ", key: %s", answer->id);
    }

    if (answer->retry != NGX_ADM_NO_RETRY) {
        p = ngx_sprintf(p, ", retry after: %ui s", answer->retry);
    }

    if (answer->word.len) {
        p = ngx_sprintf(p, ", word: %V", &answer->word);
    }

    if (ctx->by->policy == &ngx_adm_shed_policy) {
        return ngx_http_adm_log_gate(p,
                                ((ngx_adm_shed_t *) ctx->by->conf)->gate);
    }

    if (place == NULL) {
        return answer->quota.quota
               ? ngx_sprintf(p, ", remaining: %uL", answer->quota.remaining)
               : p;
    }

    p = ngx_sprintf(p, ", state: %V", &ngx_adm_places[place->state]);

    if (place->ticket) {
        p = ngx_sprintf(p, ", ticket: %uL", place->ticket);
    }

    return place->has_wait
           ? ngx_sprintf(p, ", position: %uL", place->ahead + 1) : p;
}


/* how many are inside, of how many; a limit in tenths */

static u_char *
ngx_http_adm_log_gate(u_char *p, ngx_adm_gate_t *gate)
{
    ngx_adm_gate_told_t  told;

    ngx_adm_gate_tell(gate, &told);

    p = ngx_sprintf(p, ", inside: %ui", told.inside);

    return (told.share == NGX_ADM_GATE_NO_LIMIT)
           ? p : ngx_sprintf(p, ", limit: %uL.%uL", told.share / 1000,
                             told.share % 1000 / 100);
}


/* the line of this kind, or a free one; NULL: all are taken by others */

static ngx_http_adm_log_line_t *
ngx_http_adm_log_find(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    ngx_uint_t                i;
    ngx_http_adm_log_line_t  *line, *unused;

    unused = NULL;

    for (i = 0; i < NGX_HTTP_ADM_LOG_LINES; i++) {
        line = &ngx_http_adm_lines[i];

        if (line->use == NULL) {
            unused = unused ? unused : line;

        } else if (line->use->series == use->series
                   && line->reason == ctx->answer.reason
                   && line->dry_run == ctx->dry_run
                   && line->level == ctx->level)
        {
            return line;
        }
    }

    return unused;
}


static void
ngx_http_adm_log_tick(ngx_event_t *ev)
{
    ngx_http_adm_log_flush();
}


void
ngx_http_adm_log_flush(void)
{
    ngx_uint_t                i;
    ngx_adm_reason_t         *reason;
    ngx_http_adm_log_line_t  *line;

    for (i = 0; i < NGX_HTTP_ADM_LOG_LINES; i++) {
        line = &ngx_http_adm_lines[i];
        reason = &ngx_adm_reasons[line->reason];

        if (line->use && line->similar) {
            ngx_log_error(line->level, ngx_cycle->log, 0,
                          "admission: %V by %V \"%V\", reason: %V%s, "
                          "%ui similar",
                          &ngx_adm_verdicts[reason->verdict],
                          &line->use->policy->name, &line->use->name,
                          &reason->name, line->dry_run ? ", dry run" : "",
                          line->similar);
        }

        line->use = NULL;
    }
}
