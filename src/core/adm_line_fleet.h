
/*
 * A line that several nodes share: what is decided together is decided by
 * scripts in one store; each node has a line of its own that follows, by
 * which it answers polls, tells places, and says how many people should be
 * called.
 *
 * This is the node's side, without a store: it writes messages, which are the
 * one argument of a script each, and reads what the scripts return.  Both are
 * bytes, little-endian, in the order that src/store/lua/line_*.lua tells.
 *
 * A message that was lost costs nothing but time: what it told is told again,
 * and counts once.  A reply that comes late, or twice, or after a newer one,
 * is heard without harm; so the frontier of a node never falls.  A node that
 * has not heard for long has an old frontier, and lets fewer people in.
 *
 * Numbers, serials and the frontier are the store's.  If the store has lost
 * some of them, by a failover or a restart, the next message of any node puts
 * them forward again, behind a gap of ADM_FLEET_GAP that nobody was given;
 * and every node tells again who came back and who was exchanged there.
 */


#ifndef _ADM_LINE_FLEET_H_INCLUDED_
#define _ADM_LINE_FLEET_H_INCLUDED_


#include "adm_line.h"


/* numbers, and serials, that are left out where the store may have given them
   unseen */

#define ADM_FLEET_GAP        32768


/* the longest message of a tick, of a join or a claim, and the longest reply
   that is read, bytes */

#define ADM_FLEET_MESSAGE    16384
#define ADM_FLEET_ASK        256
#define ADM_FLEET_REPLY      (1024 * 1024)


/* people who join by one message */

#define ADM_FLEET_JOINS      256


/* milliseconds without news after which a node follows no more, and lives by
   its own record */

#define ADM_FLEET_STALE      3000


/*
 * The keys of each script, in their order: what stands behind the name of the
 * room's keys, ended by NULL; "" is that name itself.  The last one of a claim
 * is followed by the ticket in decimal.
 */

extern const char *const  adm_fleet_join_keys[];
extern const char *const  adm_fleet_claim_keys[];
extern const char *const  adm_fleet_tick_keys[];


typedef struct adm_fleet_room_s  adm_fleet_room_t;


/* a process's view; the line is one that adm_line_init() made */

typedef struct {
    const adm_line_t  *line;
    adm_fleet_room_t  *room;
    adm_bits_t         told;       /* live bits that the store has */
} adm_fleet_t;


/* what joined, of "n" asked for: first the passes, then the tickets */

typedef struct {
    adm_line_rc_e  rc;         /* WAITING: as told here; PAUSED, FULL: none;
                                  MOMENT: none, the store was just lost */
    uint64_t       serial;     /* the first of so many passes */
    uint64_t       passes;
    uint64_t       ticket;     /* the first of so many tickets */
    uint64_t       tickets;
    uint64_t       second;     /* of the store's clock */
} adm_fleet_joined_t;


/* The memory, bytes, aligned to 64, beside the line's own: 0.5 MiB. */

size_t adm_fleet_size(void);

/*
 * Zeroed memory.  One process alone.  The line becomes one that follows: what
 * it knew of its own is gone.
 */

void adm_fleet_init(void *memory, const adm_line_t *line);

/*
 * The view of a memory that was made; the line's view, which polls use, learns
 * whom to tell.  A line that does not follow, since it was made anew, begins
 * to, and the memory with it.
 */

void adm_fleet_attach(adm_fleet_t *f, void *memory, adm_line_t *line);


/*
 * 1 once the line has heard from the store: before that it knows of no number
 * and nothing may be said of one.
 */

int adm_fleet_knows(const adm_fleet_t *f);

/* 1 if it has heard within ADM_FLEET_STALE */

int adm_fleet_follows(const adm_fleet_t *f, uint64_t now);


/*
 * The message of a tick: "buf" has ADM_FLEET_MESSAGE bytes; its length.  See
 * adm_fleet_turn().  "nodes" is how many there are.  What is told is kept
 * until adm_fleet_ticked() has heard that it arrived.
 * Cost: some 40 KiB of words, and those bits that are to be told.
 */

size_t adm_fleet_tick(const adm_fleet_t *f, uint64_t now, uint64_t nodes,
    unsigned char *buf);

/*
 * What the tick returned, and the very message that it was: ADM_OK, or
 * ADM_ERROR if it is none, and unheard.
 */

int adm_fleet_ticked(const adm_fleet_t *f, uint64_t now,
    const unsigned char *message, size_t told, const unsigned char *reply,
    size_t len);

/*
 * 1 for the process that is to tick now: the next is due in "ms" at the
 * earliest.  A tick that is not answered does not keep others from it.
 */

int adm_fleet_turn(const adm_fleet_t *f, uint64_t now, uint64_t ms);


/*
 * The message of "n" joins, ADM_FLEET_JOINS at most, of which the first
 * "entrants" would enter: its length.
 */

size_t adm_fleet_join(const adm_fleet_t *f, uint64_t now, uint64_t n,
    uint64_t entrants, unsigned char *buf);
int adm_fleet_joined(const adm_fleet_t *f, uint64_t now,
    const unsigned char *reply, size_t len, adm_fleet_joined_t *joined);

/* The expiry of a pass given in "second": as the line has it. */

void adm_fleet_expiry(const adm_fleet_t *f, uint64_t second,
    adm_pass_t *pass);


/*
 * The message of a claim: its length, or 0 if the line can tell without:
 * "rc" and "pass" are then as of adm_line_claim().
 */

size_t adm_fleet_claim(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    unsigned char *buf, adm_line_rc_e *rc, adm_pass_t *pass);

/*
 * What it returned.  If the ticket was exchanged here meanwhile, by
 * adm_fleet_claim_alone(), that pass is told and the store's is ended.
 */

int adm_fleet_claimed(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    const unsigned char *reply, size_t len, adm_line_rc_e *rc,
    adm_pass_t *pass);


/*
 * Without the store: a called ticket is exchanged by this node's own record,
 * as far as its share of the rate and of the places goes, for a serial that it
 * had been lent.  What was so exchanged is told when the store is back.  As
 * adm_line_claim(); MOMENT also if no serial is left, or too much is untold.
 */

adm_line_rc_e adm_fleet_claim_alone(const adm_fleet_t *f, uint64_t ticket,
    uint64_t now, adm_pass_t *pass);


/*
 * As adm_line_renew(), adm_line_end(), adm_line_extend(), adm_line_leave(),
 * and told with the next ticks; adm_line_ended() and the other readers of a
 * line are as they are.  A renewal that cannot be told leaves the pass as it
 * is where there is a ceiling and the store is heard, else it is told by the
 * next one; an end that cannot be told is known here alone.
 */

void adm_fleet_renew(const adm_fleet_t *f, uint64_t now, adm_pass_t *pass);
int adm_fleet_end(const adm_fleet_t *f, uint64_t now, const adm_pass_t *pass);
int adm_fleet_extend(const adm_fleet_t *f, uint64_t ticket);
void adm_fleet_leave(const adm_fleet_t *f, uint64_t ticket);

/* Ends all passes that were given: here at once, elsewhere by ticks. */

void adm_fleet_void(const adm_fleet_t *f, uint64_t now);


#endif /* _ADM_LINE_FLEET_H_INCLUDED_ */
