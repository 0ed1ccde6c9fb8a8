
#include "faults.h"
#include "literal.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>


#define SLOW_FACTOR  10


static const char *faults_read(faults_t *fault, struct evkeyvalq *query);
static fault_e fault_find(const char *name);


static const char  *names[] = {
    "none", "error", "slow", "hang", "die", "half", "exit"
};


void
faults_init(faults_t *faults, uint64_t seed)
{
    memset(faults, 0, sizeof(*faults));

    /* apart from the service's generator, which begins with the seed */

    seed = ~seed;
    memcpy(faults->random, &seed, sizeof(faults->random));

    faults->share = 1;
    faults->factor = 1;
    faults->until = INT64_MAX;
}


const char *
faults_set(faults_t *faults, const char *text)
{
    faults_t           fault;
    const char        *wrong;
    struct evkeyvalq   query;

    fault = *faults;
    fault.mode = FAULT_MODES;
    fault.share = 1;
    fault.factor = -1;
    fault.until = INT64_MAX;

    if (evhttp_parse_query_str(text, &query) != 0) {
        return "the query cannot be read";
    }

    wrong = faults_read(&fault, &query);
    evhttp_clear_headers(&query);

    if (fault.factor < 0) {
        fault.factor = fault.mode == FAULT_SLOW ? SLOW_FACTOR : 1;
    }

    if (wrong == NULL) {
        *faults = fault;
    }

    return wrong;
}


static const char *
faults_read(faults_t *fault, struct evkeyvalq *query)
{
    int64_t           time;
    struct evkeyval  *pair;

    TAILQ_FOREACH(pair, query, next) {

        if (strcmp(pair->key, "mode") == 0) {
            fault->mode = fault_find(pair->value);

        } else if (strcmp(pair->key, "share") == 0) {

            if (!literal_number(pair->value, &fault->share)
                || fault->share > 1)
            {
                return "share is a number from 0 to 1";
            }

        } else if (strcmp(pair->key, "factor") == 0) {

            if (!literal_number(pair->value, &fault->factor)) {
                return "factor is a number";
            }

        } else if (strcmp(pair->key, "for") == 0) {

            if (!literal_time(pair->value, &time)) {
                return "for is a time, such as 10s";
            }

            fault->until = clock_now() + time;

        } else {
            return "there are mode, share, factor and for";
        }
    }

    if (fault->mode == FAULT_MODES) {
        return "mode is none, error, slow, hang, die, half or exit";
    }

    return NULL;
}


static fault_e
fault_find(const char *name)
{
    fault_e  mode;

    for (mode = FAULT_NONE; mode < FAULT_MODES; mode++) {
        if (strcmp(name, names[mode]) == 0) {
            break;
        }
    }

    return mode;
}


fault_e
faults_draw(faults_t *faults)
{
    fault_e  mode;

    mode = faults_mode(faults);

    if (mode != FAULT_NONE && erand48(faults->random) >= faults->share) {
        mode = FAULT_NONE;
    }

    if (mode != FAULT_NONE) {
        faults->hits[mode]++;
    }

    return mode;
}


fault_e
faults_mode(const faults_t *faults)
{
    return clock_now() < faults->until ? faults->mode : FAULT_NONE;
}


const char *
fault_name(fault_e mode)
{
    return names[mode];
}
