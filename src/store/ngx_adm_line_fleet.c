
/*
 * The line of a room over a fleet: what goes to the store, and comes back.
 */


#include <ngx_adm_line_fleet.h>


/* a command that waits for its answer; in its trip's pool */

typedef struct {
    ngx_queue_t               queue;
    ngx_adm_command_t        *command;
    ngx_adm_line_done_pt      done;
    ngx_msec_t                since;     /* of ngx_current_msec */
} ngx_adm_line_ask_t;


/* those that joined by one call; in its pool */

typedef struct {
    ngx_adm_line_fleet_t     *lf;
    ngx_queue_t               asks;
    ngx_uint_t                n;
    ngx_uint_t                entrants;
} ngx_adm_line_joins_t;


typedef struct {
    ngx_adm_line_fleet_t     *lf;
    ngx_adm_line_ask_t       *ask;       /* not there any more when late */
    uint64_t                  ticket;
} ngx_adm_line_claim_t;


typedef struct {
    ngx_adm_line_fleet_t     *lf;
    ngx_str_t                 message;
} ngx_adm_line_told_t;


static ngx_int_t ngx_adm_line_fleet_keys(ngx_conf_t *cf,
    ngx_adm_line_fleet_t *lf, ngx_array_t *keys, const char *const *suffixes);
static ngx_int_t ngx_adm_line_fleet_memory(void *data, void *memory,
    ngx_uint_t made);
static ngx_adm_line_ask_t *ngx_adm_line_fleet_note(ngx_adm_command_t *command,
    ngx_adm_line_done_pt done);
static void ngx_adm_line_fleet_gather(ngx_adm_line_fleet_t *lf,
    ngx_adm_line_ask_t *ask);
static void ngx_adm_line_fleet_go(ngx_event_t *ev);
static void ngx_adm_line_fleet_join(ngx_adm_line_fleet_t *lf);
static void ngx_adm_line_fleet_take(ngx_adm_line_fleet_t *lf,
    ngx_adm_line_joins_t *joins);
static ngx_msec_t ngx_adm_line_fleet_left(ngx_adm_line_joins_t *joins);
static void ngx_adm_line_fleet_joined(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_line_fleet_joined_late(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static ngx_uint_t ngx_adm_line_fleet_heard(ngx_adm_call_t *call,
    ngx_adm_value_t *value, adm_fleet_joined_t *joined);
static void ngx_adm_line_fleet_answer(ngx_adm_line_joins_t *joins,
    adm_fleet_joined_t *joined);
static void ngx_adm_line_fleet_deal(ngx_adm_line_fleet_t *lf,
    adm_fleet_joined_t *joined, ngx_adm_command_t *command);
static void ngx_adm_line_fleet_said(ngx_adm_command_t *command,
    adm_line_rc_e rc);
static ngx_int_t ngx_adm_line_fleet_claim(ngx_adm_line_fleet_t *lf,
    ngx_adm_line_ask_t *ask);
static ngx_int_t ngx_adm_line_fleet_mark(ngx_adm_line_fleet_t *lf,
    ngx_adm_call_t *call, uint64_t ticket);
static void ngx_adm_line_fleet_tell(ngx_event_t *ev);
static void ngx_adm_line_fleet_claimed(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_line_fleet_claimed_late(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static ngx_uint_t ngx_adm_line_fleet_learned(ngx_adm_call_t *call,
    ngx_adm_value_t *value, adm_line_rc_e *rc, adm_pass_t *pass);
static ngx_msec_t ngx_adm_line_fleet_period(ngx_uint_t nodes);
static void ngx_adm_line_fleet_ticked(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_line_fleet_ticked_late(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static ngx_adm_call_t *ngx_adm_line_fleet_call(ngx_adm_line_fleet_t *lf,
    ngx_adm_script_e script, ngx_msec_t timeout, u_char *message, size_t len);
static void ngx_adm_line_fleet_complain(ngx_adm_line_fleet_t *lf,
    ngx_adm_call_t *call);


ngx_adm_line_fleet_t *
ngx_adm_line_fleet_add(ngx_conf_t *cf, ngx_adm_line_t *line,
    ngx_adm_fleet_t *fleet)
{
    u_char                *p;
    ngx_str_t             *zone;
    ngx_adm_fleet_part_t  *part;
    ngx_adm_line_fleet_t  *lf;

    zone = &line->zone->shm_zone->shm.name;

    lf = ngx_pcalloc(cf->pool, sizeof(ngx_adm_line_fleet_t));
    p = ngx_pnalloc(cf->pool, sizeof("line::") - 1 + zone->len
                              + line->name.len);
    part = ngx_adm_fleet_part(fleet);

    if (lf == NULL || p == NULL || part == NULL) {
        return NULL;
    }

    lf->fleet = fleet;
    lf->line = line;

    ngx_memzero(part, sizeof(ngx_adm_fleet_part_t));

    part->name.data = p;
    part->name.len = ngx_sprintf(p, "line:%V:%V", zone, &line->name) - p;
    part->size = adm_fleet_size();
    part->attach = ngx_adm_line_fleet_memory;
    part->data = lf;

    ngx_queue_init(&lf->joins);
    ngx_queue_init(&lf->told);

    lf->event.handler = ngx_adm_line_fleet_go;
    lf->event.data = lf;
    lf->event.log = &cf->cycle->new_log;

    lf->telling.handler = ngx_adm_line_fleet_tell;
    lf->telling.data = lf;
    lf->telling.log = &cf->cycle->new_log;

    if (ngx_adm_line_fleet_keys(cf, lf, &lf->keys[0], adm_fleet_join_keys)
        != NGX_OK
        || ngx_adm_line_fleet_keys(cf, lf, &lf->keys[1], adm_fleet_claim_keys)
           != NGX_OK
        || ngx_adm_line_fleet_keys(cf, lf, &lf->keys[2], adm_fleet_tick_keys)
           != NGX_OK)
    {
        return NULL;
    }

    line->fleet = lf;

    return lf;
}


/* the name is in braces: all keys of a room are in one slot of a cluster */

static ngx_int_t
ngx_adm_line_fleet_keys(ngx_conf_t *cf, ngx_adm_line_fleet_t *lf,
    ngx_array_t *keys, const char *const *suffixes)
{
    ngx_str_t  *key, *prefix;

    prefix = &lf->fleet->redis->conf.prefix;

    if (ngx_array_init(keys, cf->pool, 8, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( /* void */ ; *suffixes; suffixes++) {
        key = ngx_array_push(keys);
        if (key == NULL) {
            return NGX_ERROR;
        }

        key->data = ngx_pnalloc(cf->pool, prefix->len + sizeof("room:{}") - 1
                                          + lf->line->name.len
                                          + ngx_strlen(*suffixes));
        if (key->data == NULL) {
            return NGX_ERROR;
        }

        key->len = ngx_sprintf(key->data, "%Vroom:{%V}%s", prefix,
                               &lf->line->name, *suffixes)
                   - key->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_line_fleet_memory(void *data, void *memory, ngx_uint_t made)
{
    ngx_adm_line_fleet_t  *lf = data;

    lf->memory = memory;
    lf->made = made;

    ngx_adm_line_fleet_attach(lf);

    return NGX_OK;
}


/* the memories come in any order */

void
ngx_adm_line_fleet_attach(ngx_adm_line_fleet_t *lf)
{
    if (lf->memory == NULL || lf->line->sh == NULL) {
        return;
    }

    if (lf->made) {
        adm_fleet_init(lf->memory, &lf->line->line[0]);
    }

    adm_fleet_attach(&lf->state, lf->memory, &lf->line->line[0]);
}


ngx_int_t
ngx_adm_line_fleet_ask(ngx_adm_command_t *command, ngx_adm_line_done_pt done)
{
    ngx_adm_redis_t       *redis;
    ngx_adm_line_ask_t    *ask;
    ngx_adm_call_rc_e      why;
    ngx_adm_line_fleet_t  *lf;

    lf = command->line->fleet;
    redis = lf->fleet->redis;

    ask = ngx_adm_line_fleet_note(command, done);
    if (ask == NULL) {
        return NGX_DECLINED;
    }

    if (command->kind == NGX_ADM_COMMAND_CLAIM) {
        return ngx_adm_line_fleet_claim(lf, ask);
    }

    if (!ngx_adm_redis_up(redis, &why)) {
        ngx_adm_count(redis->calls[NGX_ADM_SCRIPT_LINE_JOIN], why);
        return NGX_DECLINED;
    }

    ngx_adm_line_fleet_gather(lf, ask);

    return NGX_OK;
}


static ngx_adm_line_ask_t *
ngx_adm_line_fleet_note(ngx_adm_command_t *command, ngx_adm_line_done_pt done)
{
    ngx_adm_line_ask_t  *ask;

    ask = ngx_palloc(command->trip->pool, sizeof(ngx_adm_line_ask_t));
    if (ask == NULL) {
        return NULL;
    }

    ask->command = command;
    ask->done = done;
    ask->since = ngx_current_msec;

    return ask;
}


/* who has to be answered must not be answered from here: hence the event */

static void
ngx_adm_line_fleet_gather(ngx_adm_line_fleet_t *lf, ngx_adm_line_ask_t *ask)
{
    ngx_msec_int_t  left;

    ngx_queue_insert_tail(&lf->joins, &ask->queue);

    if (++lf->njoins == ADM_FLEET_JOINS) {
        left = 0;

    } else if (lf->event.timer_set || lf->event.posted) {
        return;

    } else {
        left = lf->joined + NGX_ADM_LINE_GATHER - ngx_current_msec;
    }

    if (left > 0 && left <= NGX_ADM_LINE_GATHER) {
        ngx_add_timer(&lf->event, left);

    } else {
        ngx_post_event(&lf->event, &ngx_posted_events);
    }
}


static void
ngx_adm_line_fleet_go(ngx_event_t *ev)
{
    ngx_adm_line_fleet_t  *lf;

    lf = ev->data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    lf->joined = ngx_current_msec;

    while (!ngx_queue_empty(&lf->joins)) {
        ngx_adm_line_fleet_join(lf);
    }
}


static void
ngx_adm_line_fleet_join(ngx_adm_line_fleet_t *lf)
{
    size_t                 len;
    ngx_adm_call_t        *call;
    ngx_adm_line_joins_t   joins, *kept;
    u_char                 message[ADM_FLEET_ASK];

    ngx_adm_line_fleet_take(lf, &joins);

    len = adm_fleet_join(&lf->state, ngx_adm_line_now(), joins.n,
                         joins.entrants, message);

    call = ngx_adm_line_fleet_call(lf, NGX_ADM_SCRIPT_LINE_JOIN,
                                   ngx_adm_line_fleet_left(&joins), message,
                                   len);
    kept = call ? ngx_palloc(call->pool, sizeof(ngx_adm_line_joins_t)) : NULL;

    if (kept == NULL) {
        ngx_adm_line_fleet_answer(&joins, NULL);

        if (call) {
            ngx_adm_call_free(call);
        }

        return;
    }

    *kept = joins;
    ngx_queue_init(&kept->asks);
    ngx_queue_add(&kept->asks, &joins.asks);

    call->handler = ngx_adm_line_fleet_joined;
    call->late = ngx_adm_line_fleet_joined_late;
    call->data = kept;

    if (ngx_adm_call_send(call) != NGX_OK) {
        ngx_adm_line_fleet_answer(kept, NULL);
        ngx_adm_call_free(call);
    }
}


static void
ngx_adm_line_fleet_take(ngx_adm_line_fleet_t *lf, ngx_adm_line_joins_t *joins)
{
    ngx_queue_t         *q;
    ngx_adm_line_ask_t  *ask;

    joins->lf = lf;
    joins->n = 0;
    joins->entrants = 0;

    ngx_queue_init(&joins->asks);

    while (!ngx_queue_empty(&lf->joins) && joins->n < ADM_FLEET_JOINS) {
        q = ngx_queue_head(&lf->joins);
        ask = ngx_queue_data(q, ngx_adm_line_ask_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&joins->asks, q);

        joins->n++;
        joins->entrants += (ask->command->enters != 0);
    }

    lf->njoins -= joins->n;
}


/* ms that whoever is in the greatest hurry has left */

static ngx_msec_t
ngx_adm_line_fleet_left(ngx_adm_line_joins_t *joins)
{
    ngx_queue_t         *q;
    ngx_msec_int_t       left, least;
    ngx_adm_line_ask_t  *ask;

    least = NGX_MAX_INT_T_VALUE;

    for (q = ngx_queue_head(&joins->asks);
         q != ngx_queue_sentinel(&joins->asks);
         q = ngx_queue_next(q))
    {
        ask = ngx_queue_data(q, ngx_adm_line_ask_t, queue);
        left = ask->command->trip->timeout - (ngx_current_msec - ask->since);
        least = ngx_min(least, left);
    }

    return ngx_max(1, least);
}


static void
ngx_adm_line_fleet_joined(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    adm_fleet_joined_t  joined;

    ngx_adm_line_fleet_answer(call->data,
                              ngx_adm_line_fleet_heard(call, value, &joined)
                              ? &joined : NULL);
}


/* who joined in a script whose reply nobody waits for has left no more */

static void
ngx_adm_line_fleet_joined_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    adm_pass_t             pass;
    adm_fleet_joined_t     joined;
    ngx_adm_line_joins_t  *joins;

    joins = call->data;

    if (!ngx_adm_line_fleet_heard(call, value, &joined)) {
        return;
    }

    while (joined.passes) {
        joined.passes--;

        adm_fleet_expiry(&joins->lf->state, joined.second, &pass);
        pass.serial = joined.serial + joined.passes;

        (void) adm_fleet_end(&joins->lf->state, ngx_adm_line_now(), &pass);
    }
}


/* 1: the store has told; of MOMENT that it cannot until it is in order */

static ngx_uint_t
ngx_adm_line_fleet_heard(ngx_adm_call_t *call, ngx_adm_value_t *value,
    adm_fleet_joined_t *joined)
{
    ngx_adm_line_joins_t  *joins;

    joins = call->data;

    if (value == NULL) {
        return 0;
    }

    if (value->type != NGX_ADM_VALUE_TEXT
        || adm_fleet_joined(&joins->lf->state, ngx_adm_line_now(),
                            value->text.data, value->text.len, joined)
           != ADM_OK
        || joined->passes > joins->entrants
        || joined->tickets > joins->n - joined->passes)
    {
        ngx_adm_line_fleet_complain(joins->lf, call);
        return 0;
    }

    return joined->rc != ADM_LINE_MOMENT;
}


/* all of them; with NULL that the store cannot tell */

static void
ngx_adm_line_fleet_answer(ngx_adm_line_joins_t *joins,
    adm_fleet_joined_t *joined)
{
    ngx_queue_t         *q;
    ngx_adm_line_ask_t  *ask;

    while (!ngx_queue_empty(&joins->asks)) {
        q = ngx_queue_head(&joins->asks);
        ask = ngx_queue_data(q, ngx_adm_line_ask_t, queue);

        ngx_queue_remove(q);

        if (joined) {
            ngx_adm_line_fleet_deal(joins->lf, joined, ask->command);

        } else {
            ask->command->reply = NGX_ADM_REPLY_FAILED;
        }

        ask->done(ask->command);
    }
}


/* passes to those who would enter, tickets to all others, as they came */

static void
ngx_adm_line_fleet_deal(ngx_adm_line_fleet_t *lf, adm_fleet_joined_t *joined,
    ngx_adm_command_t *command)
{
    adm_fleet_expiry(&lf->state, joined->second, &command->pass);

    if (command->enters && joined->passes) {
        command->pass.serial = joined->serial++;
        joined->passes--;

        ngx_adm_line_fleet_said(command, ADM_LINE_ADMITTED);

    } else if (joined->tickets) {
        command->ticket = joined->ticket++;
        joined->tickets--;

        ngx_adm_line_fleet_said(command, ADM_LINE_WAITING);

    } else {
        ngx_adm_line_fleet_said(command, (joined->rc == ADM_LINE_PAUSED)
                                         ? ADM_LINE_PAUSED : ADM_LINE_FULL);
    }
}


static void
ngx_adm_line_fleet_said(ngx_adm_command_t *command, adm_line_rc_e rc)
{
    command->said = rc;
    command->reply = (rc == ADM_LINE_ADMITTED || rc == ADM_LINE_REPEATED)
                     ? NGX_ADM_REPLY_GRANTED : NGX_ADM_REPLY_REFUSED;
}


/* what has become clear since the claim was decided on needs no call */

static ngx_int_t
ngx_adm_line_fleet_claim(ngx_adm_line_fleet_t *lf, ngx_adm_line_ask_t *ask)
{
    size_t                 len;
    adm_line_rc_e          rc;
    ngx_adm_call_t        *call;
    ngx_adm_command_t     *command;
    ngx_adm_line_claim_t  *claim;
    u_char                 message[ADM_FLEET_ASK];

    command = ask->command;

    len = adm_fleet_claim(&lf->state, command->ticket, ngx_adm_line_now(),
                          message, &rc, &command->pass);

    if (len == 0) {
        ngx_adm_line_fleet_said(command, rc);
        ngx_queue_insert_tail(&lf->told, &ask->queue);
        ngx_post_event(&lf->telling, &ngx_posted_events);

        return NGX_OK;
    }

    call = ngx_adm_line_fleet_call(lf, NGX_ADM_SCRIPT_LINE_CLAIM,
                                   command->trip->timeout, message, len);
    if (call == NULL) {
        return NGX_DECLINED;
    }

    claim = ngx_palloc(call->pool, sizeof(ngx_adm_line_claim_t));

    if (claim && ngx_adm_line_fleet_mark(lf, call, command->ticket) == NGX_OK)
    {
        claim->lf = lf;
        claim->ask = ask;
        claim->ticket = command->ticket;

        call->handler = ngx_adm_line_fleet_claimed;
        call->late = ngx_adm_line_fleet_claimed_late;
        call->data = claim;

        if (ngx_adm_call_send(call) == NGX_OK) {
            return NGX_OK;
        }
    }

    ngx_adm_call_free(call);

    return NGX_DECLINED;
}


/* the last key, which is the ticket's own */

static ngx_int_t
ngx_adm_line_fleet_mark(ngx_adm_line_fleet_t *lf, ngx_adm_call_t *call,
    uint64_t ticket)
{
    ngx_str_t     key, *keys;
    ngx_array_t  *all;

    all = &lf->keys[NGX_ADM_SCRIPT_LINE_CLAIM - NGX_ADM_SCRIPT_LINE_JOIN];
    keys = all->elts;

    key.data = ngx_pnalloc(call->pool, keys[all->nelts - 1].len
                                       + NGX_INT64_LEN);
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    key.len = ngx_sprintf(key.data, "%V%uL", &keys[all->nelts - 1], ticket)
              - key.data;

    return ngx_adm_call_key(call, &key);
}


static void
ngx_adm_line_fleet_tell(ngx_event_t *ev)
{
    ngx_queue_t           *q;
    ngx_adm_line_ask_t    *ask;
    ngx_adm_line_fleet_t  *lf;

    lf = ev->data;

    while (!ngx_queue_empty(&lf->told)) {
        q = ngx_queue_head(&lf->told);
        ask = ngx_queue_data(q, ngx_adm_line_ask_t, queue);

        ngx_queue_remove(q);

        ask->done(ask->command);
    }
}


static void
ngx_adm_line_fleet_claimed(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    adm_line_rc_e        rc;
    ngx_adm_line_ask_t  *ask;

    ask = ((ngx_adm_line_claim_t *) call->data)->ask;

    if (ngx_adm_line_fleet_learned(call, value, &rc, &ask->command->pass)) {
        ngx_adm_line_fleet_said(ask->command, rc);

    } else {
        ask->command->reply = NGX_ADM_REPLY_FAILED;
    }

    ask->done(ask->command);
}


/* a claim can be repeated: whoever made it has its pass by asking again */

static void
ngx_adm_line_fleet_claimed_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    adm_pass_t     pass;
    adm_line_rc_e  rc;

    (void) ngx_adm_line_fleet_learned(call, value, &rc, &pass);
}


static ngx_uint_t
ngx_adm_line_fleet_learned(ngx_adm_call_t *call, ngx_adm_value_t *value,
    adm_line_rc_e *rc, adm_pass_t *pass)
{
    ngx_adm_line_claim_t  *claim;

    claim = call->data;

    if (value == NULL) {
        return 0;
    }

    if (value->type == NGX_ADM_VALUE_TEXT
        && adm_fleet_claimed(&claim->lf->state, claim->ticket,
                             ngx_adm_line_now(), value->text.data,
                             value->text.len, rc, pass)
           == ADM_OK)
    {
        return 1;
    }

    ngx_adm_line_fleet_complain(claim->lf, call);

    return 0;
}


void
ngx_adm_line_fleet_tick(ngx_adm_line_fleet_t *lf)
{
    size_t                len;
    uint64_t              now;
    ngx_uint_t            nodes;
    ngx_adm_call_t       *call;
    ngx_adm_redis_t      *redis;
    ngx_adm_call_rc_e     why;
    ngx_adm_line_told_t  *told;
    u_char                message[ADM_FLEET_MESSAGE];

    now = ngx_adm_line_now();
    redis = lf->fleet->redis;
    nodes = ngx_adm_fleet_nodes(lf->fleet);

    if (lf->ticking || ngx_exiting || !ngx_adm_redis_up(redis, &why)
        || !adm_fleet_turn(&lf->state, now, ngx_adm_line_fleet_period(nodes)))
    {
        return;
    }

    len = adm_fleet_tick(&lf->state, now, nodes, message);

    call = ngx_adm_line_fleet_call(lf, NGX_ADM_SCRIPT_LINE_TICK,
                                   redis->conf.claim_timeout, message, len);
    if (call == NULL) {
        return;
    }

    told = ngx_palloc(call->pool, sizeof(ngx_adm_line_told_t));

    if (told) {
        told->lf = lf;
        told->message = *(ngx_str_t *) call->args.elts;

        call->handler = ngx_adm_line_fleet_ticked;
        call->late = ngx_adm_line_fleet_ticked_late;
        call->data = told;

        if (ngx_adm_call_send(call) == NGX_OK) {
            lf->ticking = 1;
            return;
        }
    }

    ngx_adm_call_free(call);
}


/*
 * ms at least, a little less than is meant, since workers look every
 * ADM_LINE_TICK only; each of them began to at a moment of its own.
 */

static ngx_msec_t
ngx_adm_line_fleet_period(ngx_uint_t nodes)
{
    ngx_msec_t  period;

    period = nodes * NGX_ADM_LINE_SPACING;

    if (period <= ADM_LINE_TICK) {
        return ADM_LINE_TICK * 7 / 8;
    }

    return period * 7 / 8 + ngx_random() % (period / 4);
}


static void
ngx_adm_line_fleet_ticked(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_line_told_t  *told;

    told = call->data;
    told->lf->ticking = 0;

    ngx_adm_line_fleet_ticked_late(call, value);
}


/* news are news, however old */

static void
ngx_adm_line_fleet_ticked_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_line_told_t  *told;

    told = call->data;

    if (value
        && (value->type != NGX_ADM_VALUE_TEXT
            || adm_fleet_ticked(&told->lf->state, ngx_adm_line_now(),
                                told->message.data, told->message.len,
                                value->text.data, value->text.len)
               != ADM_OK))
    {
        ngx_adm_line_fleet_complain(told->lf, call);
    }
}


/* of a claim without its last key; NULL: out of memory */

static ngx_adm_call_t *
ngx_adm_line_fleet_call(ngx_adm_line_fleet_t *lf, ngx_adm_script_e script,
    ngx_msec_t timeout, u_char *message, size_t len)
{
    u_char          *text;
    ngx_str_t       *key;
    ngx_uint_t       i, n;
    ngx_array_t     *keys;
    ngx_adm_call_t  *call;

    call = ngx_adm_call_create(lf->fleet->redis, script, timeout);
    if (call == NULL) {
        return NULL;
    }

    keys = &lf->keys[script - NGX_ADM_SCRIPT_LINE_JOIN];
    key = keys->elts;
    n = keys->nelts - (script == NGX_ADM_SCRIPT_LINE_CLAIM);

    for (i = 0; i < n; i++) {

        if (ngx_adm_call_key(call, &key[i]) != NGX_OK) {
            goto failed;
        }
    }

    text = ngx_pnalloc(call->pool, len);

    if (text) {
        ngx_memcpy(text, message, len);

        if (ngx_adm_call_text(call, text, len) == NGX_OK) {
            return call;
        }
    }

failed:

    ngx_adm_call_free(call);

    return NULL;
}


/* it is counted; of the log once a second is enough */

static void
ngx_adm_line_fleet_complain(ngx_adm_line_fleet_t *lf, ngx_adm_call_t *call)
{
    call->rc = NGX_ADM_CALL_MALFORMED;

    if (lf->complained == ngx_time()) {
        return;
    }

    lf->complained = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "admission: the store's answer to \"%V\" for room \"%V\" "
                  "cannot be read: it is of another version of the module, "
                  "or of no Redis",
                  &ngx_adm_script_names[call->script], &lf->line->name);
}


void
ngx_adm_line_fleet_give_back(ngx_adm_command_t *command)
{
    if (command->kind == NGX_ADM_COMMAND_JOIN
        && command->said == ADM_LINE_ADMITTED)
    {
        (void) adm_fleet_end(&command->line->fleet->state, ngx_adm_line_now(),
                             &command->pass);
    }
}


ngx_adm_line_hearing_e
ngx_adm_line_fleet_hearing(ngx_adm_line_fleet_t *lf)
{
    ngx_adm_call_rc_e  why;

    return NGX_ADM_LINE_HEARD
           + !adm_fleet_follows(&lf->state, ngx_adm_line_now())
           + !ngx_adm_redis_up(lf->fleet->redis, &why);
}
