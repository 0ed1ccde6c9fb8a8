
/*
 * Small values by dense, rising numbers: a ring of words in shared memory
 * that slides with the numbers, changed by many processes without a lock.
 *
 * A word is 8 bits of lap, how often the ring has gone round, and values for
 * 56 / width numbers.  Nobody has to clear what the ring slides over: a word
 * of an earlier lap reads as zeros, and its first change starts it anew.
 * What belongs to a lap that is over cannot be changed any more, however
 * late a process comes: so a stopped process never hits a number of today.
 *
 * 256 laps would bring an untouched word back to life; adm_bits_find() starts
 * anew all words that it walks over.
 */


#ifndef _ADM_BITS_H_INCLUDED_
#define _ADM_BITS_H_INCLUDED_


#include "adm_atomic.h"


/* bits of a word that hold values */

#define ADM_BITS_DATA   56


/* a process's view; the words are in shared memory, zeroed */

typedef struct {
    uint64_t  *words;
    uint64_t   n;              /* words in the ring, 1 or more */
    unsigned   width;          /* bits of a value, 1 to 8 */
} adm_bits_t;


/* numbers in one word, and numbers that the ring spans at once */

#define adm_bits_per(b)     (ADM_BITS_DATA / (b)->width)
#define adm_bits_span(b)    ((b)->n * adm_bits_per(b))


/*
 * The value of a number; 0 if it was never changed, or if the ring has slid
 * over it, or has not come to it.  Cost: one word.
 */

unsigned adm_bits_get(const adm_bits_t *b, uint64_t number);


/*
 * Changes the value of a number from "from" to "to": 1 if it did; 0 if the
 * value is another, or the ring has slid over the number.
 * Cost: one word, one swap, and again if a neighbour changed meanwhile.
 */

int adm_bits_swap(const adm_bits_t *b, uint64_t number, unsigned from,
    unsigned to);


/*
 * How many numbers in [from, to) have bit 1; "width" is 1, and the range lies
 * in one span.  Cost: a word for 56 numbers.
 */

uint64_t adm_bits_count(const adm_bits_t *b, uint64_t from, uint64_t to);


/*
 * Walks from "from" until it has met *n numbers with bit 1, or to "to": the
 * number behind the last one it met, "from" if there was none; *n becomes how
 * many it met.  "width" is 1.  Cost: a word for 56 numbers.
 */

uint64_t adm_bits_find(const adm_bits_t *b, uint64_t from, uint64_t to,
    uint64_t *n);


/*
 * The values of the word that the number is in, from its lowest number on; and
 * sets some bits of it, unless the ring has slid over the word.
 * Cost: one word.
 */

uint64_t adm_bits_word(const adm_bits_t *b, uint64_t number);
void adm_bits_set(const adm_bits_t *b, uint64_t number, uint64_t bits);


#endif /* _ADM_BITS_H_INCLUDED_ */
