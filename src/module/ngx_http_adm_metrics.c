
/*
 * The metrics of a node: one row each, and where its samples come from.
 */


#include <ngx_http_adm_metrics.h>
#include <ngx_adm_lag.h>


static void ngx_http_adm_requests(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_policies(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_decisions(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_answers(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_classes(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_inside(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_demand(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_expected(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_waiting(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_expected(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_active(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_ceiling(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_frontier(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_joined(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_claimed(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_admitted(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_lapsed(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_moments(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_rate(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_waited(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_erred(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_state(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_rooms_stalled(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_tokens_seen(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_state_up(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_loop_lag(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_abandoned(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_suspended(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_processes(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_zones_used(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_evictions(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_full(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_build(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_generation(ngx_http_adm_doc_t *doc);


ngx_http_adm_metric_t  ngx_http_adm_metrics[] = {

    { "requests_total", NGX_HTTP_ADM_COUNTER,
      "Requests by verdict.", ngx_http_adm_requests },

    { "policy_total", NGX_HTTP_ADM_COUNTER,
      "Decisions of each policy.", ngx_http_adm_policies },

    { "decision_seconds", NGX_HTTP_ADM_HISTOGRAM,
      "Time to decide on a request, trips to the store included.",
      ngx_http_adm_decisions },

    { "upstream_seconds", NGX_HTTP_ADM_HISTOGRAM,
      "Time until an upstream's header came, or until it was given up.",
      ngx_http_adm_answers },

    { "upstream_responses_total", NGX_HTTP_ADM_COUNTER,
      "What upstreams did with admitted requests, by class of the status.",
      ngx_http_adm_classes },

    { "inflight", NGX_HTTP_ADM_GAUGE,
      "Admitted requests inside an upstream now.", ngx_http_adm_inside },

    { "concurrency_limit", NGX_HTTP_ADM_GAUGE,
      "How many requests may be inside an upstream at once.",
      ngx_http_adm_gates_limit },

    { "concurrency_share", NGX_HTTP_ADM_GAUGE,
      "How many of them by this node.", ngx_http_adm_gates_share },

    { "concurrency_nodes", NGX_HTTP_ADM_GAUGE,
      "Nodes that share the limit of an upstream.",
      ngx_http_adm_gates_nodes },

    { "upstream_needs_seconds", NGX_HTTP_ADM_GAUGE,
      "Time that an upstream needs for an answer, a median; 0: not known.",
      ngx_http_adm_gates_needs },

    { "upstream_served_rate", NGX_HTTP_ADM_GAUGE,
      "Answers of an upstream a second, without failures.",
      ngx_http_adm_gates_served },

    { "upstream_offered_rate", NGX_HTTP_ADM_GAUGE,
      "Requests a second that came for an upstream, with those refused.",
      ngx_http_adm_gates_offered },

    { "shed_cut_ratio", NGX_HTTP_ADM_GAUGE,
      "Share of those who come that is cut off: the last by priority.",
      ngx_http_adm_gates_cut },

    { "shed_offers_total", NGX_HTTP_ADM_COUNTER,
      "Requests that came for an upstream, by priority.",
      ngx_http_adm_gates_offers },

    { "shed_total", NGX_HTTP_ADM_COUNTER,
      "Requests that were shed, by priority.", ngx_http_adm_gates_shed },

    { "offered_demand", NGX_HTTP_ADM_GAUGE,
      "First attempts a second, were nothing refused.",
      ngx_http_adm_demand },

    { "expected_demand", NGX_HTTP_ADM_GAUGE,
      "People whom rooms will release within so many seconds.",
      ngx_http_adm_expected },

    { "room_waiting", NGX_HTTP_ADM_GAUGE,
      "People in line who are expected to come.",
      ngx_http_adm_rooms_waiting },

    { "room_expected", NGX_HTTP_ADM_GAUGE,
      "People who were called and are still to come.",
      ngx_http_adm_rooms_expected },

    { "room_active", NGX_HTTP_ADM_GAUGE,
      "People inside: passes that have not expired.",
      ngx_http_adm_rooms_active },

    { "room_max_active", NGX_HTTP_ADM_GAUGE,
      "How many people may be inside, 0 if any number.",
      ngx_http_adm_rooms_ceiling },

    { "room_frontier", NGX_HTTP_ADM_GAUGE,
      "Tickets below it are called.", ngx_http_adm_rooms_frontier },

    { "room_joined_total", NGX_HTTP_ADM_COUNTER,
      "Numbers given.", ngx_http_adm_rooms_joined },

    { "room_claimed_total", NGX_HTTP_ADM_COUNTER,
      "Tickets exchanged for a pass.", ngx_http_adm_rooms_claimed },

    { "room_admitted_total", NGX_HTTP_ADM_COUNTER,
      "Passes given, for tickets or to newcomers while nobody waits.",
      ngx_http_adm_rooms_admitted },

    { "room_lapsed_total", NGX_HTTP_ADM_COUNTER,
      "Tickets that were called and not claimed in time.",
      ngx_http_adm_rooms_lapsed },

    { "room_moments_total", NGX_HTTP_ADM_COUNTER,
      "Claims that were told to wait a moment.",
      ngx_http_adm_rooms_moments },

    { "room_admission_rate", NGX_HTTP_ADM_GAUGE,
      "Admissions a second that are aimed at, 0 while nobody is called.",
      ngx_http_adm_rooms_rate },

    { "room_wait_seconds", NGX_HTTP_ADM_HISTOGRAM,
      "Time in line of those who claimed.", ngx_http_adm_rooms_waited },

    { "room_estimate_error_seconds", NGX_HTTP_ADM_HISTOGRAM,
      "By how much the wait that a ticket said was wrong.",
      ngx_http_adm_rooms_erred },

    { "room_state", NGX_HTTP_ADM_GAUGE,
      "State: 0 open, 1 paused, 2 closed, 3 over, 4 sold out, 5 reserved.",
      ngx_http_adm_rooms_state },

    { "room_stalled", NGX_HTTP_ADM_GAUGE,
      "Whether nobody moves the line: 1, else 0.",
      ngx_http_adm_rooms_stalled },

    { "inventory_available", NGX_HTTP_ADM_GAUGE,
      "Units free now.", ngx_http_adm_inventory_available },

    { "inventory_held", NGX_HTTP_ADM_GAUGE,
      "Units set aside for orders that are not settled.",
      ngx_http_adm_inventory_held },

    { "inventory_unresolved", NGX_HTTP_ADM_GAUGE,
      "Units of orders that were sent upstream and never answered.",
      ngx_http_adm_inventory_unresolved },

    { "inventory_unresolved_units", NGX_HTTP_ADM_GAUGE,
      "The same of all SKUs, also those that the configuration does not name.",
      ngx_http_adm_inventory_unresolved_units },

    { "inventory_committed_total", NGX_HTTP_ADM_COUNTER,
      "Units sold.", ngx_http_adm_inventory_committed },

    { "inventory_expired_total", NGX_HTTP_ADM_COUNTER,
      "Units that went back to the stock because their time was over.",
      ngx_http_adm_inventory_expired },

    { "inventory_late_commits_total", NGX_HTTP_ADM_COUNTER,
      "Commits of holds that had expired: new units taken, or none left.",
      ngx_http_adm_inventory_late },

    { "idempotency_total", NGX_HTTP_ADM_COUNTER,
      "What became of requests with a key, and of their keys.",
      ngx_http_adm_keys_seen },

    { "outbox_owed", NGX_HTTP_ADM_GAUGE,
      "Checkouts whose end Redis has not acknowledged yet.",
      ngx_http_adm_owed },

#if (NGX_ADM_LUAJIT)

    { "script_errors_total", NGX_HTTP_ADM_COUNTER,
      "Runs of the site's own scripts that have failed.",
      ngx_http_adm_script_errors },

    { "script_bypassed_total", NGX_HTTP_ADM_COUNTER,
      "Requests to which no policy applied, as a script has said.",
      ngx_http_adm_script_bypassed },

#endif

    { "tokens_total", NGX_HTTP_ADM_COUNTER,
      "Tokens that clients sent, and those that they were given.",
      ngx_http_adm_tokens_seen },

    { "store_up", NGX_HTTP_ADM_GAUGE,
      "Whether every process can ask Redis: 1, else 0.",
      ngx_http_adm_store_up },

    { "store_trips_total", NGX_HTTP_ADM_COUNTER,
      "Commands to Redis, and what became of them.",
      ngx_http_adm_store_trips },

    { "store_seconds", NGX_HTTP_ADM_HISTOGRAM,
      "Time until Redis answered a command.", ngx_http_adm_store_seconds },

    { "store_calls", NGX_HTTP_ADM_GAUGE,
      "Commands to Redis that are not answered yet.",
      ngx_http_adm_store_calls },

    { "circuit_state", NGX_HTTP_ADM_GAUGE,
      "State: 0 closed, 1 open, 2 half-open; the worst of all processes.",
      ngx_http_adm_circuits },

    { "circuit_forced", NGX_HTTP_ADM_GAUGE,
      "What an operator says of a circuit: 0 nothing, 1 open, 2 closed.",
      ngx_http_adm_gates_forced },

    { "circuit_opened_total", NGX_HTTP_ADM_COUNTER,
      "How many times a circuit opened.", ngx_http_adm_gates_opened },

    { "fail_policy_total", NGX_HTTP_ADM_COUNTER,
      "What policies did when the store could not tell.",
      ngx_http_adm_failures },

    { "fleet_nodes", NGX_HTTP_ADM_GAUGE,
      "Nodes of the fleet that live, as this one has heard.",
      ngx_http_adm_fleet_nodes },

    { "fleet_keys", NGX_HTTP_ADM_GAUGE,
      "Keys of a rate over the fleet that this node shares now.",
      ngx_http_adm_fleet_keys },

    { "fleet_bound", NGX_HTTP_ADM_GAUGE,
      "Units of a key above a rate that all nodes may admit, at most.",
      ngx_http_adm_fleet_bound },

    { "state_up", NGX_HTTP_ADM_GAUGE,
      "Whether what has to be kept comes to disk: 1, else 0.",
      ngx_http_adm_state_up },

    { "abandoned_total", NGX_HTTP_ADM_COUNTER,
      "Requests whose client left before the decision.",
      ngx_http_adm_abandoned },

    { "suspended_requests", NGX_HTTP_ADM_GAUGE,
      "Requests waiting for the store now.", ngx_http_adm_suspended },

    { "processes", NGX_HTTP_ADM_GAUGE,
      "Processes serving requests now.", ngx_http_adm_processes },

    { "zone_used_ratio", NGX_HTTP_ADM_GAUGE,
      "Share of a table that a newcomer could not have.",
      ngx_http_adm_zones_used },

    { "evictions_total", NGX_HTTP_ADM_COUNTER,
      "Idle entries that gave way to newcomers.", ngx_http_adm_evictions },

    { "table_full_total", NGX_HTTP_ADM_COUNTER,
      "Newcomers for whom a table had no room.", ngx_http_adm_full },

    { "loop_lag_seconds", NGX_HTTP_ADM_GAUGE,
      "How late the event loop of the slowest process is.",
      ngx_http_adm_loop_lag },

    { "build_info", NGX_HTTP_ADM_GAUGE,
      "Version of the module, and of nginx.", ngx_http_adm_build },

    { "config_generation", NGX_HTTP_ADM_GAUGE,
      "Configurations that were put into service since the start.",
      ngx_http_adm_generation },

    { NULL, NGX_HTTP_ADM_COUNTER, NULL, NULL }
};


static ngx_str_t  ngx_http_adm_dry[2] = { ngx_string("0"), ngx_string("1") };
static ngx_str_t  ngx_http_adm_zone_rates = ngx_string("rate");


void
ngx_http_adm_number(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, uint64_t number)
{
    ngx_str_t  value;
    u_char     buf[NGX_INT64_LEN];

    value.data = buf;
    value.len = ngx_sprintf(buf, "%uL", number) - buf;

    ngx_http_adm_doc_sample(doc, suffix, labels, n, &value);
}


void
ngx_http_adm_decimal(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, uint64_t number,
    uint64_t unit, int digits)
{
    ngx_str_t  value;
    u_char     buf[2 * NGX_INT64_LEN], format[] = "%uL.%00uL";

    format[6] += digits;

    value.data = buf;
    value.len = ngx_sprintf(buf, (char *) format, number / unit, number % unit)
                - buf;

    ngx_http_adm_doc_sample(doc, suffix, labels, n, &value);
}


/* the series of a family, as many as there are: NULL after the last */

static ngx_adm_series_t *
ngx_http_adm_next_series(ngx_http_adm_doc_t *doc, ngx_adm_family_e family,
    ngx_uint_t *i)
{
    ngx_array_t        *all;
    ngx_adm_series_t  **series;

    all = &doc->conf->counters->series;
    series = all->elts;

    while (*i < all->nelts) {

        if (series[(*i)++]->family == family) {
            return series[*i - 1];
        }
    }

    return NULL;
}


static void
ngx_http_adm_requests(ngx_http_adm_doc_t *doc)
{
    uint64_t           n;
    ngx_uint_t         i, reason, dry;
    ngx_adm_series_t  *site;

    i = 0;

    while ((site = ngx_http_adm_next_series(doc, NGX_ADM_FAMILY_SITE, &i))) {

        for (reason = 0; reason < NGX_ADM_REASONS; reason++) {

            for (dry = 0; dry < 2; dry++) {
                n = ngx_adm_counters_sum(doc->conf->counters, site,
                                         reason * 2 + dry);

                ngx_http_adm_label_t  labels[] = {
                    { "site", site->name },
                    { "verdict",
                      ngx_adm_verdicts[ngx_adm_reasons[reason].verdict] },
                    { "reason", ngx_adm_reasons[reason].name },
                    { "dry_run", ngx_http_adm_dry[dry] }
                };

                ngx_http_adm_number(doc, "", labels, 4, n);
            }
        }
    }
}


/* the name of a series is "POLICY:NAME"; verdicts that never were are not */

static void
ngx_http_adm_policies(ngx_http_adm_doc_t *doc)
{
    u_char            *colon;
    uint64_t           n;
    ngx_str_t          policy, name;
    ngx_uint_t         i, verdict, dry;
    ngx_adm_series_t  *use;

    i = 0;

    while ((use = ngx_http_adm_next_series(doc, NGX_ADM_FAMILY_POLICY, &i))) {

        colon = ngx_strlchr(use->name.data, use->name.data + use->name.len,
                            ':');

        policy.data = use->name.data;
        policy.len = colon - use->name.data;
        name.data = colon + 1;
        name.len = use->name.len - policy.len - 1;

        for (verdict = 0; verdict < NGX_ADM_VERDICTS; verdict++) {

            for (dry = 0; dry < 2; dry++) {
                n = ngx_adm_counters_sum(doc->conf->counters, use,
                                         verdict * 2 + dry);

                ngx_http_adm_label_t  labels[] = {
                    { "policy", policy },
                    { "name", name },
                    { "verdict", ngx_adm_verdicts[verdict] },
                    { "dry_run", ngx_http_adm_dry[dry] }
                };

                if (n || (verdict == NGX_ADM_VERDICT_ADMIT && dry == 0)) {
                    ngx_http_adm_number(doc, "", labels, 4, n);
                }
            }
        }
    }
}


void
ngx_http_adm_histogram(ngx_http_adm_doc_t *doc, ngx_adm_series_t *series)
{
    uint64_t              n, sum;
    ngx_uint_t            i;
    ngx_http_adm_label_t  le;

    n = 0;

    for (i = 0; i <= ADM_HIST_BOUNDS; i++) {
        n += ngx_adm_counters_sum(doc->conf->counters, series, i);

        le.name = "le";
        le.value.data = (u_char *) adm_hist_label(i);
        le.value.len = ngx_strlen(le.value.data);

        ngx_http_adm_number(doc, "_bucket", &le, 1, n);
    }

    sum = ngx_adm_counters_sum(doc->conf->counters, series,
                               NGX_ADM_HISTOGRAM_SUM);

    ngx_http_adm_decimal(doc, "_sum", NULL, 0, sum, 1000000000, 9);
    ngx_http_adm_number(doc, "_count", NULL, 0, n);
}


static void
ngx_http_adm_decisions(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_histogram(doc, doc->conf->decisions);
}


static void
ngx_http_adm_answers(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_histogram(doc, doc->conf->answers);
}


static void
ngx_http_adm_classes(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t  i;

    /* in the order of the cells */

    static ngx_str_t  classes[NGX_HTTP_ADM_CLASSES] = {
        ngx_string("none"),
        ngx_string("1xx"),
        ngx_string("2xx"),
        ngx_string("3xx"),
        ngx_string("4xx"),
        ngx_string("5xx"),
        ngx_string("abandoned")
    };

    for (i = 0; i < NGX_HTTP_ADM_CLASSES; i++) {
        ngx_http_adm_label_t  label = { "class", classes[i] };

        ngx_http_adm_number(doc, "", &label, 1,
                            ngx_adm_counters_sum(doc->conf->counters,
                                                 doc->conf->node,
                                                 NGX_HTTP_ADM_CLASS + i));
    }
}


/* those that have no place of their own are shown once, without a name */

static void
ngx_http_adm_inside(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t         i, unnamed;
    ngx_adm_series_t  *level;

    i = 0;
    unnamed = 0;

    while ((level = ngx_http_adm_next_series(doc, NGX_ADM_FAMILY_LEVEL, &i))) {
        ngx_http_adm_label_t  label = { "upstream", level->name };

        /* the first is the place itself; what has a gate is told by that */

        if (ngx_http_adm_find_circuit(doc->conf, &level->name)) {
            continue;
        }

        if (level->name.len || unnamed++ == 1) {
            ngx_http_adm_number(doc, "", &label, 1,
                                ngx_adm_counters_level(doc->conf->counters,
                                                       level));
        }
    }

    ngx_http_adm_gates_inside(doc);
}


static void
ngx_http_adm_demand(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_decimal(doc, "", NULL, 0,
                         ngx_adm_demand(doc->conf->counters),
                         NGX_ADM_DEMAND_SECONDS, 1);
}


/* the lines of all rooms, asked once for a document; NULL: out of memory */

static adm_line_stats_t *
ngx_http_adm_lines(ngx_http_adm_doc_t *doc)
{
    uint64_t               now;
    ngx_uint_t             i, n;
    ngx_http_adm_room_t  **rooms;

    if (doc->lines) {
        return doc->lines;
    }

    n = doc->conf->rooms.nelts;
    rooms = doc->conf->rooms.elts;

    doc->lines = ngx_palloc(doc->request->pool,
                            (n + 1) * sizeof(adm_line_stats_t));
    if (doc->lines == NULL) {
        doc->failed = 1;
        return NULL;
    }

    now = ngx_adm_line_now();

    for (i = 0; i < n; i++) {
        adm_line_stats(&rooms[i]->room.line->line[0], now, &doc->lines[i]);
    }

    return doc->lines;
}


/* what is told of a room; of a fleet's line it is the fleet's */

static void
ngx_http_adm_room_number(ngx_http_adm_doc_t *doc, ngx_adm_room_t *room,
    uint64_t number)
{
    ngx_http_adm_label_t  labels[] = {
        { "room", room->name },
        { "scope", ngx_string("fleet") }
    };

    ngx_http_adm_number(doc, "", labels, room->line->fleet ? 2 : 1, number);
}


/*
 * Of each room a number of its line: none before the line knows any, since a
 * node that begins would show as zero what the others know.
 */

static void
ngx_http_adm_rooms_number(ngx_http_adm_doc_t *doc, size_t offset)
{
    ngx_uint_t             i;
    adm_line_stats_t      *lines;
    ngx_http_adm_room_t  **rooms;

    lines = ngx_http_adm_lines(doc);
    rooms = doc->conf->rooms.elts;

    for (i = 0; lines && i < doc->conf->rooms.nelts; i++) {

        if (ngx_adm_room_knows(&rooms[i]->room)) {
            ngx_http_adm_room_number(doc, &rooms[i]->room,
                                     *(uint64_t *) ((u_char *) &lines[i]
                                                    + offset));
        }
    }
}


static void
ngx_http_adm_rooms_waiting(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, waiting));
}


static void
ngx_http_adm_rooms_expected(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, expected));
}


static void
ngx_http_adm_rooms_active(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, active));
}


static void
ngx_http_adm_rooms_frontier(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, frontier));
}


static void
ngx_http_adm_rooms_joined(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, joined));
}


static void
ngx_http_adm_rooms_claimed(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, claimed));
}


static void
ngx_http_adm_rooms_admitted(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, admitted));
}


static void
ngx_http_adm_rooms_lapsed(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, lapsed));
}


static void
ngx_http_adm_rooms_moments(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_number(doc, offsetof(adm_line_stats_t, moments));
}


/* of each room what is known without its line */

static void
ngx_http_adm_rooms_told(ngx_http_adm_doc_t *doc,
    ngx_uint_t (*tell)(ngx_adm_room_t *room))
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = doc->conf->rooms.elts;

    for (i = 0; i < doc->conf->rooms.nelts; i++) {
        ngx_http_adm_room_number(doc, &rooms[i]->room, tell(&rooms[i]->room));
    }
}


static ngx_uint_t
ngx_http_adm_room_ceiling(ngx_adm_room_t *room)
{
    return ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_MAX_ACTIVE);
}


static void
ngx_http_adm_rooms_ceiling(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_told(doc, ngx_http_adm_room_ceiling);
}


/* over, sold out, reserved: behind those of ngx_adm_room_state_e */

static ngx_uint_t
ngx_http_adm_room_condition(ngx_adm_room_t *room)
{
    time_t            ends;
    ngx_uint_t        state;
    adm_line_stock_e  stock;

    ends = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_ENDS);
    state = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_STATE);
    stock = adm_line_stock(&room->line->line[0]);

    if (ends && ngx_time() >= ends) {
        return NGX_ADM_ROOM_CLOSED + 1;
    }

    return (state != NGX_ADM_ROOM_OPEN) ? state
           : (stock == ADM_LINE_SOLD_OUT) ? NGX_ADM_ROOM_CLOSED + 2
           : (stock == ADM_LINE_RESERVED) ? NGX_ADM_ROOM_CLOSED + 3 : state;
}


static void
ngx_http_adm_rooms_state(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_rooms_told(doc, ngx_http_adm_room_condition);
}


/* each node sees this for itself */

static void
ngx_http_adm_rooms_stalled(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = doc->conf->rooms.elts;

    for (i = 0; i < doc->conf->rooms.nelts; i++) {
        ngx_http_adm_label_t  label = { "room", rooms[i]->room.name };

        ngx_http_adm_number(doc, "", &label, 1,
                            ngx_adm_room_stalled(&rooms[i]->room));
    }
}


/* admissions within so many ms that are aimed at now */

static uint64_t
ngx_http_adm_room_target(ngx_adm_room_t *room, uint64_t ms)
{
    uint64_t  rate;

    rate = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_RATE);

    return (ngx_http_adm_room_condition(room) == NGX_ADM_ROOM_OPEN)
           ? (rate >> 32) * ms / (rate & 0xffffffff) : 0;
}


static void
ngx_http_adm_rooms_rate(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = doc->conf->rooms.elts;

    for (i = 0; i < doc->conf->rooms.nelts; i++) {
        ngx_http_adm_label_t  labels[] = {
            { "room", rooms[i]->room.name },
            { "scope", ngx_string("fleet") }
        };

        ngx_http_adm_decimal(doc, "", labels,
                             rooms[i]->room.line->fleet ? 2 : 1,
                             ngx_http_adm_room_target(&rooms[i]->room,
                                                      1000000000),
                             1000000, 6);
    }
}


/* no more than the rate, and no more than there are */

static void
ngx_http_adm_expected(ngx_http_adm_doc_t *doc)
{
    uint64_t               people, called, released;
    ngx_uint_t             i, j;
    adm_line_stats_t      *lines;
    ngx_http_adm_room_t  **rooms;

    static struct {
        ngx_str_t  label;
        uint64_t   ms;
    } horizons[] = {
        { ngx_string("60"), 60000 },
        { ngx_string("300"), 300000 }
    };

    lines = ngx_http_adm_lines(doc);
    rooms = doc->conf->rooms.elts;

    for (j = 0; lines && j < sizeof(horizons) / sizeof(horizons[0]); j++) {
        ngx_http_adm_label_t  labels[] = {
            { "horizon", horizons[j].label },
            { "scope", ngx_string("fleet") }
        };

        released = 0;

        for (i = 0; i < doc->conf->rooms.nelts; i++) {
            people = lines[i].waiting + lines[i].expected;
            called = ngx_http_adm_room_target(&rooms[i]->room,
                                              horizons[j].ms);
            released += ngx_min(people, called);
        }

        ngx_http_adm_number(doc, "", labels, doc->conf->fleet ? 2 : 1,
                            released);
    }
}


/* the label "le" of a bucket: the bound in seconds; the end of it */

static u_char *
ngx_http_adm_room_bound(u_char *p, ngx_uint_t i)
{
    uint64_t  tenths;

    if (i == ADM_HIST_BOUNDS) {
        return ngx_cpymem(p, "+Inf", sizeof("+Inf") - 1);
    }

    tenths = adm_hist_bounds[i] / (ngx_adm_room_span(1) / 10);

    return ngx_sprintf(p, "%uL.%uL", tenths / 10, tenths % 10);
}


/* the bounds of the node's histograms that are a second and more */

static void
ngx_http_adm_room_histogram(ngx_http_adm_doc_t *doc, ngx_str_t *room,
    ngx_adm_series_t *series)
{
    uint64_t    n;
    ngx_uint_t  i;
    u_char      le[2 * NGX_INT64_LEN];

    ngx_http_adm_label_t  labels[] = {
        { "room", *room },
        { "le", ngx_null_string }
    };

    n = 0;
    labels[1].value.data = le;

    for (i = 0; i <= ADM_HIST_BOUNDS; i++) {
        n += ngx_adm_counters_sum(doc->conf->counters, series, i);

        if (i < ADM_HIST_BOUNDS && adm_hist_bounds[i] < ngx_adm_room_span(1)) {
            continue;
        }

        labels[1].value.len = ngx_http_adm_room_bound(le, i) - le;

        ngx_http_adm_number(doc, "_bucket", labels, 2, n);
    }

    ngx_http_adm_decimal(doc, "_sum", labels, 1,
                         ngx_adm_counters_sum(doc->conf->counters, series,
                                              NGX_ADM_HISTOGRAM_SUM),
                         ngx_adm_room_span(1), 6);
    ngx_http_adm_number(doc, "_count", labels, 1, n);
}


static void
ngx_http_adm_rooms_waited(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = doc->conf->rooms.elts;

    for (i = 0; i < doc->conf->rooms.nelts; i++) {
        ngx_http_adm_room_histogram(doc, &rooms[i]->room.name,
                                    rooms[i]->room.waited);
    }
}


static void
ngx_http_adm_rooms_erred(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = doc->conf->rooms.elts;

    for (i = 0; i < doc->conf->rooms.nelts; i++) {
        ngx_http_adm_room_histogram(doc, &rooms[i]->room.name,
                                    rooms[i]->room.erred);
    }
}


static void
ngx_http_adm_tokens_seen(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_TOKENS; i++) {
        ngx_http_adm_label_t  label = { "outcome", ngx_adm_tokens[i] };

        ngx_http_adm_number(doc, "", &label, 1,
                            ngx_adm_counters_sum(doc->conf->counters,
                                                 doc->conf->tokens, i));
    }
}


static void
ngx_http_adm_state_up(ngx_http_adm_doc_t *doc)
{
    if (doc->conf->state) {
        ngx_http_adm_number(doc, "", NULL, 0,
                            ngx_adm_state_works(doc->conf->state));
    }
}


static void
ngx_http_adm_loop_lag(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_decimal(doc, "", NULL, 0, ngx_adm_lag(doc->conf->counters),
                         1000000, 6);
}


static void
ngx_http_adm_abandoned(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_number(doc, "", NULL, 0,
                        ngx_adm_counters_sum(doc->conf->counters,
                                             doc->conf->node,
                                             NGX_HTTP_ADM_ABANDONED));
}


static void
ngx_http_adm_suspended(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_number(doc, "", NULL, 0,
                        ngx_adm_counters_gauge(doc->conf->counters,
                                               NGX_ADM_GAUGE_SUSPENDED));
}


static void
ngx_http_adm_processes(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_number(doc, "", NULL, 0,
                        ngx_adm_counters_gauge(doc->conf->counters,
                                               NGX_ADM_GAUGE_PROCESSES));
}


/* zone and table: the labels of all that is told of zones */

static void
ngx_http_adm_zone_sample(ngx_http_adm_doc_t *doc, ngx_str_t *zone,
    ngx_str_t *table, ngx_str_t *value)
{
    ngx_http_adm_label_t  labels[] = {
        { "zone", *zone },
        { "table", *table }
    };

    ngx_http_adm_doc_sample(doc, "", labels, 2, value);
}


/* in thousandths */

static void
ngx_http_adm_zone_used(ngx_http_adm_doc_t *doc, ngx_str_t *zone,
    ngx_str_t *table, ngx_uint_t used)
{
    ngx_str_t  value;
    u_char     buf[2 * NGX_INT64_LEN];

    value.data = buf;
    value.len = ngx_sprintf(buf, "%ui.%03ui", used / 1000, used % 1000) - buf;

    ngx_http_adm_zone_sample(doc, zone, table, &value);
}


static void
ngx_http_adm_zones_used(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t             i, n;
    ngx_adm_zone_t       **zones;
    ngx_http_adm_table_t   tables[NGX_HTTP_ADM_CHECKOUT_TABLES];

    zones = doc->conf->zones.elts;

    for (i = 0; i < doc->conf->zones.nelts; i++) {
        ngx_http_adm_zone_used(doc, &zones[i]->shm_zone->shm.name,
                               &ngx_http_adm_zone_rates,
                               adm_table_used(&zones[i]->table,
                                              ngx_adm_zone_now(zones[i])));
    }

    n = ngx_http_adm_checkout_tables(doc->conf, tables);

    for (i = 0; i < n; i++) {
        ngx_http_adm_zone_used(doc, &tables[i].zone, &tables[i].name,
                               tables[i].used * 1000
                               / ngx_max(tables[i].places, 1));
    }
}


static void
ngx_http_adm_zone_count(ngx_http_adm_doc_t *doc, ngx_str_t *zone,
    ngx_str_t *table, uint64_t n)
{
    ngx_str_t  value;
    u_char     buf[NGX_INT64_LEN];

    value.data = buf;
    value.len = ngx_sprintf(buf, "%uL", n) - buf;

    ngx_http_adm_zone_sample(doc, zone, table, &value);
}


static void
ngx_http_adm_zones_counter(ngx_http_adm_doc_t *doc, size_t offset)
{
    ngx_uint_t         i;
    ngx_atomic_t      *n;
    ngx_adm_zone_t   **zones;

    zones = doc->conf->zones.elts;

    for (i = 0; i < doc->conf->zones.nelts; i++) {
        n = (ngx_atomic_t *) ((u_char *) zones[i]->sh + offset);

        ngx_http_adm_zone_count(doc, &zones[i]->shm_zone->shm.name,
                                &ngx_http_adm_zone_rates, *n);
    }
}


static void
ngx_http_adm_evictions(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_zones_counter(doc, offsetof(ngx_adm_zone_sh_t, evictions));
}


static void
ngx_http_adm_full(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t            i, n;
    ngx_http_adm_table_t  tables[NGX_HTTP_ADM_CHECKOUT_TABLES];

    ngx_http_adm_zones_counter(doc, offsetof(ngx_adm_zone_sh_t, full));

    n = ngx_http_adm_checkout_tables(doc->conf, tables);

    for (i = 0; i < n; i++) {
        ngx_http_adm_zone_count(doc, &tables[i].zone, &tables[i].name,
                                tables[i].full);
    }
}


static void
ngx_http_adm_build(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_label_t  labels[] = {
        { "version", ngx_string(NGX_HTTP_ADM_VERSION) },
        { "nginx", ngx_string(NGINX_VERSION) }
    };

    ngx_http_adm_number(doc, "", labels, 2, 1);
}


static void
ngx_http_adm_generation(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_number(doc, "", NULL, 0,
                        ngx_adm_counters_generation(doc->conf->counters));
}
