
/*
 * Through a gate: who may enter, and what is noted of those who leave.
 *
 * Two that enter at once may each see the other and both go back, so it is
 * tried again; but there are never more inside than places.
 */


#include <ngx_adm_gate_room.h>


#define NGX_ADM_GATE_TRIES     4

/* ms between two that are let in though it is too late for them; samples that
   the latency of one counts for, since there may be no others */
#define NGX_ADM_GATE_PROBE     1000
#define NGX_ADM_GATE_PROBES    8


static ngx_adm_gate_rc_e ngx_adm_gate_judge(ngx_adm_gate_t *gate,
    ngx_adm_gate_place_t *place, ngx_adm_comer_t *comer,
    ngx_adm_passage_t *passage);
static ngx_uint_t ngx_adm_gate_offer(ngx_adm_gate_t *gate,
    ngx_adm_gate_place_t *place, ngx_adm_comer_t *comer);
static ngx_uint_t ngx_adm_gate_broken(ngx_adm_gate_t *gate);
static ngx_uint_t ngx_adm_gate_late(ngx_adm_gate_t *gate,
    ngx_adm_comer_t *comer, ngx_adm_passage_t *passage);
static ngx_uint_t ngx_adm_gate_cut(ngx_adm_gate_t *gate,
    ngx_adm_comer_t *comer, ngx_uint_t first);
static uint64_t ngx_adm_gate_room_of(ngx_adm_gate_t *gate,
    ngx_adm_comer_t *comer);
static ngx_adm_gate_rc_e ngx_adm_gate_pass(ngx_adm_gate_t *gate,
    ngx_adm_gate_place_t *place, ngx_adm_comer_t *comer,
    ngx_adm_passage_t *passage);
static ngx_uint_t ngx_adm_gate_squeeze(ngx_adm_gate_t *gate,
    ngx_adm_gate_place_t *place, uint64_t room, uint64_t *inside);
static ngx_adm_gate_rc_e ngx_adm_gate_refused(ngx_adm_gate_place_t *place,
    ngx_adm_comer_t *comer, ngx_adm_gate_rc_e rc);
static void ngx_adm_gate_note(ngx_adm_gate_t *gate,
    ngx_adm_gate_place_t *place, ngx_adm_passage_t *passage,
    ngx_adm_left_e left, uint64_t latency);
static void ngx_adm_gate_said(ngx_adm_gate_t *gate,
    ngx_adm_passage_t *passage, ngx_adm_left_e left, uint64_t latency);
static adm_circuit_said_e ngx_adm_gate_say(ngx_adm_gate_t *gate,
    ngx_adm_left_e left, uint64_t latency);
static void ngx_adm_gate_changed(ngx_adm_gate_t *gate,
    adm_circuit_said_e said);


ngx_adm_gate_rc_e
ngx_adm_gate_look(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer)
{
    ngx_adm_gate_rc_e      rc;
    ngx_adm_gate_place_t  *place;

    place = ngx_adm_gate_place(gate);

    if (place == NULL) {
        return NGX_ADM_GATE_OK;
    }

    rc = ngx_adm_gate_judge(gate, place, comer, NULL);

    if (rc == NGX_ADM_GATE_OK
        && ngx_adm_gate_inside(gate) >= ngx_adm_gate_room_of(gate, comer))
    {
        rc = NGX_ADM_GATE_FULL;
    }

    return ngx_adm_gate_refused(place, comer, rc);
}


ngx_adm_gate_rc_e
ngx_adm_gate_enter(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer,
    ngx_adm_passage_t *passage)
{
    ngx_adm_gate_rc_e      rc;
    ngx_adm_gate_place_t  *place;

    ngx_memzero(passage, sizeof(ngx_adm_passage_t));

    place = ngx_adm_gate_place(gate);

    if (place == NULL) {
        return NGX_ADM_GATE_OK;
    }

    rc = ngx_adm_gate_judge(gate, place, comer, passage);

    if (rc == NGX_ADM_GATE_OK) {
        rc = ngx_adm_gate_pass(gate, place, comer, passage);
    }

    return ngx_adm_gate_refused(place, comer, rc);
}


/* all but whether there is a place; "passage" is NULL for a look */

static ngx_adm_gate_rc_e
ngx_adm_gate_judge(ngx_adm_gate_t *gate, ngx_adm_gate_place_t *place,
    ngx_adm_comer_t *comer, ngx_adm_passage_t *passage)
{
    ngx_uint_t  first;

    first = ngx_adm_gate_offer(gate, place, comer);

    if (ngx_adm_gate_broken(gate)) {
        return NGX_ADM_GATE_OPEN;
    }

    if (gate->budget && ngx_adm_gate_late(gate, comer, passage)) {
        return NGX_ADM_GATE_LATE;
    }

    if (ngx_adm_gate_limited(gate) && ngx_adm_gate_cut(gate, comer, first)) {
        return NGX_ADM_GATE_CUT;
    }

    return NGX_ADM_GATE_OK;
}


/*
 * 1: for the first time.  Who is of level 0 by a key is known at the second
 * look only, and is counted there as well: for those of level 0 places are
 * kept when some come.
 */

static ngx_uint_t
ngx_adm_gate_offer(ngx_adm_gate_t *gate, ngx_adm_gate_place_t *place,
    ngx_adm_comer_t *comer)
{
    ngx_uint_t  counted, level;

    counted = comer->counted;
    level = ngx_adm_gate_level(comer);

    if (counted && (level != 0 || counted == 1)) {
        return 0;
    }

    comer->counted = level + 1;

    ngx_adm_gate_add(&place->offers[level], 1);

    if (counted) {
        (void) adm_cutoff_offer(&gate->sh->cutoff, comer->rank);
        return 0;
    }

    ngx_adm_gate_add(&place->sums[NGX_ADM_GATE_OFFERED], 1);

    return 1;
}


static ngx_uint_t
ngx_adm_gate_broken(ngx_adm_gate_t *gate)
{
    uint64_t               wait;
    ngx_adm_gate_forced_e  forced;

    forced = ngx_adm_gate_forced(gate);

    if (forced != NGX_ADM_GATE_AUTO) {
        return forced == NGX_ADM_GATE_FORCED_OPEN;
    }

    return adm_circuit_look(&gate->sh->circuit, &gate->circuit,
                            ngx_current_msec, &wait)
           == ADM_CIRCUIT_REFUSE;
}


/* what is needed would never be less, if nobody went any more */

static ngx_uint_t
ngx_adm_gate_late(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer,
    ngx_adm_passage_t *passage)
{
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;

    if (comer->left == 0) {
        return 1;
    }

    if ((uint64_t) comer->left * 1000 >= sh->needs) {
        return 0;
    }

    if (passage == NULL) {
        return (ngx_msec_int_t) (ngx_current_msec - sh->probe) < 0;
    }

    passage->probe = ngx_adm_fleet_turn(&sh->probe, NGX_ADM_GATE_PROBE);

    return !passage->probe;
}


static ngx_uint_t
ngx_adm_gate_cut(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer,
    ngx_uint_t first)
{
    adm_cutoff_t  *cutoff;

    cutoff = &gate->sh->cutoff;

    if (first) {
        return !adm_cutoff_offer(cutoff, comer->rank);
    }

    return comer->rank + adm_load(&cutoff->cut) >= ADM_CUTOFF_RANKS;
}


/* places for this one, of which some may be kept for others */

static uint64_t
ngx_adm_gate_room_of(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer)
{
    uint64_t  room, guard;

    room = ngx_adm_gate_room(gate);

    if (room == NGX_ADM_GATE_NO_LIMIT) {
        return room;
    }

    guard = adm_cutoff_guard(&gate->sh->cutoff, comer->rank);

    return room - ngx_min(guard, room);
}


static ngx_adm_gate_rc_e
ngx_adm_gate_pass(ngx_adm_gate_t *gate, ngx_adm_gate_place_t *place,
    ngx_adm_comer_t *comer, ngx_adm_passage_t *passage)
{
    uint64_t            wait;
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;

    if (!ngx_adm_gate_squeeze(gate, place, ngx_adm_gate_room_of(gate, comer),
                              &passage->inside))
    {
        return NGX_ADM_GATE_FULL;
    }

    if (ngx_adm_gate_forced(gate) == NGX_ADM_GATE_AUTO
        && adm_circuit_ask(&sh->circuit, &gate->circuit, ngx_current_msec,
                           &passage->pass, &wait)
           == ADM_CIRCUIT_REFUSE)
    {
        (void) ngx_atomic_fetch_add(&place->inside, -1);
        return NGX_ADM_GATE_OPEN;
    }

    passage->gate = gate;
    passage->epoch = adm_load(&sh->adapt.epoch);

    ngx_adm_gate_add(&place->sums[NGX_ADM_GATE_ENTERED], 1);

    return NGX_ADM_GATE_OK;
}


static ngx_uint_t
ngx_adm_gate_squeeze(ngx_adm_gate_t *gate, ngx_adm_gate_place_t *place,
    uint64_t room, uint64_t *inside)
{
    uint64_t    peak;
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_GATE_TRIES; i++) {

        (void) ngx_atomic_fetch_add(&place->inside, 1);

        *inside = ngx_adm_gate_inside(gate);

        if (*inside <= room) {
            peak = ngx_adm_gate_peak(gate->sh->tick, *inside);
            place->peak = ngx_max(place->peak, peak);
            return 1;
        }

        (void) ngx_atomic_fetch_add(&place->inside, -1);

        if (*inside > room + 1) {
            ngx_cpu_pause();
        }
    }

    return 0;
}


static ngx_adm_gate_rc_e
ngx_adm_gate_refused(ngx_adm_gate_place_t *place, ngx_adm_comer_t *comer,
    ngx_adm_gate_rc_e rc)
{
    if ((rc == NGX_ADM_GATE_FULL || rc == NGX_ADM_GATE_CUT)
        && !comer->refused)
    {
        comer->refused = 1;
        ngx_adm_gate_add(rc == NGX_ADM_GATE_FULL
                         ? &place->sums[NGX_ADM_GATE_REFUSED]
                         : &place->sums[NGX_ADM_GATE_CUT_OFF], 1);
    }

    return rc;
}


void
ngx_adm_gate_shed(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer)
{
    ngx_adm_gate_place_t  *place;

    place = ngx_adm_gate_place(gate);

    if (place) {
        ngx_adm_gate_add(&place->shed[ngx_adm_gate_level(comer)], 1);
    }
}


void
ngx_adm_gate_leave(ngx_adm_passage_t *passage, ngx_adm_left_e left,
    uint64_t latency)
{
    ngx_adm_gate_t        *gate;
    ngx_adm_gate_place_t  *place;

    gate = passage->gate;

    if (gate == NULL) {
        return;
    }

    passage->gate = NULL;

    place = ngx_adm_gate_place(gate);

    if (place == NULL || place->inside == 0) {
        return;
    }

    (void) ngx_atomic_fetch_add(&place->inside, -1);

    if (left != NGX_ADM_LEFT_UNREACHED) {
        ngx_adm_gate_note(gate, place, passage, left, latency);
    }

    ngx_adm_gate_said(gate, passage, left, latency);
}


/* who gave up, or failed, needed longer than it stayed: so the median is met
   by those that stayed longer than it */

static void
ngx_adm_gate_note(ngx_adm_gate_t *gate, ngx_adm_gate_place_t *place,
    ngx_adm_passage_t *passage, ngx_adm_left_e left, uint64_t latency)
{
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;

    ngx_adm_gate_add(left == NGX_ADM_LEFT_ANSWERED
                     ? &place->sums[NGX_ADM_GATE_ANSWERED]
                     : left == NGX_ADM_LEFT_FAILED
                       ? &place->sums[NGX_ADM_GATE_FAILED]
                       : &place->sums[NGX_ADM_GATE_GONE], 1);

    if (passage->epoch == adm_load(&sh->adapt.epoch)) {
        ngx_adm_gate_add(&place->sums[NGX_ADM_GATE_LATENCY], latency);
        ngx_adm_gate_add(&place->sums[NGX_ADM_GATE_CROWD], passage->inside);

    } else {
        ngx_adm_gate_add(&place->sums[NGX_ADM_GATE_STALE], 1);
    }

    if (left == NGX_ADM_LEFT_ANSWERED || latency / 1000 > sh->needs) {
        (void) __atomic_fetch_add(
                   &place->latencies[ngx_adm_gate_bucket(latency)],
                   passage->probe ? NGX_ADM_GATE_PROBES : 1,
                   __ATOMIC_RELAXED);
    }
}


static void
ngx_adm_gate_said(ngx_adm_gate_t *gate, ngx_adm_passage_t *passage,
    ngx_adm_left_e left, uint64_t latency)
{
    adm_circuit_said_e  said;

    said = ngx_adm_gate_say(gate, left, latency);

    if (adm_circuit_said(&gate->sh->circuit, &gate->circuit, passage->pass,
                         said, ngx_current_msec,
                         (uint32_t) ngx_random() << 1))
    {
        ngx_adm_gate_changed(gate, said);
    }
}


/* a client that did not wait says that it was slow, or nothing */

static adm_circuit_said_e
ngx_adm_gate_say(ngx_adm_gate_t *gate, ngx_adm_left_e left, uint64_t latency)
{
    ngx_uint_t  slow;

    slow = gate->circuit.slow && latency >= gate->circuit.slow * 1000000;

    switch (left) {

    case NGX_ADM_LEFT_ANSWERED:
        return slow ? ADM_CIRCUIT_SLOW : ADM_CIRCUIT_GOOD;

    case NGX_ADM_LEFT_FAILED:
        return ADM_CIRCUIT_FAILED;

    case NGX_ADM_LEFT_GONE:
        return slow ? ADM_CIRCUIT_SLOW : ADM_CIRCUIT_UNTOLD;

    default:                       /* UNREACHED */
        return ADM_CIRCUIT_UNTOLD;
    }
}


static void
ngx_adm_gate_changed(ngx_adm_gate_t *gate, adm_circuit_said_e said)
{
    uint64_t            wait;
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;

    if (said == ADM_CIRCUIT_GOOD) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "upstream \"%V\": its circuit is closed again",
                      &gate->name);
        return;
    }

    (void) ngx_atomic_fetch_add(&sh->opened, 1);

    if (adm_circuit_look(&sh->circuit, &gate->circuit, ngx_current_msec,
                         &wait)
        == ADM_CIRCUIT_PASS)
    {
        wait = 0;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "upstream \"%V\": its circuit is open after a request "
                  "that %s, for %uL ms",
                  &gate->name,
                  said == ADM_CIRCUIT_SLOW ? "was slow" : "failed", wait);
}
