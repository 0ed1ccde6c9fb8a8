
/*
 * Idempotency keys, and what was answered under them, in one piece of memory
 * that many processes share.
 *
 * A key is 16 bytes, a digest; what is known of it takes 96 bytes of a table
 * of fixed size, and the bytes of its answer are in cells of 256, which all
 * keys share.  Nothing is dropped before its time: when all places are taken,
 * a key is refused, and when all cells are, an answer is not kept.
 *
 * Who changes something holds the memory's mutex, and notes what stood there
 * before: see adm_undo.h.  Bytes of answers are written into cells that
 * belong to the key already, and read from those that still do, without it.
 * So the mutex is never held for longer than a few dozen cache lines take.
 *
 * Times are in seconds since the epoch.  A key that is running is its owner's
 * for as long as that process lives; "lives" tells.  If it was not admitted
 * yet, nothing was sent, and the key is free then; else nobody knows what
 * became of it.
 */


#ifndef _ADM_KEYTAB_H_INCLUDED_
#define _ADM_KEYTAB_H_INCLUDED_


#include "adm_undo.h"


#define ADM_KEY_BYTES      16

/* bytes of a cell, and those of an answer in it */
#define ADM_KEYTAB_CELL    256
#define ADM_KEYTAB_DATA    (ADM_KEYTAB_CELL - sizeof(uint64_t))

/* cells that one call takes at most: each may miss the cache */
#define ADM_KEYTAB_GROW    32

/* the least memory that can be laid out */
#define ADM_KEYTAB_MIN     (64 * 1024)


typedef enum {
    ADM_KEY_FREE = 0,
    ADM_KEY_ASKED,             /* running: nothing has been sent yet */
    ADM_KEY_ADMITTED,          /* running */
    ADM_KEY_LOST,              /* sent, and nobody knows */
    ADM_KEY_KEPT,              /* done, with its answer */
    ADM_KEY_GONE               /* done, without */
} adm_key_state_e;


/* in shared memory, of whole words; "next" of one that is free: of these */

typedef struct {
    unsigned char    hash[ADM_KEY_BYTES];
    unsigned char    print[ADM_KEY_BYTES];     /* of the request */
    unsigned char    fence[ADM_KEY_BYTES];     /* who has it, or had it */
    uint64_t         serial;   /* changes with whose the place is */
    uint32_t         expires;  /* of one that does not run */
    uint32_t         ttl;
    uint32_t         owner;    /* a process, while it runs */
    uint32_t         next;     /* of the same bucket; 0: none */
    uint32_t         first;    /* cells; 0: none */
    uint32_t         last;
    uint32_t         len;      /* bytes of the answer, or of all cells */
    uint16_t         status;
    uint8_t          state;
    uint8_t          unused;
} adm_key_t;


typedef struct adm_keytab_sh_s  adm_keytab_sh_t;

typedef int (*adm_key_lives_pt)(uint32_t owner);


/* a process's view */

typedef struct {
    adm_keytab_sh_t   *sh;
    uint64_t          *buckets;
    adm_key_t         *keys;       /* from 1 on */
    unsigned char     *cells;      /* from 1 on */
    adm_undo_t         undo;
    adm_key_lives_pt   lives;
} adm_keytab_t;


typedef enum {
    ADM_KEY_NEW = 0,           /* taken; or, if only asked, not known */
    ADM_KEY_RUNNING,
    ADM_KEY_UNKNOWN,
    ADM_KEY_DONE,
    ADM_KEY_UNKEPT,
    ADM_KEY_MISMATCH,
    ADM_KEY_FULL
} adm_key_rc_e;


typedef struct {
    const unsigned char  *hash;
    const unsigned char  *print;
    const unsigned char  *fence;
    uint32_t              owner;
    uint32_t              ttl;
    int                   peek;    /* takes nothing */
} adm_key_ask_t;


typedef struct {
    uint64_t   used;
    uint64_t   places;
    uint64_t   full;           /* total: keys refused for want of a place */
    uint64_t   cells_used;
    uint64_t   cells;
    uint64_t   unkept;         /* total: answers not kept for want of cells */
} adm_keytab_stats_t;


/*
 * Lays out memory, 8-byte aligned, of at least ADM_KEYTAB_MIN bytes; a quarter
 * of it is the table.  "secret" is for the places of keys in it.  And a
 * process's view of it: ADM_ERROR if it is laid out otherwise.
 */

void adm_keytab_init(void *memory, size_t size,
    const unsigned char secret[16]);
int adm_keytab_attach(adm_keytab_t *t, void *memory, adm_key_lives_pt lives);


/* All that follows needs the mutex, but where it says otherwise. */


/*
 * First of all, whenever the mutex was taken: takes back what somebody has
 * left half done who was killed.
 */

void adm_keytab_recover(adm_keytab_t *t);


/*
 * Takes a key, or tells what became of it; who has it already gets the first
 * answer again.  *seen is its place as it is then, and *at where; 0: it is
 * not there.
 */

adm_key_rc_e adm_keytab_take(adm_keytab_t *t, const adm_key_ask_t *ask,
    uint64_t now, adm_key_t *seen, uint32_t *at);


/*
 * What becomes of a running key: nothing, if "fence" does not have it.
 *
 * For an answer, its cells are taken first, ADM_KEYTAB_GROW at a time, and
 * filled, and then it is done.  adm_keytab_grow(): 1: there are cells for
 * "len" bytes; 0: once more; ADM_ERROR: there will not be, or it is not the
 * fence's.
 */

void adm_keytab_admit(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence);
void adm_keytab_free(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence);
void adm_keytab_lose(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence, uint64_t now);
int adm_keytab_grow(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence, size_t len, uint32_t *first);
void adm_keytab_done(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence, unsigned status, size_t len, int kept,
    uint64_t now);


/* without the mutex: into cells that adm_keytab_grow() gave */

void adm_keytab_write(adm_keytab_t *t, uint32_t first,
    const unsigned char *data, size_t len);

/*
 * Without the mutex: "seen.len" bytes of what was seen at "at".  1; 0: it has
 * gone since, and what is in "data" is not to be used.
 */

int adm_keytab_read(adm_keytab_t *t, const adm_key_t *seen, uint32_t at,
    unsigned char *data);


/* an operator's: the key is free.  ADM_KEY_NEW: there is none, or it was;
   ADM_KEY_RUNNING: it runs, and stays; else what it was */

adm_key_rc_e adm_keytab_forget(adm_keytab_t *t,
    const unsigned char *hash, uint64_t now);

/* looks at "n" more places, for keys that are over and owners who are dead */

void adm_keytab_sweep(adm_keytab_t *t, uint64_t now, unsigned n);


/* without the mutex: 1 for the one process that is to sweep in "second" */

int adm_keytab_turn(adm_keytab_t *t, uint64_t second);


/*
 * Copies.  adm_keytab_measure(): bytes that one needs, while nothing changes;
 * without the mutex.  adm_keytab_pack() appends keys from place *at on,
 * 1 at first, to "copy", and stops after about "most" bytes: the bytes used,
 * and *at is 0 when all are there; ADM_ERROR: they are more than "size".
 * Each key is copied as it was at one moment, not all of them at the same.
 */

size_t adm_keytab_measure(adm_keytab_t *t);
int64_t adm_keytab_pack(adm_keytab_t *t, uint32_t *at, size_t most,
    unsigned char *copy, size_t size);

/*
 * Into memory just laid out.  Keys that ran are of unknown outcome.
 * ADM_ERROR: there are more than fit; or it is no copy.
 */

int adm_keytab_restore(adm_keytab_t *t, const unsigned char *copy,
    size_t size, uint64_t now);


/* without the mutex */

uint64_t adm_keytab_version(adm_keytab_t *t);
void adm_keytab_stats(adm_keytab_t *t, adm_keytab_stats_t *stats);


#endif /* _ADM_KEYTAB_H_INCLUDED_ */
