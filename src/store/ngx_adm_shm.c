
/*
 * The keeper of a single node: what a trip asks is done at once in shared
 * memory, and told by a posted event.
 *
 * So nothing is ever taken behind the end of its checkout, and no lock has to
 * be extended: who has it is known by its process.
 */


#include <ngx_adm_keytab.h>
#include <ngx_adm_ledger.h>
#include <ngx_adm_trip.h>


/* ms */
#define NGX_ADM_SHM_TICK   1000


/* what one command means for those that are decided with it */

#define ngx_adm_shm_counts(command)                                           \
    (!(command)->shadow && (command)->reply != NGX_ADM_REPLY_GRANTED)


static void ngx_adm_shm_tick(ngx_event_t *ev);
static ngx_int_t ngx_adm_shm_submit(ngx_adm_trip_t *trip);
static void ngx_adm_shm_decide(ngx_adm_trip_t *trip);
static ngx_uint_t ngx_adm_shm_each(ngx_adm_trip_t *trip,
    ngx_adm_command_e kind, ngx_adm_reply_e (*take)(ngx_adm_command_t *));
static ngx_adm_reply_e ngx_adm_shm_key(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_rate(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_pass(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_stock(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_withhold(ngx_adm_command_t *command);
static void ngx_adm_shm_forget(ngx_adm_trip_t *trip);
static void ngx_adm_shm_undo(ngx_adm_trip_t *trip);
static ngx_adm_reply_e ngx_adm_shm_join(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_claim(ngx_adm_command_t *command);
static ngx_adm_reply_e ngx_adm_shm_ask(ngx_adm_command_t *command);
static void ngx_adm_shm_answer(ngx_event_t *ev);
static void ngx_adm_shm_give_back(ngx_adm_keeper_t *keeper,
    ngx_adm_command_t *command);
static void ngx_adm_shm_admit(ngx_adm_checkout_t *checkout);
static void ngx_adm_shm_end(ngx_adm_checkout_t *checkout);


static ngx_event_t       ngx_adm_shm_event;
static ngx_adm_shm_t    *ngx_adm_shm_served;

/* what a debugging nginx says of a timer it takes from here */

static ngx_connection_t  ngx_adm_shm_connection;


ngx_adm_keeper_t *
ngx_adm_shm_keeper_add(ngx_conf_t *cf)
{
    ngx_adm_keeper_t  *keeper;

    keeper = ngx_pcalloc(cf->pool, sizeof(ngx_adm_keeper_t));
    if (keeper == NULL) {
        return NULL;
    }

    keeper->data = ngx_pcalloc(cf->pool, sizeof(ngx_adm_shm_t));
    if (keeper->data == NULL) {
        return NULL;
    }

    ngx_str_set(&keeper->name, "shm");

    keeper->punctual = 1;
    keeper->submit = ngx_adm_shm_submit;
    keeper->give_back = ngx_adm_shm_give_back;
    keeper->admit = ngx_adm_shm_admit;
    keeper->end = ngx_adm_shm_end;

    return keeper;
}


void
ngx_adm_shm_start(ngx_cycle_t *cycle, ngx_adm_keeper_t *keeper)
{
    ngx_adm_shm_t  *shm;

    if (ngx_adm_shm_event.timer_set) {
        ngx_del_timer(&ngx_adm_shm_event);
    }

    if (keeper == NULL || keeper->submit != ngx_adm_shm_submit) {
        return;
    }

    ngx_adm_shm_served = shm = keeper->data;

    if (shm->keytab == NULL && shm->ledger == NULL) {
        return;
    }

    ngx_adm_shm_connection.fd = (ngx_socket_t) -1;

    ngx_adm_shm_event.handler = ngx_adm_shm_tick;
    ngx_adm_shm_event.log = cycle->log;
    ngx_adm_shm_event.data = &ngx_adm_shm_connection;
    ngx_adm_shm_event.cancelable = 1;

    ngx_add_timer(&ngx_adm_shm_event, NGX_ADM_SHM_TICK);
}


static void
ngx_adm_shm_tick(ngx_event_t *ev)
{
    ngx_adm_shm_t  *shm;

    shm = ngx_adm_shm_served;

    ngx_add_timer(ev, NGX_ADM_SHM_TICK);

    if (shm->keytab) {
        ngx_adm_keytab_tick(shm->keytab);
    }

    if (shm->ledger) {
        ngx_adm_ledger_tick(shm->ledger);
    }
}


static ngx_int_t
ngx_adm_shm_submit(ngx_adm_trip_t *trip)
{
    ngx_adm_shm_decide(trip);

    (void) ngx_adm_shm_each(trip, NGX_ADM_COMMAND_JOIN, ngx_adm_shm_join);
    (void) ngx_adm_shm_each(trip, NGX_ADM_COMMAND_CLAIM, ngx_adm_shm_claim);
    (void) ngx_adm_shm_each(trip, NGX_ADM_COMMAND_ASK, ngx_adm_shm_ask);

    trip->event.handler = ngx_adm_shm_answer;
    trip->event.data = trip;

    ngx_post_event(&trip->event, &ngx_posted_events);

    return NGX_OK;
}


/* a key is taken first, so that nobody else has it, and let go again */

static void
ngx_adm_shm_decide(ngx_adm_trip_t *trip)
{
    if (ngx_adm_shm_each(trip, NGX_ADM_COMMAND_KEY, ngx_adm_shm_key)) {
        (void) ngx_adm_shm_each(trip, NGX_ADM_COMMAND_RATE, ngx_adm_shm_pass);
        (void) ngx_adm_shm_each(trip, NGX_ADM_COMMAND_STOCK,
                                ngx_adm_shm_withhold);
        return;
    }

    if (ngx_adm_shm_each(trip, NGX_ADM_COMMAND_RATE, ngx_adm_shm_rate)) {
        ngx_adm_shm_undo(trip);
        ngx_adm_shm_forget(trip);
        (void) ngx_adm_shm_each(trip, NGX_ADM_COMMAND_STOCK,
                                ngx_adm_shm_withhold);
        return;
    }

    if (ngx_adm_shm_each(trip, NGX_ADM_COMMAND_STOCK, ngx_adm_shm_stock)) {
        ngx_adm_shm_forget(trip);
    }
}


/* 1 if one was refused, or failed, that others depend on */

static ngx_uint_t
ngx_adm_shm_each(ngx_adm_trip_t *trip, ngx_adm_command_e kind,
    ngx_adm_reply_e (*take)(ngx_adm_command_t *))
{
    ngx_uint_t          refused;
    ngx_adm_command_t  *command;

    refused = 0;

    for (command = trip->commands; command; command = command->next) {

        if (command->kind == kind) {
            command->reply = take(command);
            refused |= ngx_adm_shm_counts(command);
        }
    }

    return refused;
}


static ngx_adm_reply_e
ngx_adm_shm_key(ngx_adm_command_t *command)
{
    ngx_adm_shm_t  *shm;

    shm = command->trip->keeper->data;

    if (shm->keytab == NULL) {
        return NGX_ADM_REPLY_FAILED;
    }

    ngx_adm_keytab_take(shm->keytab, command);

    if (command->key_said != NGX_ADM_KEY_NEW) {
        return NGX_ADM_REPLY_REFUSED;
    }

    if (!command->peek && !command->shadow) {
        command->checkout->key_taken = 1;
        command->checkout->state = NGX_ADM_CHECKOUT_ASKED;
    }

    return NGX_ADM_REPLY_GRANTED;
}


static ngx_adm_reply_e
ngx_adm_shm_rate(ngx_adm_command_t *command)
{
    return ngx_adm_rates_take(command->rates, &command->gcra, &command->key,
                              command->cost, command->shadow,
                              &command->charge, &command->answer)
           ? NGX_ADM_REPLY_GRANTED : NGX_ADM_REPLY_REFUSED;
}


/* it does not matter any more: nothing is taken, what is left is told */

static ngx_adm_reply_e
ngx_adm_shm_pass(ngx_adm_command_t *command)
{
    if (command->shadow) {
        return ngx_adm_shm_rate(command);
    }

    ngx_adm_rates_peek(command->rates, &command->gcra, &command->key,
                       command->cost, 0, &command->answer);

    return NGX_ADM_REPLY_GRANTED;
}


static ngx_adm_reply_e
ngx_adm_shm_stock(ngx_adm_command_t *command)
{
    ngx_adm_shm_t  *shm;

    shm = command->trip->keeper->data;

    if (shm->ledger == NULL) {
        return NGX_ADM_REPLY_FAILED;
    }

    ngx_adm_ledger_take(shm->ledger, command);

    if (command->stock_said != NGX_ADM_STOCK_OK) {
        return NGX_ADM_REPLY_REFUSED;
    }

    if (!command->peek && !command->shadow) {
        command->checkout->stock_taken = 1;
        command->checkout->state = NGX_ADM_CHECKOUT_ASKED;
    }

    return NGX_ADM_REPLY_GRANTED;
}


static ngx_adm_reply_e
ngx_adm_shm_withhold(ngx_adm_command_t *command)
{
    if (command->shadow) {
        return ngx_adm_shm_stock(command);
    }

    command->stock_said = NGX_ADM_STOCK_WITHHELD;

    return NGX_ADM_REPLY_REFUSED;
}


/* that the key was new remains the answer */

static void
ngx_adm_shm_forget(ngx_adm_trip_t *trip)
{
    ngx_adm_shm_t       *shm;
    ngx_adm_command_t   *command;
    ngx_adm_checkout_t  *checkout;

    shm = trip->keeper->data;

    for (command = trip->commands; command; command = command->next) {
        checkout = command->checkout;

        if (command->kind == NGX_ADM_COMMAND_KEY && checkout->key_taken) {
            checkout->key_end = NGX_ADM_KEY_FORGET;
            ngx_adm_keytab_end(shm->keytab, checkout);
            checkout->key_taken = 0;
        }
    }
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


static ngx_adm_reply_e
ngx_adm_shm_ask(ngx_adm_command_t *command)
{
    ngx_adm_shm_t      *shm;
    ngx_adm_inquiry_t  *inquiry;

    shm = command->trip->keeper->data;
    inquiry = command->inquiry;

    if (inquiry->what != NGX_ADM_ASK_FORGET) {

        if (shm->ledger == NULL) {
            return NGX_ADM_REPLY_FAILED;
        }

        ngx_adm_ledger_ask(shm->ledger, command->trip->pool, inquiry);

    } else if (shm->keytab == NULL) {
        inquiry->told = NGX_ADM_TOLD_NONE;

    } else {
        inquiry->told = ngx_adm_keytab_forget(shm->keytab, inquiry->id);
    }

    return NGX_ADM_REPLY_GRANTED;
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

    case NGX_ADM_COMMAND_RATE:
        ngx_adm_rates_refund(command->rates, &command->gcra,
                             &command->charge);
        break;

    default:
        break;
    }
}


static void
ngx_adm_shm_admit(ngx_adm_checkout_t *checkout)
{
    ngx_adm_shm_t  *shm;

    shm = checkout->keeper->data;

    if (checkout->key_taken) {
        ngx_adm_keytab_admit(shm->keytab, checkout);
    }

    if (checkout->stock_taken) {
        ngx_adm_ledger_admit(shm->ledger, checkout);
    }
}


static void
ngx_adm_shm_end(ngx_adm_checkout_t *checkout)
{
    ngx_adm_shm_t  *shm;

    shm = checkout->keeper->data;

    if (checkout->stock_taken) {
        ngx_adm_ledger_end(shm->ledger, checkout);
    }

    if (checkout->key_taken) {
        ngx_adm_keytab_end(shm->keytab, checkout);
    }
}
