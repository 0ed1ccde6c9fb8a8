
/*
 * The keeper of a single node: what a trip asks is done at once in shared
 * memory, and told by a posted event.
 */


#include <ngx_adm_trip.h>


static ngx_int_t ngx_adm_shm_submit(ngx_adm_trip_t *trip);
static void ngx_adm_shm_undo(ngx_adm_trip_t *trip);
static void ngx_adm_shm_answer(ngx_event_t *ev);
static void ngx_adm_shm_give_back(ngx_adm_command_t *command);


ngx_adm_keeper_t  ngx_adm_shm_keeper = {
    ngx_string("shm"),
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

        command->reply = ngx_adm_rates_take(command->rates, command->gcra,
                                            &command->key, command->cost,
                                            command->shadow, &command->charge,
                                            &command->answer)
                         ? NGX_ADM_REPLY_GRANTED : NGX_ADM_REPLY_REFUSED;

        refused |= (command->reply == NGX_ADM_REPLY_REFUSED);
    }

    if (refused) {
        ngx_adm_shm_undo(trip);
    }

    trip->event.handler = ngx_adm_shm_answer;
    trip->event.data = trip;

    ngx_post_event(&trip->event, &ngx_posted_events);

    return NGX_OK;
}


/* all of a trip, or nothing: what was granted is told, but not taken */

static void
ngx_adm_shm_undo(ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    for (command = trip->commands; command; command = command->next) {
        ngx_adm_shm_give_back(command);
    }
}


static void
ngx_adm_shm_answer(ngx_event_t *ev)
{
    ngx_adm_trip_t  *trip;

    trip = ev->data;

    ngx_adm_trip_answer(trip, trip->serial);
}


static void
ngx_adm_shm_give_back(ngx_adm_command_t *command)
{
    ngx_adm_rates_refund(command->rates, command->gcra, &command->charge);
}
