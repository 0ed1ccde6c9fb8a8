
#include "shop.h"
#include "literal.h"
#include "pages.h"
#include "stats.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define JSON     "application/json"
#define PROBLEM  "application/problem+json"
#define HTML     "text/html; charset=utf-8"


/* a request in service */

typedef struct {
    job_t       job;
    request_t  *request;
    bool        order;
    fault_e     fault;
} visit_t;

#define visit_of(job)                                                         \
    ((visit_t *) ((char *) (job) - offsetof(visit_t, job)))


typedef struct {
    const char  *method;
    const char  *path;
    void       (*answer)(shop_t *shop, request_t *request);
} route_t;


static void shop_visit(shop_t *shop, request_t *request);
static double shop_begin(void *data, job_t *job);
static void shop_end(void *data, job_t *job);
static void shop_drop(void *data, job_t *job);
static void shop_serve(shop_t *shop, visit_t *visit, answer_t *answer);
static void shop_serve_order(shop_t *shop, visit_t *visit, answer_t *answer);
static void shop_deliver(shop_t *shop, visit_t *visit, answer_t *answer);
static void shop_stats(shop_t *shop, request_t *request);
static void shop_reset(shop_t *shop, request_t *request);
static void shop_drain(shop_t *shop, request_t *request);
static void shop_employ(shop_t *shop, request_t *request);
static void shop_fault(shop_t *shop, request_t *request);
static void shop_set_fault(shop_t *shop, request_t *request);
static void shop_answer_wrong(request_t *request, const char *wrong);
static void shop_answer_buffer(request_t *request, struct evbuffer *body);
static void shop_not_allowed(request_t *request);
static void answer_text(answer_t *answer, unsigned status, const char *type,
    const char *text);


static const route_t  routes[] = {
    { "GET",  "/stats",       shop_stats },
    { "POST", "/stats/reset", shop_reset },
    { "POST", "/drain",       shop_drain },
    { "POST", "/servers",     shop_employ },
    { "GET",  "/faults",      shop_fault },
    { "POST", "/faults",      shop_set_fault },
};


shop_t *
shop_create(struct event_base *base, const options_t *options)
{
    shop_t          *shop;
    service_conf_t   conf;

    shop = calloc(1, sizeof(shop_t));
    if (shop == NULL) {
        return NULL;
    }

    conf = (service_conf_t) {
        .servers = options->servers,
        .base = options->base,
        .sigma = options->sigma,
        .contention = options->contention,
        .queue = options->queue,
        .seed = options->seed,
        .begin = shop_begin,
        .end = shop_end,
        .drop = shop_drop,
        .data = shop,
    };

    shop->field = options->field;
    shop->started = clock_now();
    shop->service = service_create(base, &conf);
    shop->orders = orders_create(options->stock);

    faults_init(&shop->faults, options->seed);

    /* names differ after a restart too */

    snprintf(shop->prefix, sizeof(shop->prefix), "%08" PRIx64,
             (uint64_t) time(NULL));

    if (shop->service == NULL || shop->orders == NULL) {
        abort();
    }

    return shop;
}


void
shop_free(shop_t *shop)
{
    service_free(shop->service);
    orders_free(shop->orders);
    free(shop);
}


void
shop_handle(void *data, request_t *request)
{
    size_t       i;
    bool         found;
    const char  *path, *method;

    path = request_path(request);
    method = request_method(request);

    if (strcmp(method, "HEAD") == 0) {
        method = "GET";
    }

    found = false;

    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {

        if (strcmp(path, routes[i].path) != 0) {
            continue;
        }

        found = true;

        if (strcmp(method, routes[i].method) == 0) {
            routes[i].answer(data, request);
            return;
        }
    }

    if (found
        || (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0))
    {
        shop_not_allowed(request);
        return;
    }

    shop_visit(data, request);
}


static void
shop_visit(shop_t *shop, request_t *request)
{
    visit_t   *visit;
    answer_t   answer;

    visit = calloc(1, sizeof(visit_t));

    if (visit == NULL) {
        request_close(request);
        return;
    }

    visit->request = request;
    visit->order = strcmp(request_method(request), "POST") == 0;

    if (!service_submit(shop->service, &visit->job)) {
        free(visit);
        answer_text(&answer, 503, PROBLEM, page_full);
        request_answer(request, &answer);
    }
}


static double
shop_begin(void *data, job_t *job)
{
    shop_t  *shop = data;

    visit_t  *visit;

    visit = visit_of(job);
    visit->fault = faults_draw(&shop->faults);

    return visit->fault == FAULT_NONE ? 1 : shop->faults.factor;
}


static void
shop_end(void *data, job_t *job)
{
    shop_t  *shop = data;

    visit_t   *visit;
    answer_t   answer;

    visit = visit_of(job);

    shop_serve(shop, visit, &answer);
    shop_deliver(shop, visit, &answer);

    free(visit);
}


static void
shop_drop(void *data, job_t *job)
{
    (void) data;

    request_close(visit_of(job)->request);
    free(visit_of(job));
}


static void
shop_serve(shop_t *shop, visit_t *visit, answer_t *answer)
{
    if (visit->fault == FAULT_ERROR) {
        answer_text(answer, 500, PROBLEM, page_error);

    } else if (visit->order) {
        shop_serve_order(shop, visit, answer);

    } else {
        answer_text(answer, 200, JSON, page_item);
    }
}


static void
shop_serve_order(shop_t *shop, visit_t *visit, answer_t *answer)
{
    bool  html;
    char  name[64];

    if (!orders_execute(shop->orders, request_key(visit->request))) {
        answer_text(answer, 409, PROBLEM, page_sold_out);
        return;
    }

    html = request_wants_html(visit->request);

    snprintf(name, sizeof(name), "%s-%06" PRIu64, shop->prefix,
             ++shop->serial);
    page_order(shop->page, sizeof(shop->page), html, name);

    answer_text(answer, 200, html ? HTML : JSON, shop->page);
    answer->field = shop->field;
}


static void
shop_deliver(shop_t *shop, visit_t *visit, answer_t *answer)
{
    if (request_left(visit->request)) {
        shop->abandoned++;
        request_close(visit->request);
        return;
    }

    switch (visit->fault) {

    case FAULT_HANG:
        request_hang(visit->request);
        break;

    case FAULT_DIE:
        request_close(visit->request);
        break;

    case FAULT_HALF:
        request_answer_half(visit->request, answer);
        break;

    default:
        shop->by_status[answer->status]++;
        request_answer(visit->request, answer);
    }
}


static void
shop_stats(shop_t *shop, request_t *request)
{
    struct evbuffer  *body;

    body = evbuffer_new();
    stats_write(shop, body);
    shop_answer_buffer(request, body);
}


static void
shop_reset(shop_t *shop, request_t *request)
{
    stats_reset(shop);
    shop_stats(shop, request);
}


static void
shop_drain(shop_t *shop, request_t *request)
{
    service_drain(shop->service);
    shop_stats(shop, request);
}


static void
shop_employ(shop_t *shop, request_t *request)
{
    uint64_t     servers;
    const char  *query;

    query = request_query(request);

    if (strncmp(query, "count=", sizeof("count=") - 1) != 0
        || !literal_count(query + sizeof("count=") - 1, &servers)
        || servers < 1 || servers > 1000000)
    {
        shop_answer_wrong(request, "count is from 1 to 1000000\n");
        return;
    }

    service_employ(shop->service, servers);
    shop_stats(shop, request);
}


static void
shop_fault(shop_t *shop, request_t *request)
{
    struct evbuffer  *body;

    body = evbuffer_new();
    stats_write_fault(&shop->faults, body);
    evbuffer_add_printf(body, "\n");
    shop_answer_buffer(request, body);
}


static void
shop_set_fault(shop_t *shop, request_t *request)
{
    char         text[256];
    const char  *wrong;

    wrong = faults_set(&shop->faults, request_query(request));

    if (wrong) {
        snprintf(text, sizeof(text), "%s\n", wrong);
        shop_answer_wrong(request, text);
        return;
    }

    /* as if it were killed: nothing is flushed, answered or closed by us */

    if (faults_mode(&shop->faults) == FAULT_EXIT) {
        _exit(EXIT_FAILURE);
    }

    shop_fault(shop, request);
}


static void
shop_answer_wrong(request_t *request, const char *wrong)
{
    answer_t  answer;

    answer_text(&answer, 400, "text/plain", wrong);
    request_answer(request, &answer);
}


static void
shop_answer_buffer(request_t *request, struct evbuffer *body)
{
    answer_t  answer;

    evbuffer_add(body, "", 1);
    answer_text(&answer, 200, JSON, (char *) evbuffer_pullup(body, -1));
    request_answer(request, &answer);

    evbuffer_free(body);
}


static void
shop_not_allowed(request_t *request)
{
    answer_t  answer;

    answer_text(&answer, 405, "text/plain", "");
    answer.allow = "GET, HEAD, POST";
    request_answer(request, &answer);
}


static void
answer_text(answer_t *answer, unsigned status, const char *type,
    const char *text)
{
    answer->status = status;
    answer->type = type;
    answer->body = text;
    answer->length = strlen(text);
    answer->allow = NULL;
    answer->field = NULL;
}
