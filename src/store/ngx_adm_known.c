
/*
 * Keys that this node has seen, clients that have a hold, and the budget of
 * questions: one word, and lines of words, in shared memory.
 */


#include <ngx_adm_known.h>


/* 512 KiB: 65,536 keys */
#define NGX_ADM_KNOWN_LINES     8192

/* 256 KiB: 32,768 clients */
#define NGX_ADM_KNOWN_HOLDERS   4096


struct ngx_adm_known_sh_s {
    ngx_uint_t     layout;
    ngx_msec_t     origin;         /* of the word's ticks */
    uint64_t       word;           /* of GCRA */
    uint64_t      *words;
    uint64_t      *holders;
};


static ngx_int_t ngx_adm_known_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_known_lay_out(ngx_shm_zone_t *shm_zone);


ngx_adm_known_t *
ngx_adm_known_add(ngx_conf_t *cf, ngx_str_t *name, void *tag)
{
    adm_rate_t        rate;
    ngx_adm_known_t  *known;

    known = ngx_pcalloc(cf->pool, sizeof(ngx_adm_known_t));
    if (known == NULL) {
        return NULL;
    }

    known->shm_zone = ngx_shared_memory_add(cf, name,
                                            (NGX_ADM_KNOWN_LINES
                                             + NGX_ADM_KNOWN_HOLDERS) * 64
                                            + 16 * ngx_pagesize, tag);
    if (known->shm_zone == NULL) {
        return NULL;
    }

    known->shm_zone->init = ngx_adm_known_init;
    known->shm_zone->data = known;

    rate.count = NGX_ADM_KNOWN_BUDGET;
    rate.period = 1000;

    (void) adm_gcra_init(&known->gcra, &rate, NGX_ADM_KNOWN_BUDGET - 1);

    return known;
}


static ngx_int_t
ngx_adm_known_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t  *shpool;
    ngx_adm_known_t  *known;

    known = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_known_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    known->sh = shpool->data;

    if (known->sh->layout != NGX_ADM_KNOWN_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    known->recent.words = known->sh->words;
    known->recent.lines = NGX_ADM_KNOWN_LINES;
    known->holders.words = known->sh->holders;
    known->holders.lines = NGX_ADM_KNOWN_HOLDERS;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_known_lay_out(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t     *shpool;
    ngx_adm_known_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* whole pages, so that a line is a line of the processor's cache */

    sh = ngx_slab_calloc(shpool, sizeof(ngx_adm_known_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->words = ngx_slab_calloc(shpool, NGX_ADM_KNOWN_LINES * 64);
    sh->holders = ngx_slab_calloc(shpool, NGX_ADM_KNOWN_HOLDERS * 64);

    if (sh->words == NULL || sh->holders == NULL) {
        return NGX_ERROR;
    }

    sh->layout = NGX_ADM_KNOWN_LAYOUT;
    sh->origin = ngx_current_msec;

    shpool->data = sh;

    return NGX_OK;
}


void
ngx_adm_known_note(ngx_adm_known_t *known, u_char *key, time_t ttl)
{
    uint64_t  tag;

    ngx_memcpy(&tag, key, sizeof(uint64_t));

    adm_recent_note(&known->recent, tag, ngx_current_msec / 1000,
                    ngx_min(ttl, ADM_RECENT_MAX));
}


ngx_uint_t
ngx_adm_known_has(ngx_adm_known_t *known, u_char *key)
{
    uint64_t  tag;

    ngx_memcpy(&tag, key, sizeof(uint64_t));

    return adm_recent_left(&known->recent, tag, ngx_current_msec / 1000) > 0;
}


void
ngx_adm_known_hold(ngx_adm_known_t *known, uint64_t client, time_t seconds)
{
    adm_recent_note(&known->holders, client, ngx_current_msec / 1000,
                    ngx_min(seconds, ADM_RECENT_MAX));
}


ngx_uint_t
ngx_adm_known_holds(ngx_adm_known_t *known, uint64_t client)
{
    return adm_recent_left(&known->holders, client, ngx_current_msec / 1000)
           > 0;
}


/* strangers leave half of the budget to those that are known */

ngx_uint_t
ngx_adm_known_ask(ngx_adm_known_t *known, u_char *key)
{
    uint64_t           now, word;
    ngx_uint_t         seen;
    adm_gcra_answer_t  answer;

    seen = ngx_adm_known_has(known, key);
    now = adm_ticks(ngx_current_msec - known->sh->origin) + ADM_GCRA_EPOCH;

    do {
        word = adm_load(&known->sh->word);

        if (!adm_gcra_take(&known->gcra, word, now, 1, &answer)
            || (!seen && answer.remaining < NGX_ADM_KNOWN_BUDGET / 2))
        {
            return 0;
        }

    } while (!adm_word_cas(&known->sh->word, word, answer.word));

    return 1;
}
