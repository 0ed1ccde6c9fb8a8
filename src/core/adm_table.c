
/*
 * The table of rate words: see the header for the idea and the invariants.
 */


#include "adm_table.h"


/* buckets read, about, to tell how full a table is: 128 KiB */
#define ADM_TABLE_SAMPLE   1024


typedef struct {
    adm_slot_t  *slot;     /* where it is in shared memory */
    adm_slot_t   seen;     /* what was there */
    uint64_t     rank;     /* the smaller, the sooner it may go */
} adm_place_t;


/* scales 32 bits of a hash to a bucket, without a division */
#define adm_table_scale(bits, n)                                              \
    ((((bits) & UINT32_MAX) * (n)) >> 32)


static adm_slot_t *
adm_table_bucket(const adm_table_t *t, uint64_t tag, unsigned choice)
{
    uint64_t  bits;

    bits = choice ? tag : tag >> 32;

    return t->slots + adm_table_scale(bits, t->buckets) * ADM_TABLE_BUCKET;
}


/*
 * Looks through one bucket: 1 if the tag is there, with its slot in "p"; else
 * 0, and "p" has the slot with the smallest rank so far.
 */

static int
adm_table_scan(adm_slot_t *bucket, uint64_t tag, adm_place_t *p)
{
    unsigned    i;
    uint64_t    rank;
    adm_slot_t  seen;

    for (i = 0; i < ADM_TABLE_BUCKET; i++) {

        /* the word first: see the header */

        seen.word = adm_load(&bucket[i].word);
        seen.tag = adm_load(&bucket[i].tag);

        rank = seen.tag ? seen.word : i;

        if (seen.tag == tag) {
            p->slot = &bucket[i];
            p->seen = seen;
            return 1;
        }

        if (p->slot == NULL || rank < p->rank) {
            p->slot = &bucket[i];
            p->seen = seen;
            p->rank = rank;
        }
    }

    return 0;
}


static int
adm_table_find(const adm_table_t *t, uint64_t tag, adm_place_t *p)
{
    adm_slot_t  *first, *second;

    first = adm_table_bucket(t, tag, 0);
    second = adm_table_bucket(t, tag, 1);

    /* in a large table each line misses the cache: miss them at once */

    __builtin_prefetch(second);
    __builtin_prefetch(second + ADM_TABLE_BUCKET / 2);
    __builtin_prefetch(first + ADM_TABLE_BUCKET / 2);

    p->slot = NULL;

    return adm_table_scan(first, tag, p) || adm_table_scan(second, tag, p);
}


static int
adm_table_idle(adm_slot_t seen, uint64_t now)
{
    return seen.tag == 0
           || adm_gcra_tat(seen.word) + ADM_TABLE_REST <= now;
}


static int
adm_table_put(adm_place_t *p, uint64_t tag, uint64_t word)
{
    adm_slot_t  to;

    to.tag = tag;
    to.word = word;

    return adm_slot_cas(p->slot, p->seen, to);
}


adm_table_rc_e
adm_table_take(const adm_table_t *t, const adm_gcra_t *g, uint64_t tag,
    uint64_t now, uint64_t cost, adm_gcra_answer_t *answer)
{
    uint64_t        word;
    adm_place_t     p;
    adm_table_rc_e  rc;

    do {
        if (adm_table_find(t, tag, &p)) {
            word = p.seen.word;
            rc = ADM_TABLE_FOUND;

        } else {
            word = 0;
            rc = p.seen.tag ? ADM_TABLE_EVICTED : ADM_TABLE_NEW;
        }

        if (!adm_gcra_take(g, word, now, cost, answer) || cost == 0) {
            return ADM_TABLE_FOUND;
        }

        if (rc != ADM_TABLE_FOUND && !adm_table_idle(p.seen, now)) {
            return ADM_TABLE_FULL;
        }

    } while (!adm_table_put(&p, tag, answer->word));

    return rc;
}


void
adm_table_peek(const adm_table_t *t, const adm_gcra_t *g, uint64_t tag,
    uint64_t now, uint64_t cost, adm_gcra_answer_t *answer)
{
    adm_place_t  p;

    (void) adm_gcra_take(g, adm_table_find(t, tag, &p) ? p.seen.word : 0, now,
                         cost, answer);
}


uint64_t
adm_table_refund(const adm_table_t *t, const adm_gcra_t *g, uint64_t tag,
    uint64_t taken, uint64_t now, uint64_t cost)
{
    uint64_t     word;
    adm_place_t  p;

    do {
        if (!adm_table_find(t, tag, &p)) {
            return 0;
        }

        word = adm_gcra_refund(g, p.seen.word, taken, now, cost);

    } while (word != p.seen.word && !adm_table_put(&p, tag, word));

    return adm_gcra_tat(p.seen.word) - adm_gcra_tat(word);
}


uint64_t
adm_table_level(const adm_table_t *t, uint64_t tag, uint64_t now)
{
    adm_place_t  p;

    return adm_table_find(t, tag, &p) ? adm_gcra_level(p.seen.word, now) : 0;
}


void
adm_table_set(const adm_table_t *t, uint64_t tag, uint64_t now, uint64_t level)
{
    uint64_t     word;
    adm_place_t  p;

    do {
        if (!adm_table_find(t, tag, &p)) {
            return;
        }

        word = adm_gcra_set(p.seen.word, now, level);

    } while (!adm_table_put(&p, tag, word));
}


unsigned
adm_table_used(const adm_table_t *t, uint64_t now)
{
    uint64_t     i, j, step, read, used;
    adm_slot_t  *slot, seen;

    step = t->buckets / ADM_TABLE_SAMPLE + 1;
    read = 0;
    used = 0;

    for (i = 0; i < t->buckets; i += step) {

        for (j = 0; j < ADM_TABLE_BUCKET; j++) {
            slot = &t->slots[i * ADM_TABLE_BUCKET + j];

            seen.word = adm_load(&slot->word);
            seen.tag = adm_load(&slot->tag);

            used += !adm_table_idle(seen, now);
            read++;
        }
    }

    return (unsigned) (used * 1000 / read);
}
