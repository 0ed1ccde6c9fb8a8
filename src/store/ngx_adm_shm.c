
/*
 * The keeper of a single node: what a trip asks is done at once in shared
 * memory, and told by a posted event.
 */


#include <ngx_adm_trip.h>


static ngx_int_t ngx_adm_shm_submit(ngx_adm_trip_t *trip);
static ngx_adm_reply_e ngx_adm_shm_do(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_take(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_join(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_claim(ngx_adm_command_t *command);
static void ngx_adm_shm_undo(ngx_adm_trip_t *trip);
static void ngx_adm_shm_answer(ngx_event_t *ev);
static void ngx_adm_shm_give_back(ngx_adm_keeper_t *keeper,
    ngx_adm_command_t *command);


ngx_adm_keeper_t  ngx_adm_shm_keeper = {
    ngx_string("shm"),
    NULL,
    1,
    ngx_adm_shm_submit,
    ngx_adm_shm_give_back
};


static ngx_int_t
ngx_adm_shm_submit(ngx_adm_trip_t *trip)
{
    ngx_uint_t          refused;
    ngx_adm_command_t  *command;

    refused = 0;

    for (command = trip->commands; command; command = command->next) {
        command->reply = ngx_adm_shm_do(command);

        refused |= (command->kind == NGX_ADM_COMMAND_RATE
                    && command->reply == NGX_ADM_REPLY_REFUSED);
    }

    if (refused) {
        ngx_adm_shm_undo(trip);
    }

    trip->event.handler = ngx_adm_shm_answer;
    trip->event.data = trip;

    ngx_post_event(&trip->event, &ngx_posted_events);

    return NGX_OK;
}


static ngx_adm_reply_e
ngx_adm_shm_do(ngx_adm_command_t *command)
{
    switch (command->kind) {

    case NGX_ADM_COMMAND_JOIN:
        return ngx_adm_shm_join(command);

    case NGX_ADM_COMMAND_CLAIM:
        return ngx_adm_shm_claim(command);

    default:                       /* NGX_ADM_COMMAND_RATE */
        return ngx_adm_shm_take(command);
    }
}


static ngx_adm_reply_e
ngx_adm_shm_take(ngx_adm_command_t *command)
{
    return ngx_adm_rates_take(command->rates, &command->gcra, &command->key,
                              command->cost, command->shadow,
                              &command->charge, &command->answer)
           ? NGX_ADM_REPLY_GRANTED : NGX_ADM_REPLY_REFUSED;
}


static ngx_adm_reply_e
ngx_adm_shm_join(ngx_adm_command_t *command)
{
    adm_line_t  *line;

    line = &command->line->line[command->shadow];

    if (command->enters) {
        command->said = adm_line_enter(line, ngx_adm_line_now(),
                                       &command->pass);

        if (command->said == ADM_LINE_ADMITTED) {
            return NGX_ADM_REPLY_GRANTED;
        }
    }

    command->said = adm_line_join(line, &command->ticket);

    return NGX_ADM_REPLY_REFUSED;
}


static ngx_adm_reply_e
ngx_adm_shm_claim(ngx_adm_command_t *command)
{
    command->said = adm_line_claim(&command->line->line[command->shadow],
                                   command->ticket, ngx_adm_line_now(),
                                   &command->pass);

    return (command->said == ADM_LINE_ADMITTED
            || command->said == ADM_LINE_REPEATED)
           ? NGX_ADM_REPLY_GRANTED : NGX_ADM_REPLY_REFUSED;
}


/* all rates of a trip, or none: what was granted is told, but not taken */

static void
ngx_adm_shm_undo(ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    for (command = trip->commands; command; command = command->next) {

        if (command->kind == NGX_ADM_COMMAND_RATE) {
            ngx_adm_shm_give_back(trip->keeper, command);
        }
    }
}


static void
ngx_adm_shm_answer(ngx_event_t *ev)
{
    ngx_adm_trip_t  *trip;

    trip = ev->data;

    ngx_adm_trip_answer(trip, trip->serial);
}


/* a claim can be repeated; nobody else will have the pass of an entrant */

static void
ngx_adm_shm_give_back(ngx_adm_keeper_t *keeper, ngx_adm_command_t *command)
{
    switch (command->kind) {

    case NGX_ADM_COMMAND_JOIN:
        (void) adm_line_end(&command->line->line[command->shadow],
                            ngx_adm_line_now(), &command->pass);
        break;

    case NGX_ADM_COMMAND_CLAIM:
        break;

    default:                       /* NGX_ADM_COMMAND_RATE */
        ngx_adm_rates_refund(command->rates, &command->gcra,
                             &command->charge);
        break;
    }
}
