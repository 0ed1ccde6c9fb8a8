
/*
 * The room over a fleet: joins and claims are asked of the store, and what is
 * done when it cannot tell.
 */


#include <ngx_adm_visit.h>


static ngx_adm_rc_e ngx_adm_visit_told(ngx_adm_visit_t *v,
    ngx_adm_command_t *command);
static ngx_adm_rc_e ngx_adm_visit_failed(ngx_adm_visit_t *v);
static ngx_adm_rc_e ngx_adm_visit_alone(ngx_adm_visit_t *v);
static void ngx_adm_visit_fell_back(ngx_adm_visit_t *v);


/* the visit goes on in the request's pool */

ngx_adm_rc_e
ngx_adm_visit_ask(ngx_adm_visit_t *v, ngx_adm_command_e asks)
{
    ngx_adm_visit_t  *kept;

    kept = ngx_palloc(v->subject->pool, sizeof(ngx_adm_visit_t));
    if (kept == NULL) {
        return NGX_ADM_ERROR;
    }

    *kept = *v;

    kept->asks = asks;
    kept->asked = 1;

    v->state->visit = kept;

    return NGX_ADM_ASK;
}


ngx_adm_rc_e
ngx_adm_room_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip)
{
    ngx_adm_room_state_t  *rs = state;

    ngx_adm_visit_t    *v;
    ngx_adm_command_t  *command;

    v = rs->visit;

    command = ngx_adm_trip_command(trip);
    if (command == NULL) {
        return NGX_ADM_ERROR;
    }

    command->kind = v->asks;
    command->line = v->room->line;
    command->ticket = (v->asks == NGX_ADM_COMMAND_CLAIM) ? v->token.ticket : 0;
    command->enters = (v->flags & NGX_ADM_VISIT_ENTER)
                      && ngx_adm_room_setting(v->room, NGX_ADM_ROOM_SET_MODE)
                         == NGX_ADM_ROOM_AUTO;
    command->patient = (s->room_fallback != NGX_ADM_FALLBACK_LOCAL);

    return NGX_ADM_CLAIM;
}


ngx_adm_rc_e
ngx_adm_room_conclude(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_command_t *command)
{
    ngx_adm_room_state_t  *rs = state;

    ngx_adm_visit_t  *v;

    v = rs->visit;

    v->now = ngx_adm_line_now();
    v->open = ngx_adm_room_setting(v->room, NGX_ADM_ROOM_SET_STATE);

    if (command == NULL || command->reply == NGX_ADM_REPLY_FAILED) {
        return ngx_adm_visit_failed(v);
    }

    return ngx_adm_visit_told(v, command);
}


static ngx_adm_rc_e
ngx_adm_visit_told(ngx_adm_visit_t *v, ngx_adm_command_t *command)
{
    v->state->pass = command->pass;

    if (v->asks == NGX_ADM_COMMAND_CLAIM) {
        return ngx_adm_visit_claimed(v, command->said);
    }

    if (command->said == ADM_LINE_ADMITTED) {
        return ngx_adm_visit_entered(v, command->pass.since);
    }

    return ngx_adm_visit_joined(v, command->said, command->ticket,
                                command->pass.since);
}


static ngx_adm_rc_e
ngx_adm_visit_failed(ngx_adm_visit_t *v)
{
    ngx_adm_subject_t  *s;

    s = v->subject;

    ngx_adm_rates_refund(v->room->joins, &v->room->join, &v->charge);

    ngx_adm_visit_fell_back(v);

    switch (s->room_fallback) {

    case NGX_ADM_FALLBACK_OPEN:
        return ngx_adm_visit_pass(v, NGX_ADM_PLACE_OPEN);

    case NGX_ADM_FALLBACK_CLOSED:
        v->state->place.poll = NGX_ADM_ROOM_MOMENT * (1 + ngx_random() % 3);

        return ngx_adm_visit_wait(v, (v->asks == NGX_ADM_COMMAND_CLAIM)
                                     ? NGX_ADM_PLACE_CALLED
                                     : NGX_ADM_PLACE_UNKNOWN,
                                  NGX_ADM_REASON_STORE_DOWN);

    default:                       /* NGX_ADM_FALLBACK_LOCAL */
        return ngx_adm_visit_alone(v);
    }
}


/*
 * By this node's own record: called tickets only.  A store that is there, and
 * only late, may have exchanged the ticket already: who asks again in a moment
 * gets that pass, while one of ours would be the second.
 */

static ngx_adm_rc_e
ngx_adm_visit_alone(ngx_adm_visit_t *v)
{
    adm_line_rc_e  rc;

    if (v->asks == NGX_ADM_COMMAND_JOIN) {
        return ngx_adm_visit_numberless(v, NGX_ADM_REASON_NO_NUMBER, 0);
    }

    rc = ADM_LINE_MOMENT;

    if (ngx_adm_line_fleet_hearing(v->room->line->fleet)
        != NGX_ADM_LINE_HEARD)
    {
        rc = adm_fleet_claim_alone(v->fleet, v->token.ticket, v->now,
                                   &v->state->pass);
    }

    return ngx_adm_visit_claimed(v, rc);
}


static void
ngx_adm_visit_fell_back(ngx_adm_visit_t *v)
{
    ngx_adm_subject_t  *s;

    s = v->subject;

    if (s->failed) {
        ngx_adm_count(s->failed, NGX_ADM_FAILED_ROOM * NGX_ADM_FALLBACKS
                                 + s->room_fallback);
    }
}


/*
 * Where the room is open without the store, whoever waits must not go on
 * waiting while newcomers go in; who only asks is told so.
 */

ngx_uint_t
ngx_adm_visit_unattended(ngx_adm_visit_t *v)
{
    if (v->fleet == NULL
        || v->subject->room_fallback != NGX_ADM_FALLBACK_OPEN
        || ngx_adm_line_fleet_hearing(v->room->line->fleet)
           != NGX_ADM_LINE_ALONE)
    {
        return 0;
    }

    if (v->flags & NGX_ADM_VISIT_GO) {
        ngx_adm_visit_fell_back(v);
    }

    return 1;
}


void
ngx_adm_room_end(ngx_adm_room_t *room, ngx_uint_t shadow,
    const adm_pass_t *pass)
{
    ngx_adm_line_t  *line;

    line = room->line;

    if (line->fleet && !shadow) {
        (void) adm_fleet_end(&line->fleet->state, ngx_adm_line_now(), pass);
        return;
    }

    (void) adm_line_end(&line->line[shadow], ngx_adm_line_now(), pass);
}
