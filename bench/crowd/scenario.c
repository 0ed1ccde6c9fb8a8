
/*
 * The reader of scenarios.  A line is a word and what belongs to it; a table
 * says which function reads which.  Lines before the first "population" are
 * the defaults that each population starts from.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"


#define LINE_WORDS  8
#define LINE_MAX    8192

#define ADDRESSES_MAX    65536
#define TABS_MAX         100
#define VISITS_MAX       1000000
#define SHARE_TOLERANCE  0.0001


typedef struct {
    double          at;
    double          length;
    double          rate;
    unsigned        line;
} spike_t;


typedef struct {
    scenario_t     *scenario;
    population_t   *population;     /* the one that lines belong to now */
    population_t    defaults;
    spike_t        *spikes;
    size_t          nspikes;

    unsigned        line;
    unsigned        populations_line;
    char           *words[LINE_WORDS];
    unsigned        nwords;
    char           *rest;           /* behind the first word */
} reader_t;


typedef struct {
    const char     *word;
    unsigned        min;            /* words, with the first */
    unsigned        max;            /* 0: the rest of the line is one text */
    int           (*read)(reader_t *r);
    const char     *form;
} statement_t;


typedef struct {
    const char     *name;
    double          seconds;
} unit_t;


static int read_lines(reader_t *r, FILE *in);
static int read_line(reader_t *r, char *line);
static int split(reader_t *r, char *line);
static const statement_t *find_statement(const char *word);
static int read_title(reader_t *r);
static int read_seed(reader_t *r);
static int read_duration(reader_t *r);
static int read_at(reader_t *r);
static int read_ramp(reader_t *r);
static int read_spike(reader_t *r);
static int read_population(reader_t *r);
static int read_request(reader_t *r);
static int read_field(reader_t *r);
static int read_body(reader_t *r);
static int read_key(reader_t *r);
static int read_timeout(reader_t *r);
static int read_retries(reader_t *r);
static int read_backoff(reader_t *r);
static int read_retry_after(reader_t *r);
static int read_connection(reader_t *r);
static int read_cookies(reader_t *r);
static int read_app(reader_t *r);
static int read_waiting(reader_t *r);
static int read_ghosts(reader_t *r);
static int read_patience(reader_t *r);
static int read_tabs(reader_t *r);
static int read_visits(reader_t *r);
static int read_addresses(reader_t *r);
static int finish(reader_t *r);
static int finish_spikes(reader_t *r);
static int finish_populations(reader_t *r);
static int complain(reader_t *r, unsigned line, const char *found,
    const char *wrong);
static int expected(reader_t *r, const char *found, const char *what);
static int want_time(reader_t *r, const char *text, double *time);
static int want_positive(reader_t *r, const char *text, double *time);
static int want_share(reader_t *r, const char *text, double *share);
static int want_usec(reader_t *r, const char *text, usec_t *time);
static int want_rate(reader_t *r, const char *text, double *rate);
static int want_number(reader_t *r, const char *text, unsigned long max,
    unsigned *number);
static int want_choice(reader_t *r, const char *yes, const char *no,
    int *choice);
static int set_field(population_t *p, char *name, char *value);
static char *copy(const char *text);
static char *base_name(const char *file);
static int copy_population(population_t *to, const population_t *from);
static void free_population(population_t *p);


static const statement_t  statements[] = {
    { "title", 2, 0, read_title, "title TEXT" },
    { "seed", 2, 2, read_seed, "seed NUMBER" },
    { "duration", 2, 2, read_duration, "duration TIME" },
    { "at", 3, 3, read_at, "at TIME RATE" },
    { "ramp", 4, 4, read_ramp, "ramp START END RATE" },
    { "spike", 4, 4, read_spike, "spike START LENGTH RATE" },
    { "population", 3, 3, read_population, "population NAME SHARE%" },
    { "request", 3, 3, read_request, "request METHOD PATH" },
    { "field", 2, 0, read_field, "field NAME: VALUE" },
    { "body", 2, 0, read_body, "body TEXT" },
    { "key", 2, 2, read_key, "key on|off" },
    { "timeout", 2, 2, read_timeout, "timeout TIME" },
    { "retries", 2, 6, read_retries,
      "retries NUMBER at-once|backoff TIME [max TIME]" },
    { "retry-after", 2, 4, read_retry_after,
      "retry-after honour|ignore [jitter TIME]" },
    { "connection", 2, 2, read_connection, "connection new|keep-alive|pool" },
    { "cookies", 2, 2, read_cookies, "cookies on|off" },
    { "app", 2, 2, read_app, "app on|off" },
    { "line", 2, 2, read_waiting, "line follow|ignore" },
    { "ghosts", 2, 2, read_ghosts, "ghosts SHARE%" },
    { "patience", 2, 2, read_patience, "patience TIME" },
    { "tabs", 2, 2, read_tabs, "tabs NUMBER" },
    { "visits", 4, 4, read_visits, "visits NUMBER every TIME" },
    { "addresses", 2, 4, read_addresses, "addresses NUMBER [from ADDRESS]" },
    { NULL, 0, 0, NULL, NULL }
};


static const unit_t  units[] = {
    { "ms", 0.001 },
    { "s", 1 },
    { "m", 60 },
    { "h", 3600 },
    { NULL, 0 }
};


int
scenario_read(scenario_t *scenario, const char *file)
{
    int       rc;
    FILE     *in;
    reader_t  r;

    memset(scenario, 0, sizeof(scenario_t));
    memset(&r, 0, sizeof(reader_t));

    r.scenario = scenario;
    r.population = &r.defaults;

    scenario->file = file;
    scenario->name = base_name(file);
    scenario->title = copy("");
    scenario->seed = 1;

    r.defaults.name = copy("everyone");
    r.defaults.share = 1;
    r.defaults.method = copy("GET");
    r.defaults.path = copy("/");
    r.defaults.timeout = 10 * USEC_SECOND;
    r.defaults.honours = 1;
    r.defaults.key = 1;
    r.defaults.cookies = 1;
    r.defaults.follows = 1;
    r.defaults.tabs = 1;
    r.defaults.connection = CONNECTION_OWN;
    r.defaults.first_address = 0x7f010001;

    in = fopen(file, "r");

    if (in == NULL) {
        fprintf(stderr, "crowd: %s: %s\n", file, strerror(errno));
        free_population(&r.defaults);
        return -1;
    }

    rc = read_lines(&r, in);

    if (rc == 0) {
        rc = finish(&r);
    }

    fclose(in);
    free(r.spikes);
    free_population(&r.defaults);

    return rc;
}


static int
read_lines(reader_t *r, FILE *in)
{
    char  line[LINE_MAX];

    while (fgets(line, sizeof(line), in) != NULL) {
        r->line++;

        if (strlen(line) == sizeof(line) - 1) {
            return complain(r, r->line, "the line",
                            "expected at most 8190 characters");
        }

        if (read_line(r, line) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
read_line(reader_t *r, char *line)
{
    int                 argc;
    const statement_t  *s;

    if (split(r, line) == 0) {
        return 0;
    }

    s = find_statement(r->words[0]);

    if (s == NULL) {
        return expected(r, r->words[0], "title, seed, duration, at, ramp, "
                        "spike, population, request, field, body, key, "
                        "timeout, retries, retry-after, connection, cookies, "
                        "app, line, ghosts, patience, tabs, visits or "
                        "addresses");
    }

    argc = r->nwords;

    if (argc < (int) s->min || (s->max && argc > (int) s->max)) {
        return expected(r, s->word, s->form);
    }

    return s->read(r);
}


/* words are split off in a copy, for what takes the rest as it stands */
static int
split(reader_t *r, char *line)
{
    char         *word, *last;
    size_t        len;
    static char   words[LINE_MAX];

    line += strspn(line, " \t\r\n");

    for (len = strlen(line); len && isspace((unsigned char) line[len - 1]);
         len--)
    {
        line[len - 1] = '\0';
    }

    r->nwords = 0;

    if (*line == '\0' || *line == '#') {
        return 0;
    }

    r->rest = line + strcspn(line, " \t");
    r->rest += strspn(r->rest, " \t");

    memcpy(words, line, len + 1);

    for (word = strtok_r(words, " \t", &last); word != NULL;
         word = strtok_r(NULL, " \t", &last))
    {
        /* a remark behind a statement */

        if (*word == '#') {
            break;
        }

        if (r->nwords < LINE_WORDS) {
            r->words[r->nwords] = word;
        }

        r->nwords++;
    }

    return 1;
}


static const statement_t *
find_statement(const char *word)
{
    const statement_t  *s;

    for (s = statements; s->word != NULL; s++) {
        if (strcmp(s->word, word) == 0) {
            return s;
        }
    }

    return NULL;
}


/* Statements about the whole */

static int
read_title(reader_t *r)
{
    free(r->scenario->title);
    r->scenario->title = copy(r->rest);

    return 0;
}


static int
read_seed(reader_t *r)
{
    char                *end;
    unsigned long long   seed;

    errno = 0;
    seed = strtoull(r->words[1], &end, 10);

    if (!isdigit((unsigned char) *r->words[1]) || *end != '\0' || errno) {
        return expected(r, r->words[1], "a whole number");
    }

    r->scenario->seed = seed;

    return 0;
}


static int
read_duration(reader_t *r)
{
    return want_positive(r, r->words[1], &r->scenario->duration);
}


static int
read_at(reader_t *r)
{
    double       at, rate;
    const char  *wrong;

    if (want_time(r, r->words[1], &at) != 0
        || want_rate(r, r->words[2], &rate) != 0)
    {
        return -1;
    }

    wrong = profile_step(&r->scenario->profile, at, rate);

    return (wrong == NULL) ? 0 : complain(r, r->line, r->words[1], wrong);
}


static int
read_ramp(reader_t *r)
{
    double       from, to, rate;
    const char  *wrong;

    if (want_time(r, r->words[1], &from) != 0
        || want_time(r, r->words[2], &to) != 0
        || want_rate(r, r->words[3], &rate) != 0)
    {
        return -1;
    }

    wrong = profile_ramp(&r->scenario->profile, from, to, rate);

    return (wrong == NULL) ? 0 : complain(r, r->line, r->words[1], wrong);
}


/* spikes wait for the end, since they lie over all points */
static int
read_spike(reader_t *r)
{
    size_t    i;
    spike_t   spike, *s;

    if (want_time(r, r->words[1], &spike.at) != 0
        || want_positive(r, r->words[2], &spike.length) != 0
        || want_rate(r, r->words[3], &spike.rate) != 0)
    {
        return -1;
    }

    for (i = 0; i < r->nspikes; i++) {
        s = &r->spikes[i];

        if (spike.at < s->at + s->length && s->at < spike.at + spike.length) {
            return expected(r, r->words[1], "spikes that do not overlap");
        }
    }

    s = realloc(r->spikes, (r->nspikes + 1) * sizeof(spike_t));

    if (s == NULL) {
        return -1;
    }

    spike.line = r->line;
    r->spikes = s;
    r->spikes[r->nspikes++] = spike;

    return 0;
}


static int
read_population(reader_t *r)
{
    size_t         i;
    double         share;
    scenario_t    *scenario;
    population_t  *p;

    scenario = r->scenario;

    if (want_share(r, r->words[2], &share) != 0) {
        return -1;
    }

    for (i = 0; i < scenario->npopulations; i++) {
        if (strcmp(scenario->populations[i].name, r->words[1]) == 0) {
            return expected(r, r->words[1], "a name of its own");
        }
    }

    p = realloc(scenario->populations,
                (scenario->npopulations + 1) * sizeof(population_t));

    if (p == NULL) {
        return -1;
    }

    scenario->populations = p;
    p += scenario->npopulations++;

    if (copy_population(p, &r->defaults) != 0) {
        return -1;
    }

    free(p->name);
    p->name = copy(r->words[1]);
    p->share = share;

    r->population = p;
    r->populations_line = r->line;

    return 0;
}


/* Statements about a population */

static int
read_request(reader_t *r)
{
    char  *c;

    for (c = r->words[1]; *c; c++) {
        if (*c < 'A' || *c > 'Z') {
            return expected(r, r->words[1], "a method such as GET or POST");
        }
    }

    if (*r->words[2] != '/') {
        return expected(r, r->words[2], "a path that begins with /");
    }

    free(r->population->method);
    free(r->population->path);

    r->population->method = copy(r->words[1]);
    r->population->path = copy(r->words[2]);

    return 0;
}


static int
read_field(reader_t *r)
{
    char  *name, *value;

    name = r->rest;
    value = strchr(name, ':');

    if (value == NULL || value == name
        || strcspn(name, " \t") < (size_t) (value - name))
    {
        return expected(r, name, "NAME: VALUE");
    }

    *value++ = '\0';
    value += strspn(value, " \t");

    if (strcasecmp(name, "Host") == 0 || strcasecmp(name, "Cookie") == 0
        || strcasecmp(name, "Connection") == 0
        || strcasecmp(name, "Content-Length") == 0
        || strcasecmp(name, "Idempotency-Key") == 0)
    {
        return expected(r, name, "a field that the crowd does not set itself");
    }

    if (strcasecmp(name, "Accept") == 0) {
        r->population->has_accept = 1;
    }

    return set_field(r->population, copy(name), copy(value));
}


static int
read_body(reader_t *r)
{
    free(r->population->body);
    r->population->body = copy(r->rest);

    return 0;
}


static int
read_key(reader_t *r)
{
    return want_choice(r, "on", "off", &r->population->key);
}


static int
read_timeout(reader_t *r)
{
    double  time;

    if (want_positive(r, r->words[1], &time) != 0) {
        return -1;
    }

    r->population->timeout = usec_of(time);

    return 0;
}


static int
read_retries(reader_t *r)
{
    population_t  *p;

    p = r->population;

    if (want_number(r, r->words[1], 1000000, &p->retries) != 0) {
        return -1;
    }

    p->backoff = 0;
    p->max_backoff = 0;

    if (r->nwords == 2) {
        return p->retries ? expected(r, r->words[1], "at-once or backoff TIME "
                                     "behind the number") : 0;
    }

    if (r->nwords == 3 && strcmp(r->words[2], "at-once") == 0) {
        return 0;
    }

    return read_backoff(r);
}


static int
read_backoff(reader_t *r)
{
    population_t  *p;

    p = r->population;

    if (strcmp(r->words[2], "backoff") != 0 || r->nwords == 3
        || r->nwords == 5)
    {
        return expected(r, r->words[2], "at-once or backoff TIME [max TIME]");
    }

    if (want_usec(r, r->words[3], &p->backoff) != 0) {
        return -1;
    }

    if (p->backoff == 0) {
        return expected(r, r->words[3], "a time above 0");
    }

    p->max_backoff = 60 * (usec_t) USEC_SECOND;

    if (r->nwords == 4) {
        return 0;
    }

    if (strcmp(r->words[4], "max") != 0) {
        return expected(r, r->words[4], "max TIME");
    }

    return want_usec(r, r->words[5], &p->max_backoff);
}


static int
read_retry_after(reader_t *r)
{
    population_t  *p;

    p = r->population;
    p->jitter = 0;

    if (want_choice(r, "honour", "ignore", &p->honours) != 0) {
        return -1;
    }

    if (r->nwords == 2) {
        return 0;
    }

    if (r->nwords != 4 || !p->honours || strcmp(r->words[2], "jitter") != 0) {
        return expected(r, r->words[2], "honour jitter TIME");
    }

    return want_usec(r, r->words[3], &p->jitter);
}


static int
read_connection(reader_t *r)
{
    size_t                     i;
    static const char  *const  names[] = { "new", "keep-alive", "pool" };

    for (i = 0; i < 3; i++) {
        if (strcmp(r->words[1], names[i]) == 0) {
            r->population->connection = (connection_e) i;
            return 0;
        }
    }

    return expected(r, r->words[1], "new, keep-alive or pool");
}


static int
read_cookies(reader_t *r)
{
    return want_choice(r, "on", "off", &r->population->cookies);
}


static int
read_waiting(reader_t *r)
{
    return want_choice(r, "follow", "ignore", &r->population->follows);
}


static int
read_app(reader_t *r)
{
    return want_choice(r, "on", "off", &r->population->app);
}


static int
read_ghosts(reader_t *r)
{
    return want_share(r, r->words[1], &r->population->ghosts);
}


static int
read_patience(reader_t *r)
{
    double  time;

    if (want_positive(r, r->words[1], &time) != 0) {
        return -1;
    }

    r->population->patience = usec_of(time);

    return 0;
}


static int
read_tabs(reader_t *r)
{
    if (want_number(r, r->words[1], TABS_MAX, &r->population->tabs) != 0) {
        return -1;
    }

    return r->population->tabs ? 0 : expected(r, r->words[1],
                                              "a number above 0");
}


static int
read_visits(reader_t *r)
{
    population_t  *p;

    p = r->population;

    if (strcmp(r->words[2], "every") != 0) {
        return expected(r, r->words[2], "every TIME");
    }

    if (want_number(r, r->words[1], VISITS_MAX, &p->visits) != 0) {
        return -1;
    }

    return want_usec(r, r->words[3], &p->every);
}


static int
read_addresses(reader_t *r)
{
    struct in_addr   address;
    population_t    *p;

    p = r->population;

    if (want_number(r, r->words[1], ADDRESSES_MAX, &p->addresses) != 0) {
        return -1;
    }

    if (r->nwords == 2) {
        return 0;
    }

    if (r->nwords != 4 || strcmp(r->words[2], "from") != 0) {
        return expected(r, r->words[2], "from ADDRESS");
    }

    if (inet_pton(AF_INET, r->words[3], &address) != 1) {
        return expected(r, r->words[3], "an IPv4 address such as 127.1.0.1");
    }

    p->first_address = ntohl(address.s_addr);

    return 0;
}


/* What can be said only when all is read */

static int
finish(reader_t *r)
{
    if (r->scenario->duration == 0) {
        return complain(r, r->line, "the end",
                        "expected a line \"duration TIME\"");
    }

    if (r->scenario->profile.n == 0) {
        return complain(r, r->line, "the end",
                        "expected a line \"at 0s RATE\"");
    }

    if (finish_spikes(r) != 0) {
        return -1;
    }

    return finish_populations(r);
}


static int
finish_spikes(reader_t *r)
{
    size_t       i;
    spike_t     *s;
    const char  *wrong;

    for (i = 0; i < r->nspikes; i++) {
        s = &r->spikes[i];
        wrong = profile_spike(&r->scenario->profile, s->at, s->length,
                              s->rate);

        if (wrong != NULL) {
            return complain(r, s->line, "spike", wrong);
        }
    }

    return 0;
}


static int
finish_populations(reader_t *r)
{
    char         found[64];
    size_t       i;
    double       sum;
    scenario_t  *scenario;

    scenario = r->scenario;

    if (scenario->npopulations == 0) {
        scenario->populations = calloc(1, sizeof(population_t));

        if (scenario->populations == NULL) {
            return -1;
        }

        scenario->npopulations = 1;

        return copy_population(scenario->populations, &r->defaults);
    }

    sum = 0;

    for (i = 0; i < scenario->npopulations; i++) {
        sum += scenario->populations[i].share;
    }

    if (fabs(sum - 1) > SHARE_TOLERANCE) {
        snprintf(found, sizeof(found), "shares of %g%% in all", sum * 100);
        return complain(r, r->populations_line, found,
                        "expected shares of 100% in all");
    }

    return 0;
}


void
scenario_free(scenario_t *scenario)
{
    size_t  i;

    for (i = 0; i < scenario->npopulations; i++) {
        free_population(&scenario->populations[i]);
    }

    free(scenario->populations);
    free(scenario->title);
    free(scenario->name);
    profile_free(&scenario->profile);
}


usec_t
scenario_patience(const scenario_t *scenario)
{
    size_t  i;
    usec_t  longest;

    longest = 0;

    for (i = 0; i < scenario->npopulations; i++) {
        if (scenario->populations[i].timeout > longest) {
            longest = scenario->populations[i].timeout;
        }
    }

    return longest;
}


/* Values */

int
scenario_time(const char *text, double *time)
{
    char          *end;
    double         value;
    const unit_t  *unit;

    value = strtod(text, &end);

    if (!isdigit((unsigned char) *text) || !isfinite(value)) {
        return -1;
    }

    for (unit = units; unit->name != NULL; unit++) {
        if (strcmp(end, unit->name) == 0) {
            *time = value * unit->seconds;
            return (*time <= 86400) ? 0 : -1;
        }
    }

    return -1;
}


static int
want_time(reader_t *r, const char *text, double *time)
{
    if (scenario_time(text, time) == 0) {
        return 0;
    }

    return expected(r, text, "a time such as 250ms, 10s or 2m");
}


static int
want_positive(reader_t *r, const char *text, double *time)
{
    if (want_time(r, text, time) != 0) {
        return -1;
    }

    return (*time > 0) ? 0 : expected(r, text, "a time above 0");
}


static int
want_share(reader_t *r, const char *text, double *share)
{
    char    *end;
    double   percent;

    percent = strtod(text, &end);

    if (end == text || strcmp(end, "%") != 0
        || !(percent > 0 && percent <= 100))
    {
        return expected(r, text, "a share such as 20%");
    }

    *share = percent / 100;

    return 0;
}


static int
want_usec(reader_t *r, const char *text, usec_t *time)
{
    double  seconds;

    if (want_time(r, text, &seconds) != 0) {
        return -1;
    }

    *time = usec_of(seconds);

    return 0;
}


static int
want_rate(reader_t *r, const char *text, double *rate)
{
    char  *end;

    *rate = strtod(text, &end);

    if (!isdigit((unsigned char) *text) || strcmp(end, "/s") != 0
        || !(*rate <= 1e6))
    {
        return expected(r, text, "a rate such as 400/s");
    }

    return 0;
}


static int
want_number(reader_t *r, const char *text, unsigned long max,
    unsigned *number)
{
    char           sentence[64], *end;
    unsigned long  value;

    errno = 0;
    value = strtoul(text, &end, 10);

    if (!isdigit((unsigned char) *text) || *end != '\0' || errno
        || value > max)
    {
        snprintf(sentence, sizeof(sentence), "a whole number up to %lu", max);
        return expected(r, text, sentence);
    }

    *number = value;

    return 0;
}


static int
want_choice(reader_t *r, const char *yes, const char *no, int *choice)
{
    char  sentence[64];

    if (strcmp(r->words[1], yes) == 0) {
        *choice = 1;
        return 0;
    }

    if (strcmp(r->words[1], no) == 0) {
        *choice = 0;
        return 0;
    }

    snprintf(sentence, sizeof(sentence), "%s or %s", yes, no);

    return expected(r, r->words[1], sentence);
}


static int
expected(reader_t *r, const char *found, const char *what)
{
    char  sentence[512];

    snprintf(sentence, sizeof(sentence), "expected %s", what);

    return complain(r, r->line, found, sentence);
}


static int
complain(reader_t *r, unsigned line, const char *found, const char *wrong)
{
    fprintf(stderr, "crowd: %s:%u: \"%s\": %s\n", r->scenario->file, line,
            found, wrong);

    return -1;
}


static int
set_field(population_t *p, char *name, char *value)
{
    size_t    i;
    field_t  *fields;

    for (i = 0; i < p->nfields; i++) {
        if (strcasecmp(p->fields[i].name, name) == 0) {
            free(p->fields[i].name);
            free(p->fields[i].value);
            p->fields[i].name = name;
            p->fields[i].value = value;
            return 0;
        }
    }

    fields = realloc(p->fields, (p->nfields + 1) * sizeof(field_t));

    if (fields == NULL) {
        return -1;
    }

    p->fields = fields;
    p->fields[p->nfields].name = name;
    p->fields[p->nfields].value = value;
    p->nfields++;

    return 0;
}


/* out of memory while a file of a few lines is read: nothing can go on */
static char *
copy(const char *text)
{
    char  *t;

    t = strdup(text);

    if (t == NULL) {
        abort();
    }

    return t;
}


static char *
base_name(const char *file)
{
    char        *name, *dot;
    const char  *slash;

    slash = strrchr(file, '/');
    name = copy(slash ? slash + 1 : file);
    dot = strrchr(name, '.');

    if (dot != NULL && dot != name) {
        *dot = '\0';
    }

    return name;
}


static int
copy_population(population_t *to, const population_t *from)
{
    size_t  i;

    *to = *from;

    to->name = copy(from->name);
    to->method = copy(from->method);
    to->path = copy(from->path);
    to->body = from->body ? copy(from->body) : NULL;
    to->fields = NULL;
    to->nfields = 0;

    for (i = 0; i < from->nfields; i++) {
        if (set_field(to, copy(from->fields[i].name),
                      copy(from->fields[i].value)) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static void
free_population(population_t *p)
{
    size_t  i;

    for (i = 0; i < p->nfields; i++) {
        free(p->fields[i].name);
        free(p->fields[i].value);
    }

    free(p->fields);
    free(p->name);
    free(p->method);
    free(p->path);
    free(p->body);
}
