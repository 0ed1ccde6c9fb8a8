
/*
 * The waiting room as a policy: reads the client's tokens, gives numbers,
 * exchanges called tickets, renews passes.
 */


#include <ngx_adm_visit.h>
#include <adm_siphash.h>


/* paused by an operator, or because all that is for sale is reserved */

#define ngx_adm_visit_rests(v)                                                \
    ((v)->open == NGX_ADM_ROOM_PAUSED                                         \
     || adm_line_stock((v)->line) == ADM_LINE_RESERVED)


/* the share of its life after which a pass is renewed */
#define NGX_ADM_ROOM_RENEWALS  8


static ngx_adm_rc_e ngx_adm_room_check(ngx_adm_subject_t *s, void *conf,
    void *state);
static void ngx_adm_room_settle(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_settlement_t *settlement);
static void ngx_adm_room_give_back(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);

static ngx_uint_t ngx_adm_room_off(ngx_adm_room_t *room);
static ngx_uint_t ngx_adm_room_bypassed(ngx_adm_subject_t *s,
    ngx_adm_wait_t *wait);
static void ngx_adm_visit_begin(ngx_adm_visit_t *v, ngx_adm_subject_t *s,
    ngx_adm_room_t *room, ngx_adm_room_state_t *state, ngx_uint_t flags);
static ngx_adm_rc_e ngx_adm_visit_leave(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit(ngx_adm_visit_t *v);
static ngx_int_t ngx_adm_visit_read(ngx_adm_visit_t *v);
static void ngx_adm_visit_try(ngx_adm_visit_t *v, ngx_str_t *text);
static adm_token_memory_t *ngx_adm_visit_memory(ngx_adm_visit_t *v);
static ngx_adm_tokens_e ngx_adm_visit_judge(ngx_adm_visit_t *v,
    adm_token_t *token);
static ngx_adm_rc_e ngx_adm_visit_barred(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_holder(ngx_adm_visit_t *v);
static ngx_int_t ngx_adm_visit_renew(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_ticket(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_unheard(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_waiting(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_resting(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_called(ngx_adm_visit_t *v,
    adm_line_rc_e rc);
static ngx_adm_rc_e ngx_adm_visit_claim(ngx_adm_visit_t *v);
static ngx_uint_t ngx_adm_visit_exchange(ngx_adm_visit_t *v,
    adm_line_rc_e *rc);
static void ngx_adm_visit_measure(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_newcomer(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_join(ngx_adm_visit_t *v, ngx_uint_t open);
static ngx_adm_rc_e ngx_adm_visit_number(ngx_adm_visit_t *v, uint64_t ticket,
    uint64_t second);
static ngx_adm_rc_e ngx_adm_visit_too_many(ngx_adm_visit_t *v,
    adm_gcra_answer_t *answer);
static ngx_int_t ngx_adm_visit_key(ngx_adm_visit_t *v);
static void ngx_adm_visit_heavy(ngx_adm_visit_t *v);
static void ngx_adm_visit_place(ngx_adm_visit_t *v, adm_line_place_t *place,
    ngx_uint_t known);
static ngx_int_t ngx_adm_visit_grant_pass(ngx_adm_visit_t *v,
    uint64_t issued);
static ngx_int_t ngx_adm_visit_grant(ngx_adm_visit_t *v, adm_token_t *token);
static void ngx_adm_room_number(ngx_adm_visit_t *v, ngx_adm_tokens_e cell);


ngx_adm_policy_t  ngx_adm_room_policy = {
    ngx_string("room"),
    1,
    sizeof(ngx_adm_room_state_t),
    ngx_adm_room_check,
    ngx_adm_room_claim,
    ngx_adm_room_conclude,
    NULL,
    ngx_adm_room_settle,
    ngx_adm_room_give_back,
    NULL
};


ngx_str_t  ngx_adm_room_sets[NGX_ADM_ROOM_SETS] = {
    ngx_string("rate"),
    ngx_string("max_active"),
    ngx_string("mode"),
    ngx_string("state"),
    ngx_string("ends")
};


ngx_str_t  ngx_adm_tokens[NGX_ADM_TOKENS] = {
    ngx_string("pass"),
    ngx_string("ticket"),
    ngx_string("pre"),
    ngx_string("issued"),
    ngx_string("forged"),
    ngx_string("malformed"),
    ngx_string("other_room"),
    ngx_string("expired"),
    ngx_string("future"),
    ngx_string("bound"),
    ngx_string("ended"),
    ngx_string("used"),
    ngx_string("unknown"),
    ngx_string("over")
};


ngx_int_t
ngx_adm_room_init(ngx_adm_room_t *room)
{
    return (adm_gcra_init(&room->join, &room->join_rate, room->join_burst)
            == ADM_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_adm_rc_e
ngx_adm_room_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_wait_t        *wait = conf;
    ngx_adm_room_state_t  *rs = state;

    ngx_adm_visit_t  v;

    ngx_adm_visit_begin(&v, s, wait->room, rs, NGX_ADM_VISIT_JOIN
                        | (s->poll ? 0 : NGX_ADM_VISIT_ENTER
                                         |NGX_ADM_VISIT_CLAIM
                                         |NGX_ADM_VISIT_GO));

    if (ngx_adm_room_bypassed(s, wait) || ngx_adm_room_off(wait->room)) {
        return ngx_adm_visit_pass(&v, NGX_ADM_PLACE_OPEN);
    }

    return (ngx_adm_visit_read(&v) == NGX_OK) ? ngx_adm_visit(&v)
                                              : NGX_ADM_ERROR;
}


static ngx_uint_t
ngx_adm_room_off(ngx_adm_room_t *room)
{
    return ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_MODE)
           == NGX_ADM_ROOM_OFF;
}


/* as nginx has it for its own: neither empty nor "0" */

static ngx_uint_t
ngx_adm_room_bypassed(ngx_adm_subject_t *s, ngx_adm_wait_t *wait)
{
    ngx_str_t  *value;

    if (!wait->bypass) {
        return 0;
    }

    value = &s->values[NGX_ADM_ROOM_BYPASS];

    return value->len != 0 && !(value->len == 1 && value->data[0] == '0');
}


ngx_adm_rc_e
ngx_adm_room_do(ngx_adm_subject_t *s, ngx_adm_room_t *room,
    ngx_adm_room_do_e what, void **state)
{
    ngx_adm_visit_t        v;
    ngx_adm_room_state_t  *rs;

    static ngx_uint_t  flags[] = {
        0,
        NGX_ADM_VISIT_JOIN|NGX_ADM_VISIT_ENTER,
        NGX_ADM_VISIT_CLAIM,
        0,
        0,
        0
    };

    rs = ngx_pcalloc(s->pool, sizeof(ngx_adm_room_state_t));
    if (rs == NULL) {
        return NGX_ADM_ERROR;
    }

    *state = rs;

    ngx_adm_visit_begin(&v, s, room, rs, flags[what]);

    if (what == NGX_ADM_ROOM_DO_NOTHING || ngx_adm_room_off(room)) {
        return ngx_adm_visit_pass(&v, NGX_ADM_PLACE_OPEN);
    }

    if (ngx_adm_visit_read(&v) != NGX_OK) {
        return NGX_ADM_ERROR;
    }

    if (what == NGX_ADM_ROOM_DO_LEAVE && v.found) {
        return ngx_adm_visit_leave(&v);
    }

    if (what == NGX_ADM_ROOM_DO_EXTEND && v.found == 1 + ADM_TOKEN_TICKET) {
        (void) (v.fleet ? adm_fleet_extend(v.fleet, v.token.ticket)
                        : adm_line_extend(v.line, v.token.ticket));
    }

    return ngx_adm_visit(&v);
}


static ngx_adm_rc_e
ngx_adm_visit_leave(ngx_adm_visit_t *v)
{
    if (v->found == 1 + ADM_TOKEN_PASS) {
        ngx_adm_room_end(v->room, v->subject->dry_run, &v->state->pass);

    } else if (v->found == 1 + ADM_TOKEN_TICKET && v->fleet) {
        adm_fleet_leave(v->fleet, v->token.ticket);

    } else if (v->found == 1 + ADM_TOKEN_TICKET) {
        adm_line_leave(v->line, v->token.ticket);
    }

    v->subject->grant.drop = 1;

    return ngx_adm_visit_wait(v, NGX_ADM_PLACE_PRE, NGX_ADM_REASON_POLL);
}


static void
ngx_adm_visit_begin(ngx_adm_visit_t *v, ngx_adm_subject_t *s,
    ngx_adm_room_t *room, ngx_adm_room_state_t *state, ngx_uint_t flags)
{
    ngx_str_t       *audience;
    ngx_adm_line_t  *line;

    line = room->line;
    audience = s->dry_run ? &room->shadow : &room->name;

    v->subject = s;
    v->room = room;
    v->state = state;
    v->line = &line->line[s->dry_run];
    v->fleet = (line->fleet && !s->dry_run) ? &line->fleet->state : NULL;
    v->audience.len = audience->len;
    v->audience.data = audience->data;
    v->now = ngx_adm_line_now();
    v->flags = flags;
    v->open = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_STATE);
    v->found = 0;
    v->asked = 0;
    v->charge.tag = 0;

    s->place = &state->place;
}


static ngx_adm_rc_e
ngx_adm_visit(ngx_adm_visit_t *v)
{
    ngx_adm_rc_e  rc;

    if (v->found == 1 + ADM_TOKEN_PASS) {
        return ngx_adm_visit_holder(v);
    }

    v->subject->again = (v->found != 0);

    rc = ngx_adm_visit_barred(v);

    if (rc != NGX_ADM_PASS) {
        return rc;
    }

    if (ngx_adm_visit_unattended(v)) {
        return ngx_adm_visit_pass(v, NGX_ADM_PLACE_OPEN);
    }

    return (v->found == 1 + ADM_TOKEN_TICKET) ? ngx_adm_visit_ticket(v)
                                              : ngx_adm_visit_newcomer(v);
}


/* the best token of those that the client sent */

static ngx_int_t
ngx_adm_visit_read(ngx_adm_visit_t *v)
{
    adm_str_t           value;
    ngx_str_t          *bind;
    ngx_uint_t          i;
    ngx_adm_subject_t  *s;

    s = v->subject;

    if (v->room->bound) {
        bind = &s->values[NGX_ADM_ROOM_BIND];

        value.len = bind->len;
        value.data = bind->data;

        if (adm_token_bind(value, v->bound) != ADM_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < s->ntokens; i++) {
        ngx_adm_visit_try(v, &s->tokens[i]);

        if (v->found == 1 + ADM_TOKEN_PASS) {
            break;
        }
    }

    return NGX_OK;
}


static void
ngx_adm_visit_try(ngx_adm_visit_t *v, ngx_str_t *text)
{
    adm_str_t         str;
    adm_token_t       token;
    ngx_adm_keys_t   *keys;
    adm_token_rc_e    rc;
    ngx_adm_tokens_e  cell;

    static ngx_adm_tokens_e  cells[] = {
        NGX_ADM_TOKENS,                  /* good: see below */
        NGX_ADM_TOKENS,                  /* not ours */
        NGX_ADM_TOKENS_FORGED,
        NGX_ADM_TOKENS_MALFORMED,
        NGX_ADM_TOKENS_OTHER_ROOM,
        NGX_ADM_TOKENS_EXPIRED,
        NGX_ADM_TOKENS_FUTURE
    };

    str.len = text->len;
    str.data = text->data;

    keys = v->room->keys;
    rc = adm_token_recall(ngx_adm_visit_memory(v), keys->keys, keys->n,
                          v->audience, str, v->now / 1000, &token);
    cell = cells[rc];

    if (rc == ADM_TOKEN_GOOD) {
        cell = ngx_adm_visit_judge(v, &token);

        if (cell <= NGX_ADM_TOKENS_PRE && v->found < 1 + token.type) {
            v->found = 1 + token.type;
            v->token = token;
        }
    }

    if (cell != NGX_ADM_TOKENS) {
        ngx_adm_room_number(v, cell);
    }
}


/*
 * Made with the first token that comes to this process, and as old as the
 * configuration, whose keys are its own; rehearsals do without.
 */

static adm_token_memory_t *
ngx_adm_visit_memory(ngx_adm_visit_t *v)
{
    ngx_adm_room_t  *room;

    room = v->room;

    if (v->subject->dry_run) {
        return NULL;
    }

    if (room->memory == NULL) {
        room->memory = ngx_pcalloc(room->pool, sizeof(adm_token_memory_t));
    }

    return room->memory;
}


/* of a token that we have signed */

static ngx_adm_tokens_e
ngx_adm_visit_judge(ngx_adm_visit_t *v, adm_token_t *token)
{
    ngx_uint_t  knows;

    if (v->room->bound
        && (!token->is_bound
            || ngx_memcmp(token->bound, v->bound, ADM_TOKEN_BOUND) != 0))
    {
        return NGX_ADM_TOKENS_BOUND;
    }

    /* of a line that a restart has ended: its numbers are given anew */

    knows = ngx_adm_visit_knows(v);

    if (token->type != ADM_TOKEN_PRE && knows
        && token->joined < adm_line_born(v->line))
    {
        return NGX_ADM_TOKENS_UNKNOWN;
    }

    switch (token->type) {

    case ADM_TOKEN_PASS:
        if (knows && adm_line_ended(v->line, token->id)) {
            return NGX_ADM_TOKENS_ENDED;
        }

        v->state->pass.serial = token->id;
        v->state->pass.since = token->issued;
        v->state->pass.expires = token->expires;

        return NGX_ADM_TOKENS_PASS;

    case ADM_TOKEN_TICKET:
        return NGX_ADM_TOKENS_TICKET;

    default:
        return NGX_ADM_TOKENS_PRE;
    }
}


/* for all who have no pass: PASS, if there is a line to be in */

static ngx_adm_rc_e
ngx_adm_visit_barred(ngx_adm_visit_t *v)
{
    uint64_t  ends;

    ends = ngx_adm_room_setting(v->room, NGX_ADM_ROOM_SET_ENDS);

    v->state->place.poll = ADM_LINE_POLL_MAX / 2
                           + ngx_random() % (ADM_LINE_POLL_MAX / 2);

    if (ends && v->now / 1000 >= ends) {
        return ngx_adm_visit_wait(v, NGX_ADM_PLACE_OVER, NGX_ADM_REASON_OVER);
    }

    if (v->open == NGX_ADM_ROOM_CLOSED) {
        return ngx_adm_visit_wait(v, NGX_ADM_PLACE_CLOSED,
                                  NGX_ADM_REASON_CLOSED);
    }

    if (adm_line_stock(v->line) == ADM_LINE_SOLD_OUT) {
        return ngx_adm_visit_wait(v, NGX_ADM_PLACE_SOLD_OUT,
                                  NGX_ADM_REASON_SOLD_OUT);
    }

    return NGX_ADM_PASS;
}


static ngx_adm_rc_e
ngx_adm_visit_holder(ngx_adm_visit_t *v)
{
    v->state->place.ticket = v->token.ticket;
    v->state->place.joined = v->token.joined;
    v->state->has_pass = 1;
    v->subject->pass = v->token.id;

    if (!v->room->fixed && ngx_adm_visit_renew(v) != NGX_OK) {
        return NGX_ADM_ERROR;
    }

    return ngx_adm_visit_pass(v, NGX_ADM_PLACE_ADMITTED);
}


/* the longer a pass lasts, the less often it is written anew */

static ngx_int_t
ngx_adm_visit_renew(ngx_adm_visit_t *v)
{
    uint64_t     now, expires;
    adm_pass_t  *pass;

    now = v->now / 1000;
    pass = &v->state->pass;
    expires = pass->expires;

    if (now < pass->since + (expires - pass->since) / NGX_ADM_ROOM_RENEWALS
              + 1)
    {
        return NGX_OK;
    }

    if (v->fleet) {
        adm_fleet_renew(v->fleet, v->now, pass);

    } else {
        adm_line_renew(v->line, v->now, pass);
    }

    return (pass->expires == expires) ? NGX_OK
                                      : ngx_adm_visit_grant_pass(v, now);
}


static ngx_adm_rc_e
ngx_adm_visit_ticket(ngx_adm_visit_t *v)
{
    adm_line_rc_e     rc;
    adm_line_place_t  place;

    v->state->place.ticket = v->token.ticket;
    v->state->place.joined = v->token.joined;

    if (!ngx_adm_visit_knows(v)) {
        return ngx_adm_visit_unheard(v);
    }

    rc = adm_line_poll(v->line, v->token.ticket, ngx_random(), &place);

    ngx_adm_visit_place(v, &place, rc == ADM_LINE_WAITING);

    switch (rc) {

    case ADM_LINE_WAITING:
        return ngx_adm_visit_waiting(v);

    case ADM_LINE_CALLED:
    case ADM_LINE_LAPSED:
    case ADM_LINE_USED:
        return ngx_adm_visit_called(v, rc);

    case ADM_LINE_OVER:
        ngx_adm_room_number(v, NGX_ADM_TOKENS_OVER);
        break;

    default:
        ngx_adm_room_number(v, NGX_ADM_TOKENS_UNKNOWN);
        break;
    }

    return ngx_adm_visit_newcomer(v);
}


/* the place is kept, whatever it is: nobody has told this node yet */

static ngx_adm_rc_e
ngx_adm_visit_unheard(ngx_adm_visit_t *v)
{
    v->state->place.poll = ADM_LINE_POLL_MIN
                           + ngx_random() % ADM_LINE_POLL_MIN;

    return ngx_adm_visit_wait(v, NGX_ADM_PLACE_WAITING,
                              NGX_ADM_REASON_IN_LINE);
}


static ngx_adm_rc_e
ngx_adm_visit_waiting(ngx_adm_visit_t *v)
{
    adm_token_t  token;

    token = v->token;

    if (v->now / 1000 >= token.issued + NGX_ADM_TICKET_RENEW) {
        token.issued = v->now / 1000;
        token.expires = token.issued + NGX_ADM_TICKET_LIFE;
        token.wait = v->state->place.wait;

        if (ngx_adm_visit_grant(v, &token) != NGX_OK) {
            return NGX_ADM_ERROR;
        }
    }

    return ngx_adm_visit_rests(v)
           ? ngx_adm_visit_resting(v)
           : ngx_adm_visit_wait(v, NGX_ADM_PLACE_WAITING,
                                NGX_ADM_REASON_IN_LINE);
}


/* nobody is called, or claims, but all keep their places */

static ngx_adm_rc_e
ngx_adm_visit_resting(ngx_adm_visit_t *v)
{
    if (v->open == NGX_ADM_ROOM_PAUSED
        || adm_line_stock(v->line) != ADM_LINE_RESERVED)
    {
        return ngx_adm_visit_wait(v, NGX_ADM_PLACE_PAUSED,
                                  NGX_ADM_REASON_PAUSED);
    }

    v->state->place.stock = NGX_ADM_PLACE_RESERVED;

    return ngx_adm_visit_wait(v, NGX_ADM_PLACE_PAUSED,
                              NGX_ADM_REASON_LINE_RESERVED);
}


/* of an exchanged ticket only the repeat is left, for half a minute */

static ngx_adm_rc_e
ngx_adm_visit_called(ngx_adm_visit_t *v, adm_line_rc_e rc)
{
    if (v->flags & NGX_ADM_VISIT_CLAIM) {
        return ngx_adm_visit_claim(v);
    }

    if (rc == ADM_LINE_USED && ngx_adm_visit_exchange(v, &rc)
        && rc != ADM_LINE_REPEATED)
    {
        return ngx_adm_visit_claimed(v, rc);
    }

    return ngx_adm_visit_rests(v)
           ? ngx_adm_visit_resting(v)
           : ngx_adm_visit_wait(v, NGX_ADM_PLACE_CALLED,
                                NGX_ADM_REASON_MOMENT);
}


static ngx_adm_rc_e
ngx_adm_visit_claim(ngx_adm_visit_t *v)
{
    adm_line_rc_e  rc;

    return ngx_adm_visit_exchange(v, &rc)
           ? ngx_adm_visit_claimed(v, rc)
           : ngx_adm_visit_ask(v, NGX_ADM_COMMAND_CLAIM);
}


/* 0: the store has to be asked */

static ngx_uint_t
ngx_adm_visit_exchange(ngx_adm_visit_t *v, adm_line_rc_e *rc)
{
    u_char  message[ADM_FLEET_ASK];

    if (v->fleet) {
        return adm_fleet_claim(v->fleet, v->token.ticket, v->now, message, rc,
                               &v->state->pass)
               == 0;
    }

    *rc = adm_line_claim(v->line, v->token.ticket, v->now, &v->state->pass);

    return 1;
}


ngx_adm_rc_e
ngx_adm_visit_claimed(ngx_adm_visit_t *v, adm_line_rc_e rc)
{
    switch (rc) {

    case ADM_LINE_ADMITTED:
        ngx_adm_visit_measure(v);

        /* fall through */

    case ADM_LINE_REPEATED:
        v->state->has_pass = 1;

        if (ngx_adm_visit_grant_pass(v, v->state->pass.since) != NGX_OK) {
            return NGX_ADM_ERROR;
        }

        return ngx_adm_visit_pass(v, NGX_ADM_PLACE_ADMITTED);

    case ADM_LINE_MOMENT:
        v->state->place.poll = NGX_ADM_ROOM_MOMENT
                               + ngx_random() % NGX_ADM_ROOM_MOMENT;

        return ngx_adm_visit_wait(v, NGX_ADM_PLACE_CALLED,
                                  NGX_ADM_REASON_MOMENT);

    case ADM_LINE_PAUSED:
        return ngx_adm_visit_resting(v);

    case ADM_LINE_WAITING:

        /* the store has lost how far it was, and will call once more */

        return ngx_adm_visit_unheard(v);

    default:
        ngx_adm_room_number(v, NGX_ADM_TOKENS_USED);

        return ngx_adm_visit_newcomer(v);
    }
}


static void
ngx_adm_visit_measure(ngx_adm_visit_t *v)
{
    uint64_t  now, told;

    now = v->now / 1000;
    told = v->token.issued + v->token.wait;

    if (v->subject->dry_run) {
        return;
    }

    ngx_adm_observe(v->room->waited, (now > v->token.joined)
                    ? ngx_adm_room_span(now - v->token.joined) : 0);
    ngx_adm_observe(v->room->erred, ngx_adm_room_span((now > told)
                                             ? now - told : told - now));
}


static ngx_adm_rc_e
ngx_adm_visit_newcomer(ngx_adm_visit_t *v)
{
    ngx_uint_t  open;

    v->state->place.ticket = 0;

    if (v->open == NGX_ADM_ROOM_PAUSED) {
        return ngx_adm_visit_wait(v, NGX_ADM_PLACE_PAUSED,
                                  NGX_ADM_REASON_PAUSED);
    }

    open = ngx_adm_visit_knows(v) && adm_line_open(v->line);

    if (open && !(v->flags & NGX_ADM_VISIT_ENTER)) {
        return ngx_adm_visit_pass(v, NGX_ADM_PLACE_OPEN);
    }

    if (v->flags & NGX_ADM_VISIT_JOIN) {
        return ngx_adm_visit_join(v, open);
    }

    return ngx_adm_visit_wait(v, NGX_ADM_PLACE_PRE, NGX_ADM_REASON_JOIN_RATE);
}


/* in by the open door, or with a number; a key may do so often either way */

static ngx_adm_rc_e
ngx_adm_visit_join(ngx_adm_visit_t *v, ngx_uint_t open)
{
    uint64_t            ticket;
    adm_line_rc_e       rc;
    ngx_adm_room_t     *room;
    adm_gcra_answer_t   answer;

    room = v->room;

    /* of the store one thing is asked at a time */

    if (v->asked) {
        return ngx_adm_visit_numberless(v, NGX_ADM_REASON_NO_NUMBER, 0);
    }

    if (ngx_adm_visit_key(v) != NGX_OK) {
        return NGX_ADM_ERROR;
    }

    if (v->key.len
        && !ngx_adm_rates_take(room->joins, &room->join, &v->key, 1,
                               v->subject->dry_run, &v->charge, &answer))
    {
        return ngx_adm_visit_too_many(v, &answer);
    }

    if (v->fleet) {
        return ngx_adm_visit_ask(v, NGX_ADM_COMMAND_JOIN);
    }

    if (open && adm_line_enter(v->line, v->now, &v->state->pass)
                == ADM_LINE_ADMITTED)
    {
        return ngx_adm_visit_entered(v, v->now / 1000);
    }

    rc = adm_line_join(v->line, &ticket);

    return ngx_adm_visit_joined(v, rc, ticket, v->now / 1000);
}


ngx_adm_rc_e
ngx_adm_visit_joined(ngx_adm_visit_t *v, adm_line_rc_e rc, uint64_t ticket,
    uint64_t second)
{
    if (rc == ADM_LINE_WAITING) {
        ngx_adm_visit_heavy(v);
        return ngx_adm_visit_number(v, ticket, second);
    }

    ngx_adm_rates_refund(v->room->joins, &v->room->join, &v->charge);

    return (rc == ADM_LINE_PAUSED)
           ? ngx_adm_visit_wait(v, NGX_ADM_PLACE_PAUSED, NGX_ADM_REASON_PAUSED)
           : ngx_adm_visit_wait(v, NGX_ADM_PLACE_UNKNOWN,
                                NGX_ADM_REASON_TABLE_FULL);
}


ngx_adm_rc_e
ngx_adm_visit_entered(ngx_adm_visit_t *v, uint64_t second)
{
    v->token.ticket = 0;
    v->token.joined = second;

    v->state->has_pass = 1;
    v->state->entered = 1;

    if (ngx_adm_visit_grant_pass(v, v->state->pass.since) != NGX_OK) {
        return NGX_ADM_ERROR;
    }

    return ngx_adm_visit_pass(v, NGX_ADM_PLACE_ADMITTED);
}


/*
 * A number becomes live when its token comes back; who has brought a token
 * without a number has come back already.
 */

static ngx_adm_rc_e
ngx_adm_visit_number(ngx_adm_visit_t *v, uint64_t ticket, uint64_t second)
{
    adm_token_t       token;
    adm_line_place_t  place;

    if (v->found == 1 + ADM_TOKEN_PRE) {
        (void) adm_line_poll(v->line, ticket, ngx_random(), &place);

    } else {
        (void) adm_line_look(v->line, ticket, ngx_random(), &place);
    }

    ngx_memzero(&token, sizeof(adm_token_t));

    token.type = ADM_TOKEN_TICKET;
    token.ticket = ticket;
    token.issued = v->now / 1000;
    token.joined = second;
    token.expires = token.issued + NGX_ADM_TICKET_LIFE;
    token.wait = place.wait;
    token.id = ticket;

    v->state->place.ticket = ticket;
    v->state->place.joined = second;

    ngx_adm_visit_place(v, &place, ngx_adm_visit_knows(v));

    if (ngx_adm_visit_grant(v, &token) != NGX_OK) {
        return NGX_ADM_ERROR;
    }

    return ngx_adm_visit_rests(v)
           ? ngx_adm_visit_resting(v)
           : ngx_adm_visit_wait(v, NGX_ADM_PLACE_WAITING,
                                NGX_ADM_REASON_IN_LINE);
}


/* more join by this key than may */

static ngx_adm_rc_e
ngx_adm_visit_too_many(ngx_adm_visit_t *v, adm_gcra_answer_t *answer)
{
    v->subject->answer.key = v->key;
    v->subject->answer.pace = ngx_max(1, v->room->join.interval * 1000
                                         / adm_ticks(1));

    return ngx_adm_visit_numberless(v, NGX_ADM_REASON_JOIN_RATE,
                                    answer->wait / adm_ticks(1));
}


ngx_adm_rc_e
ngx_adm_visit_numberless(ngx_adm_visit_t *v, ngx_adm_reason_e reason,
    uint64_t wait)
{
    adm_token_t  token;

    wait = ngx_max(wait, ADM_LINE_POLL_MIN) * (800 + ngx_random() % 401) / 800;

    v->state->place.poll = ngx_min(wait, ADM_LINE_POLL_MAX);

    if (v->found != 1 + ADM_TOKEN_PRE) {
        ngx_memzero(&token, sizeof(adm_token_t));

        token.type = ADM_TOKEN_PRE;
        token.issued = v->now / 1000;
        token.joined = token.issued;
        token.expires = token.issued + NGX_ADM_TICKET_LIFE;

        if (ngx_adm_visit_grant(v, &token) != NGX_OK) {
            return NGX_ADM_ERROR;
        }
    }

    return ngx_adm_visit_wait(v, NGX_ADM_PLACE_PRE, reason);
}


/* of IPv6 the network: a household, or a server, has all the rest */

static ngx_int_t
ngx_adm_visit_key(ngx_adm_visit_t *v)
{
    if (v->subject->evaluate(v->subject, NGX_ADM_ROOM_JOIN, &v->key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (v->room->join_prefix && v->key.len == 16) {
        v->key.len = 8;
    }

    return NGX_OK;
}


static void
ngx_adm_visit_heavy(ngx_adm_visit_t *v)
{
    uint64_t     hash;
    unsigned     share;
    ngx_uint_t   percent;

    if (v->key.len == 0) {
        return;
    }

    hash = adm_siphash(v->room->joins->secret[0], v->key.data, v->key.len) | 1;
    share = adm_heavy_add(&v->room->heavy, hash, &hash);

    if (share == 0) {
        return;
    }

    percent = share / 10;

    ngx_log_error(NGX_LOG_WARN, v->subject->log, 0,
                  "admission: of the last %d who joined room \"%V\" "
                  "%ui%% or more have the same key: is realip configured?",
                  ADM_HEAVY_WINDOW, &v->room->name, percent);
}


static void
ngx_adm_visit_place(ngx_adm_visit_t *v, adm_line_place_t *place,
    ngx_uint_t known)
{
    ngx_adm_place_t  *p;

    p = &v->state->place;

    p->ahead = place->ahead;
    p->wait = place->wait;
    p->wait_low = place->wait_low;
    p->wait_high = place->wait_high;
    p->left = place->left;
    p->poll = place->poll;
    p->has_wait = known;
    p->stock = (known && place->beyond) ? NGX_ADM_PLACE_BEYOND
                                        : NGX_ADM_PLACE_STOCKED;
}


/* this room has no objection: whoever only asks may have to wait in another */

ngx_adm_rc_e
ngx_adm_visit_pass(ngx_adm_visit_t *v, ngx_adm_place_e state)
{
    v->state->place.state = state;
    v->state->place.has_wait = 0;
    v->state->place.poll = ADM_LINE_POLL_MIN;

    return NGX_ADM_PASS;
}


ngx_adm_rc_e
ngx_adm_visit_wait(ngx_adm_visit_t *v, ngx_adm_place_e state,
    ngx_adm_reason_e reason)
{
    ngx_adm_place_t    *place;
    ngx_adm_subject_t  *s;

    s = v->subject;
    place = &v->state->place;

    place->state = state;
    place->poll = ngx_max(place->poll, NGX_ADM_ROOM_MOMENT);

    s->answer.place = place;
    s->answer.reason = (v->flags & NGX_ADM_VISIT_GO) ? reason
                                                     : NGX_ADM_REASON_POLL;
    s->answer.retry = (reason == NGX_ADM_REASON_OVER)
                      ? NGX_ADM_NO_RETRY : (place->poll + 999) / 1000;

    return NGX_ADM_REFUSE;
}


/*
 * "issued" is what the next renewal is counted from, s; by the clock of a
 * store that is ahead of this node's it may lie in the future, in which no
 * token is good.
 */

static ngx_int_t
ngx_adm_visit_grant_pass(ngx_adm_visit_t *v, uint64_t issued)
{
    adm_token_t  token;

    ngx_memzero(&token, sizeof(adm_token_t));

    token.type = ADM_TOKEN_PASS;
    token.ticket = v->token.ticket;
    token.joined = v->token.joined;
    token.issued = ngx_min(issued, v->now / 1000);
    token.expires = v->state->pass.expires;
    token.id = v->state->pass.serial;

    return ngx_adm_visit_grant(v, &token);
}


static ngx_int_t
ngx_adm_visit_grant(ngx_adm_visit_t *v, adm_token_t *token)
{
    size_t            len;
    ngx_adm_grant_t  *grant;
    u_char            text[ADM_TOKEN_MAX];

    grant = &v->subject->grant;

    if (v->room->bound) {
        token->is_bound = 1;
        ngx_memcpy(token->bound, v->bound, ADM_TOKEN_BOUND);
    }

    len = adm_token_write(v->room->keys->keys[0], v->audience, token, text);

    grant->token.data = len ? ngx_pnalloc(v->subject->pool, len) : NULL;
    if (grant->token.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(grant->token.data, text, len);

    grant->token.len = len;
    grant->age = token->expires - ngx_min(token->expires, v->now / 1000);

    ngx_adm_room_number(v, NGX_ADM_TOKENS_ISSUED);

    return NGX_OK;
}


static void
ngx_adm_room_number(ngx_adm_visit_t *v, ngx_adm_tokens_e cell)
{
    ngx_adm_count(v->room->tokens, cell);
}


/* the upstream says that the session is over: its place is free */

static void
ngx_adm_room_settle(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_settlement_t *settlement)
{
    ngx_adm_wait_t        *wait = conf;
    ngx_adm_room_state_t  *rs = state;

    if (settlement->ends && rs->has_pass) {
        ngx_adm_room_end(wait->room, s->dry_run, &rs->pass);
        s->grant.drop = 1;
    }

    if (settlement->lost) {
        ngx_adm_room_give_back(s, conf, state, NGX_ADM_CAUSE_GONE);
    }
}


/*
 * A pass stays with whoever got it, and a claim can be repeated; but nobody
 * will ever have the pass of a newcomer who has left before the answer.
 */

static void
ngx_adm_room_give_back(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_cause_e cause)
{
    ngx_adm_wait_t        *wait = conf;
    ngx_adm_room_state_t  *rs = state;

    if (cause == NGX_ADM_CAUSE_GONE && rs->entered) {
        ngx_adm_room_end(wait->room, s->dry_run, &rs->pass);
    }
}
