
/*
 * The words of a named rate: tags, the full table, charges.
 */


#include <ngx_adm_rates.h>
#include <adm_siphash.h>


static uint64_t ngx_adm_rates_tag(const u_char *secret, ngx_str_t *text);
static ngx_int_t ngx_adm_rates_attach(void *data);
static void ngx_adm_rates_derive(ngx_adm_rates_t *rates);
static ngx_adm_overflow_t *ngx_adm_rates_place(ngx_adm_rates_t *rates,
    uint64_t tag);
static ngx_uint_t ngx_adm_rates_owned(ngx_adm_zone_t *zone, uint64_t tag);
static void ngx_adm_rates_overflow(ngx_adm_rates_t *rates,
    const adm_gcra_t *g, uint64_t *word, uint64_t now, uint64_t cost,
    adm_gcra_answer_t *answer);


ngx_adm_rates_t *
ngx_adm_rates_add(ngx_conf_t *cf, ngx_adm_zone_t *zone, ngx_str_t *name,
    ngx_str_t *key)
{
    ngx_adm_rates_t      *rates;
    ngx_adm_zone_part_t  *part;

    rates = ngx_pcalloc(cf->pool, sizeof(ngx_adm_rates_t));
    if (rates == NULL) {
        return NULL;
    }

    part = ngx_array_push(&zone->parts);
    if (part == NULL) {
        return NULL;
    }

    part->attach = ngx_adm_rates_attach;
    part->data = rates;

    rates->name = *name;
    rates->key = *key;
    rates->zone = zone;

    return rates;
}


static uint64_t
ngx_adm_rates_tag(const u_char *secret, ngx_str_t *text)
{
    uint64_t  tag;

    tag = adm_siphash(secret, text->data, text->len);

    return tag ? tag : 1;
}


static void
ngx_adm_rates_derive(ngx_adm_rates_t *rates)
{
    u_char      *secret;
    uint64_t     part;
    ngx_uint_t   i;
    u_char       text[2], mixed[NGX_ADM_SECRET_SIZE];

    secret = rates->zone->sh->secret;

    part = adm_siphash(secret, rates->name.data, rates->name.len);
    ngx_memcpy(mixed, &part, sizeof(uint64_t));

    part = adm_siphash(secret, rates->key.data, rates->key.len);
    ngx_memcpy(mixed + sizeof(uint64_t), &part, sizeof(uint64_t));

    for (i = 0; i < 4; i++) {
        text[0] = (u_char) i;
        text[1] = 'r';

        part = adm_siphash(mixed, text, 2);
        ngx_memcpy(rates->secret[i / 2] + i % 2 * sizeof(uint64_t), &part,
                   sizeof(uint64_t));
    }
}


/*
 * Only the master comes here, before the workers of the new configuration;
 * those of the running one go on with the places that they have.
 */

static ngx_int_t
ngx_adm_rates_attach(void *data)
{
    ngx_adm_rates_t  *rates = data;

    uint64_t             tag;
    ngx_adm_overflow_t  *place;

    ngx_adm_rates_derive(rates);

    tag = ngx_adm_rates_tag(rates->zone->sh->secret, &rates->name);
    place = ngx_adm_rates_place(rates, tag);

    if (place == NULL) {
        ngx_log_error(NGX_LOG_EMERG, rates->zone->shm_zone->shm.log, 0,
                      "zone \"%V\" has too many rates, at most %d",
                      &rates->zone->shm_zone->shm.name, NGX_ADM_ZONE_RATES);
        return NGX_ERROR;
    }

    if (place->tag != tag) {
        place->word[0] = 0;
        place->word[1] = 0;
        place->tag = tag;
    }

    rates->overflow = place;

    return NGX_OK;
}


/* the rate's own place, else an unused one, else that of a rate now gone */

static ngx_adm_overflow_t *
ngx_adm_rates_place(ngx_adm_rates_t *rates, uint64_t tag)
{
    ngx_uint_t           i;
    ngx_adm_overflow_t  *overflow, *unused, *gone;

    overflow = rates->zone->sh->overflow;
    unused = NULL;
    gone = NULL;

    for (i = 0; i < NGX_ADM_ZONE_RATES; i++) {

        if (overflow[i].tag == tag) {
            return &overflow[i];
        }

        if (overflow[i].tag == 0) {
            unused = unused ? unused : &overflow[i];

        } else if (!ngx_adm_rates_owned(rates->zone, overflow[i].tag)) {
            gone = &overflow[i];
        }
    }

    return unused ? unused : gone;
}


/* whether a rate of this configuration has the tag */

static ngx_uint_t
ngx_adm_rates_owned(ngx_adm_zone_t *zone, uint64_t tag)
{
    ngx_uint_t            i;
    ngx_adm_rates_t      *rates;
    ngx_adm_zone_part_t  *part;

    part = zone->parts.elts;

    for (i = 0; i < zone->parts.nelts; i++) {
        rates = part[i].data;

        if (part[i].attach == ngx_adm_rates_attach
            && ngx_adm_rates_tag(zone->sh->secret, &rates->name) == tag)
        {
            return 1;
        }
    }

    return 0;
}


uint64_t
ngx_adm_rates_client(ngx_adm_rates_t *rates, ngx_str_t *key, ngx_uint_t shadow)
{
    return ngx_adm_rates_tag(rates->secret[shadow], key);
}


ngx_uint_t
ngx_adm_rates_take(ngx_adm_rates_t *rates, const adm_gcra_t *g, ngx_str_t *key,
    uint64_t cost, ngx_uint_t shadow, ngx_adm_charge_t *charge,
    adm_gcra_answer_t *answer)
{
    uint64_t  tag;

    tag = ngx_adm_rates_client(rates, key, shadow);

    return ngx_adm_rates_take_of(rates, g, tag, cost, shadow, charge, answer);
}


ngx_uint_t
ngx_adm_rates_take_of(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    uint64_t tag, uint64_t cost, ngx_uint_t shadow, ngx_adm_charge_t *charge,
    adm_gcra_answer_t *answer)
{
    uint64_t         now;
    ngx_adm_zone_t  *zone;
    adm_table_rc_e   rc;

    zone = rates->zone;
    now = ngx_adm_zone_now(zone);

    charge->tag = 0;

    rc = adm_table_take(&zone->table, g, tag, now, cost, answer);

    if (rc == ADM_TABLE_FULL) {
        ngx_adm_rates_overflow(rates, g, &rates->overflow->word[shadow], now,
                               cost, answer);
    }

    if (answer->wait) {
        return 0;
    }

    if (rc == ADM_TABLE_EVICTED) {
        (void) ngx_atomic_fetch_add(&zone->sh->evictions, 1);
    }

    charge->tag = tag;
    charge->word = answer->word;
    charge->cost = cost;
    charge->overflow = (rc == ADM_TABLE_FULL);
    charge->shadow = shadow;
    charge->remote = 0;

    return 1;
}


void
ngx_adm_rates_peek(ngx_adm_rates_t *rates, const adm_gcra_t *g, ngx_str_t *key,
    uint64_t cost, ngx_uint_t shadow, adm_gcra_answer_t *answer)
{
    adm_table_peek(&rates->zone->table, g,
                   ngx_adm_rates_tag(rates->secret[shadow], key),
                   ngx_adm_zone_now(rates->zone), cost, answer);
}


static void
ngx_adm_rates_overflow(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    uint64_t *word, uint64_t now, uint64_t cost, adm_gcra_answer_t *answer)
{
    uint64_t  seen;

    (void) ngx_atomic_fetch_add(&rates->zone->sh->full, 1);

    do {
        seen = adm_load(word);
    } while (adm_gcra_take(g, seen, now, cost, answer)
             && !adm_word_cas(word, seen, answer->word));
}


uint64_t
ngx_adm_rates_refund(ngx_adm_rates_t *rates, const adm_gcra_t *g,
    ngx_adm_charge_t *charge)
{
    uint64_t  now, *word, seen, to, left;

    if (charge->tag == 0) {
        return 0;
    }

    now = ngx_adm_zone_now(rates->zone);

    if (!charge->overflow) {
        left = adm_table_refund(&rates->zone->table, g, charge->tag,
                                charge->word, now, charge->cost);

    } else {
        word = &rates->overflow->word[charge->shadow];

        do {
            seen = adm_load(word);
            to = adm_gcra_refund(g, seen, charge->word, now, charge->cost);
        } while (!adm_word_cas(word, seen, to));

        left = adm_gcra_tat(seen) - adm_gcra_tat(to);
    }

    charge->tag = 0;

    return left;
}
