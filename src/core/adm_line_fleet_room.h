
/*
 * The memory of a line that follows, and what the files that make it up share;
 * callers see adm_line_fleet.h.
 *
 * What is to be told lies in the memory until a reply says that it arrived:
 * live bits by words that are marked, all else in small tables of words, each
 * word a whole fact.  A message is the only record of what it told, so that
 * any number of them may be under way, whoever sent them.
 */


#ifndef _ADM_LINE_FLEET_ROOM_H_INCLUDED_
#define _ADM_LINE_FLEET_ROOM_H_INCLUDED_


#include "adm_line_fleet.h"
#include "adm_line_room.h"


#define ADM_FLEET_MAGIC      UINT64_C(0x61646d666c656531)


/* of a table: places in it, and how many are tried */

#define ADM_FLEET_PASSES     4096
#define ADM_FLEET_EVENTS     1024
#define ADM_FLEET_CLAIMS     8192
#define ADM_FLEET_TRIES      32


/* what happened to a number: the highest byte of an event */

#define ADM_FLEET_END        1
#define ADM_FLEET_EXTEND     2
#define ADM_FLEET_LEAVE      3

#define ADM_FLEET_NUMBER     ((UINT64_C(1) << 56) - 1)


/* flags of messages */

#define ADM_FLEET_DIRECT     1
#define ADM_FLEET_HALT       2
#define ADM_FLEET_LEND       4
#define ADM_FLEET_PROPOSED   8


/* flags from this bit on: serials that a node would be lent */

#define ADM_FLEET_LENDS      8


/* serials lent at once, at most; to all nodes together; and after how many
   others they are not used, so that loans alone make no loan old */

#define ADM_FLEET_LOAN       8192
#define ADM_FLEET_LOANS      32768
#define ADM_FLEET_AGED       65536


/* words of a message's head, and bytes of its counts */

enum {
    ADM_FLEET_M_FLAGS = 0,
    ADM_FLEET_M_INTERVAL,
    ADM_FLEET_M_CLAIM,
    ADM_FLEET_M_TURN,
    ADM_FLEET_M_NEXT,
    ADM_FLEET_M_FRONTIER,
    ADM_FLEET_M_LOW,
    ADM_FLEET_M_SERIAL,
    ADM_FLEET_M_CLOCK,
    ADM_FLEET_M_BORN,
    ADM_FLEET_M_VOIDED,
    ADM_FLEET_M_ADMITTED,
    ADM_FLEET_M_CLAIMS,
    ADM_FLEET_M_MOMENTS,
    ADM_FLEET_M_LAPSED,
    ADM_FLEET_M_VOID,
    ADM_FLEET_M_SEEN,
    ADM_FLEET_M_HEARD,
    ADM_FLEET_M_AT,
    ADM_FLEET_M_CALLED,
    ADM_FLEET_M_CALLS,
    ADM_FLEET_M_MOST,
    ADM_FLEET_M_SHARE,
    ADM_FLEET_M_EXPECTED,
    ADM_FLEET_M_DRIFT,
    ADM_FLEET_M_TRIM,
    ADM_FLEET_M_SUMMED,
    ADM_FLEET_M_SKIPPED,
    ADM_FLEET_M_WORDS
};

enum {
    ADM_FLEET_T_PASSES = 0,
    ADM_FLEET_T_EVENTS,
    ADM_FLEET_T_CLAIMS,
    ADM_FLEET_T_TICKETS,
    ADM_FLEET_T_WORDS,
    ADM_FLEET_T_EXCHANGES,
    ADM_FLEET_T_COUNTS
};

#define ADM_FLEET_M_HEAD     (ADM_FLEET_M_WORDS * 8 + ADM_FLEET_T_COUNTS * 4)


/* words of a reply's head, and its counts */

enum {
    ADM_FLEET_R_NOW = 0,
    ADM_FLEET_R_ERA,
    ADM_FLEET_R_TURN,
    ADM_FLEET_R_CLOCK,
    ADM_FLEET_R_FRONTIER,
    ADM_FLEET_R_NEXT,
    ADM_FLEET_R_LOW,
    ADM_FLEET_R_REBORN,
    ADM_FLEET_R_SERIAL,
    ADM_FLEET_R_ADMITTED,
    ADM_FLEET_R_CLAIMS,
    ADM_FLEET_R_MOMENTS,
    ADM_FLEET_R_LAPSED,
    ADM_FLEET_R_USED,
    ADM_FLEET_R_ACTIVE,
    ADM_FLEET_R_WAITING,
    ADM_FLEET_R_BUSY,
    ADM_FLEET_R_SHARE,
    ADM_FLEET_R_TRIM,
    ADM_FLEET_R_EXPECTED,
    ADM_FLEET_R_CALLED,
    ADM_FLEET_R_YOUNG,
    ADM_FLEET_R_BACK,
    ADM_FLEET_R_VOIDED,
    ADM_FLEET_R_BORN,
    ADM_FLEET_R_PUT_OFF,
    ADM_FLEET_R_LENT,
    ADM_FLEET_R_HEARD,
    ADM_FLEET_R_FIRST,
    ADM_FLEET_R_FROM,
    ADM_FLEET_R_SKIPPED,
    ADM_FLEET_R_SUMMED,
    ADM_FLEET_R_SUMS_FROM,
    ADM_FLEET_R_SUMS_TO,
    ADM_FLEET_R_WORDS
};

enum {
    ADM_FLEET_H_SECONDS = 0,
    ADM_FLEET_H_PARTS,
    ADM_FLEET_H_EVENTS,
    ADM_FLEET_H_SUMS,
    ADM_FLEET_H_COUNTS
};

#define ADM_FLEET_R_HEAD     (ADM_FLEET_R_WORDS * 8 + ADM_FLEET_H_COUNTS * 4)


/* bytes of a second's record, and of its parts; events of one reply */

#define ADM_FLEET_SECOND     32
#define ADM_FLEET_PARTS      (2 * ADM_STEER_PARTS)
#define ADM_FLEET_TIDINGS    4096


/* the largest numbers that are believed */

#define ADM_FLEET_LARGEST    (UINT64_C(1) << 48)


struct adm_fleet_room_s {
    uint64_t    magic;
    uint64_t    due;           /* ms, of the next tick */
    uint64_t    heard;         /* ms, of the last reply; 0: none yet */
    uint64_t    caught;        /* 1 once all was heard that there is */
    uint64_t    skew;          /* ms by which the store's clock is ahead */

    /* of the store, as of the last reply */
    uint64_t    at;            /* ms, of its clock */
    uint64_t    turn;          /* ticks before it; the newest that was heard */
    uint64_t    era;           /* when it began, or was lost last */
    uint64_t    called;        /* people, in all */
    uint64_t    seen;          /* the last second taken in, of those over */
    uint64_t    events;        /* heard of, in all */
    uint64_t    summed;        /* second of the last sums */

    uint64_t    voids;         /* ms, when all passes were ended, untold */
    uint64_t    nodes;
    uint64_t    spent;         /* as a line's, of this node's share alone */
    uint64_t    lent[2];       /* the next serial, and the end, of 32 bits */
    uint64_t    retell;        /* claimed words below it were told again */
    uint64_t    scrub;         /* marks that were set in turn */
    uint64_t    pad[5];

    uint64_t    dirty[ADM_LINE_DIRTY / 64];
    uint64_t    passes[ADM_FLEET_PASSES];   /* serial, second, of 32 bits */
    uint64_t    tidings[ADM_FLEET_EVENTS];
    adm_slot_t  claims[ADM_FLEET_CLAIMS];   /* ticket; as of passes */
    uint64_t    told[ADM_LINE_DIRTY];
};


/* a message that is being read or written */

typedef struct {
    uint64_t              word[ADM_FLEET_M_WORDS];
    uint64_t              n[ADM_FLEET_T_COUNTS];
    const unsigned char  *part[ADM_FLEET_T_COUNTS];
} adm_fleet_message_t;


typedef struct {
    uint64_t              word[ADM_FLEET_R_WORDS];
    uint64_t              n[ADM_FLEET_H_COUNTS];
    const unsigned char  *part[ADM_FLEET_H_COUNTS];
} adm_fleet_reply_t;


/* bytes of what a message tells, and of what a reply does, one of each */

extern const size_t  adm_fleet_told_bytes[];
extern const size_t  adm_fleet_heard_bytes[];


/* the machines that we build on are little-endian, as messages are */

static inline void
adm_fleet_put(unsigned char **p, uint64_t value, size_t bytes)
{
    memcpy(*p, &value, bytes);
    *p += bytes;
}


static inline uint64_t
adm_fleet_get(const unsigned char **p, size_t bytes)
{
    uint64_t  value;

    value = 0;
    memcpy(&value, *p, bytes);
    *p += bytes;

    return value;
}


/* bits of a word in the order of SETBIT: each byte the other way round */

static inline uint64_t
adm_fleet_turned(uint64_t x)
{
    x = (x >> 1 & UINT64_C(0x5555555555555555))
        | (x & UINT64_C(0x5555555555555555)) << 1;
    x = (x >> 2 & UINT64_C(0x3333333333333333))
        | (x & UINT64_C(0x3333333333333333)) << 2;

    return (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f))
           | (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
}


/*
 * Takes bytes apart: a head of words and counts, then so many items of each
 * size: 1 if that is just all of it.
 */

int adm_fleet_apart(const unsigned char *p, size_t len, uint64_t *word,
    size_t words, uint64_t *n, const unsigned char **part,
    const size_t *bytes, size_t counts);

/* Raises a word that never falls. */

void adm_fleet_raise(uint64_t *word, uint64_t to);

/* Now by the store's clock, by which passes are given. */

uint64_t adm_fleet_time(const adm_fleet_t *f, uint64_t now);

/* Keeps an event until it was told: 1, or 0 if there is no place. */

int adm_fleet_event(const adm_fleet_t *f, uint64_t kind, uint64_t number);

/* Forgets that a ticket was exchanged here for a pass. */

void adm_fleet_told_claim(const adm_fleet_t *f, uint64_t ticket,
    uint64_t pass);

/* The live bits of a word that the store has not. */

uint64_t adm_fleet_fresh(const adm_fleet_t *f, uint64_t word);

/*
 * That the store has some bits of a word.  The mark goes before the word is
 * looked at again: see adm_line_show().
 */

void adm_fleet_told_bits(const adm_fleet_t *f, uint64_t word, uint64_t bits);

/* 1 if a loan can be drawn from */

int adm_fleet_good(const adm_fleet_t *f, uint64_t loan);


#endif /* _ADM_LINE_FLEET_ROOM_H_INCLUDED_ */
