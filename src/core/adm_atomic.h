
/*
 * The few atomic steps that tables in shared memory need.
 *
 * A slot of a table is a pair of 64-bit words which change together or not
 * at all; nothing here waits, and a process that dies between two steps
 * leaves nothing half done.
 */


#ifndef _ADM_ATOMIC_H_INCLUDED_
#define _ADM_ATOMIC_H_INCLUDED_


#include "adm.h"


/* in shared memory: 16-byte aligned */

typedef struct {
    uint64_t  tag;
    uint64_t  word;
} adm_slot_t;


#define adm_load(p)    __atomic_load_n(p, __ATOMIC_ACQUIRE)


/*
 * Replaces *word by "to" if it is "from"; 1 if it did, else 0.
 */

static inline int
adm_word_cas(uint64_t *word, uint64_t from, uint64_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}


/*
 * Replaces both words of the slot if both are as in "from"; 1 if it did,
 * else 0.
 *
 * GCC calls libatomic for a 16-byte __atomic, and that one may use locks of
 * its own, which other processes do not see: hence the instruction itself.
 */

#if defined(__x86_64__)

static inline int
adm_slot_cas(adm_slot_t *slot, adm_slot_t from, adm_slot_t to)
{
    unsigned char  done;

    __asm__ volatile ("lock cmpxchg16b %1\n\t"
                      "sete %0"
                      : "=q" (done), "+m" (*slot),
                        "+a" (from.tag), "+d" (from.word)
                      : "b" (to.tag), "c" (to.word)
                      : "memory", "cc");

    return done;
}

#elif defined(__aarch64__)

__extension__ typedef unsigned __int128  adm_pair_t;


static inline adm_pair_t
adm_pair(adm_slot_t s)
{
    adm_pair_t  pair;

    memcpy(&pair, &s, sizeof(adm_pair_t));

    return pair;
}


static inline int
adm_slot_cas(adm_slot_t *slot, adm_slot_t from, adm_slot_t to)
{
    return __sync_bool_compare_and_swap((adm_pair_t *) (void *) slot,
                                        adm_pair(from), adm_pair(to));
}

#else
#error "a 16-byte compare-and-swap is needed: x86-64 or AArch64"
#endif


#endif /* _ADM_ATOMIC_H_INCLUDED_ */
