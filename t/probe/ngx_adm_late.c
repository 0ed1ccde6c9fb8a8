
/*
 * The late keeper: see the header.
 */


#include <ngx_adm_probe.h>


#define NGX_ADM_LATE_AGAIN   20      /* ms until a second answer */


typedef enum {
    NGX_ADM_LATE_ONCE = 0,
    NGX_ADM_LATE_TWICE,
    NGX_ADM_LATE_NEVER,
    NGX_ADM_LATE_DOWN
} ngx_adm_late_e;


/* an answer to come; not in the trip, which may be over by then */

typedef struct {
    ngx_event_t           event;
    ngx_adm_trip_t       *trip;
    ngx_uint_t            serial;
    ngx_uint_t            again;     /* a second one is to follow */
} ngx_adm_late_answer_t;


static ngx_int_t ngx_adm_late_submit(ngx_adm_trip_t *trip);
static ngx_adm_late_e ngx_adm_late_read(ngx_adm_command_t *command,
    ngx_msec_t *delay);
static ngx_uint_t ngx_adm_late_is(ngx_str_t *key, const char *answer);
static ngx_int_t ngx_adm_late_schedule(ngx_adm_trip_t *trip,
    ngx_msec_t delay, ngx_uint_t again);
static void ngx_adm_late_answer(ngx_event_t *ev);
static void ngx_adm_late_give_back(ngx_adm_keeper_t *keeper,
    ngx_adm_command_t *command);
static void ngx_adm_late_checkout(ngx_adm_checkout_t *checkout);


ngx_adm_keeper_t  ngx_adm_late_keeper = {
    ngx_string("late"),
    NULL,
    0,
    ngx_adm_late_submit,
    ngx_adm_late_give_back,
    ngx_adm_late_checkout,
    ngx_adm_late_checkout,
    ngx_adm_late_checkout
};


static ngx_int_t
ngx_adm_late_submit(ngx_adm_trip_t *trip)
{
    ngx_msec_t          delay, latest;
    ngx_adm_late_e      how, strongest;
    ngx_adm_command_t  *command;

    latest = 0;
    strongest = NGX_ADM_LATE_ONCE;

    for (command = trip->commands; command; command = command->next) {
        how = ngx_adm_late_read(command, &delay);

        strongest = ngx_max(strongest, how);
        latest = ngx_max(latest, delay);
    }

    switch (strongest) {

    case NGX_ADM_LATE_DOWN:
        return NGX_ERROR;

    case NGX_ADM_LATE_NEVER:
        return NGX_OK;

    default:
        return ngx_adm_late_schedule(trip, latest,
                                     strongest == NGX_ADM_LATE_TWICE);
    }
}


static ngx_adm_late_e
ngx_adm_late_read(ngx_adm_command_t *command, ngx_msec_t *delay)
{
    u_char     *dash;
    ngx_int_t   ms;
    ngx_str_t   key;

    key = command->key;
    *delay = 0;

    dash = ngx_strlchr(key.data, key.data + key.len, '-');

    if (dash) {
        ms = ngx_atoi(key.data, dash - key.data);
        *delay = (ms == NGX_ERROR) ? 0 : ms;

        key.len -= dash + 1 - key.data;
        key.data = dash + 1;
    }

    command->reply = NGX_ADM_REPLY_GRANTED;

    if (ngx_adm_late_is(&key, "refuse")) {
        command->reply = NGX_ADM_REPLY_REFUSED;

    } else if (ngx_adm_late_is(&key, "fail")) {
        command->reply = NGX_ADM_REPLY_FAILED;
    }

    return ngx_adm_late_is(&key, "down") ? NGX_ADM_LATE_DOWN
           : ngx_adm_late_is(&key, "never") ? NGX_ADM_LATE_NEVER
           : ngx_adm_late_is(&key, "twice") ? NGX_ADM_LATE_TWICE
           : NGX_ADM_LATE_ONCE;
}


static ngx_uint_t
ngx_adm_late_is(ngx_str_t *key, const char *answer)
{
    size_t  len;

    len = ngx_strlen(answer);

    return key->len >= len
           && ngx_strncmp(key->data, answer, len) == 0
           && (key->len == len || key->data[len] == '-');
}


static ngx_int_t
ngx_adm_late_schedule(ngx_adm_trip_t *trip, ngx_msec_t delay, ngx_uint_t again)
{
    ngx_adm_late_answer_t  *answer;

    answer = ngx_calloc(sizeof(ngx_adm_late_answer_t), ngx_cycle->log);
    if (answer == NULL) {
        return NGX_ERROR;
    }

    answer->trip = trip;
    answer->serial = trip->serial;
    answer->again = again;

    answer->event.handler = ngx_adm_late_answer;
    answer->event.data = answer;
    answer->event.log = ngx_cycle->log;

    ngx_add_timer(&answer->event, delay);

    return NGX_OK;
}


/* what is granted is taken when it is answered, as a server would */

static void
ngx_adm_late_answer(ngx_event_t *ev)
{
    ngx_adm_command_t      *command;
    ngx_adm_late_answer_t  *answer;

    answer = ev->data;

    if (answer->trip->serial == answer->serial && answer->trip->submitted) {

        for (command = answer->trip->commands;
             command;
             command = command->next)
        {
            if (command->reply == NGX_ADM_REPLY_GRANTED
                && command->rates
                && !ngx_adm_rates_take(command->rates, &command->gcra,
                                       &command->key, command->cost,
                                       command->shadow, &command->charge,
                                       &command->answer))
            {
                command->reply = NGX_ADM_REPLY_REFUSED;
            }
        }
    }

    if (answer->again) {
        answer->again = 0;
        ngx_add_timer(&answer->event, NGX_ADM_LATE_AGAIN);
        ngx_adm_trip_answer(answer->trip, answer->serial);
        return;
    }

    ngx_adm_trip_answer(answer->trip, answer->serial);
    ngx_free(answer);
}


static void
ngx_adm_late_give_back(ngx_adm_keeper_t *keeper, ngx_adm_command_t *command)
{
    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "late keeper: give back \"%V\"", &command->key);

    if (command->rates) {
        ngx_adm_rates_refund(command->rates, &command->gcra,
                             &command->charge);
    }
}


/* it keeps neither keys nor stock */

static void
ngx_adm_late_checkout(ngx_adm_checkout_t *checkout)
{
}
