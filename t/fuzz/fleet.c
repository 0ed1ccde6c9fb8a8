
/*
 * Fuzzes what a node makes of a store's replies: whatever comes, its frontier
 * does not fall, what it tells fits into a message, and what it tells is what
 * it can take apart again.  The first byte says of which script the rest is.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_bits.c"
#include "../../src/core/adm_cohorts.c"
#include "../../src/core/adm_marks.c"
#include "../../src/core/adm_notes.c"
#include "../../src/core/adm_steer.c"
#include "../../src/core/adm_wheel.c"
#include "../../src/core/adm_window.c"
#include "../../src/core/adm_line.c"
#include "../../src/core/adm_line_room.c"
#include "../../src/core/adm_line_tick.c"
#include "../../src/core/adm_line_fleet.c"
#include "../../src/core/adm_line_fleet_hear.c"
#include "../../src/core/adm_line_fleet_tell.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


#define START  UINT64_C(1790000000000)
#define SIZE   (2 * 1024 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static adm_line_t      line;
static adm_fleet_t     fleet;
static uint64_t        now;
static unsigned char   message[ADM_FLEET_MESSAGE];

static uint64_t        memory[2][SIZE / 8] __attribute__((aligned(64)));


static void
begin(void)
{
    adm_line_shape_t     shape = ADM_LINE_SHAPE(600);
    adm_line_settings_t  settings;

    memset(&settings, 0, sizeof(adm_line_settings_t));

    settings.interval = 10000000;
    settings.max_active = 1000;
    settings.session = 600;
    settings.claim = 120;
    settings.grace = 600;
    settings.direct = 1;

    hold(adm_line_size(&shape) <= SIZE && adm_fleet_size() <= SIZE);

    memset(memory, 0, sizeof(memory));
    now = START;
    adm_line_init(memory[0], &shape, &settings, now);
    (void) adm_line_attach(&line, memory[0]);
    adm_fleet_init(memory[1], &line);
    adm_fleet_attach(&fleet, memory[1], &line);
}


static size_t
say(void)
{
    size_t               len;
    adm_fleet_message_t  m;

    len = adm_fleet_tick(&fleet, now, 2, message);

    hold(len <= ADM_FLEET_MESSAGE);
    hold(adm_fleet_apart(message, len, m.word, ADM_FLEET_M_WORDS, m.n, m.part,
                         adm_fleet_told_bytes, ADM_FLEET_T_COUNTS));

    return len;
}


static void
ticked(const uint8_t *data, size_t size)
{
    size_t            told;
    uint64_t          was;
    adm_line_stats_t  stats;

    told = say();
    adm_line_stats(&line, now, &stats);
    was = stats.frontier;

    (void) adm_fleet_ticked(&fleet, now, message, told, data, size);

    adm_line_stats(&line, now, &stats);
    hold(stats.frontier >= was);
    (void) say();
}


static void
asked(int join, const uint8_t *data, size_t size)
{
    adm_pass_t           pass;
    adm_line_rc_e        rc;
    adm_fleet_joined_t   joined;

    if (join) {
        if (adm_fleet_joined(&fleet, now, data, size, &joined) == ADM_OK) {
            hold(joined.passes <= ADM_FLEET_JOINS);
            hold(joined.tickets <= ADM_FLEET_JOINS);
            hold(joined.tickets == 0 || joined.ticket > 0);
        }

    } else if (adm_fleet_claimed(&fleet, 60, now, data, size, &rc, &pass)
               == ADM_OK)
    {
        hold(rc != ADM_LINE_ADMITTED
             || (pass.serial > 0 && pass.expires > pass.since));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t           i;
    adm_pass_t         pass;
    adm_line_place_t   place;

    static unsigned  runs;

    if (size == 0) {
        return 0;
    }

    if (runs++ % 64 == 0) {
        begin();
    }

    for (i = 1; i < 2000; i += 97) {
        (void) adm_line_poll(&line, i, i, &place);
    }

    switch (data[0] % 3) {

    case 0:
        ticked(data + 1, size - 1);
        break;

    default:
        asked(data[0] % 3 == 1, data + 1, size - 1);
        break;
    }

    (void) adm_fleet_claim_alone(&fleet, 61, now, &pass);
    now += 50;

    return 0;
}
