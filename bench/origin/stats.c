
#include "stats.h"
#include "literal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


static void stats_times(struct evbuffer *out, const char *name,
    const histogram_t *h);
static void stats_statuses(const shop_t *shop, struct evbuffer *out);
static void stats_faults(const faults_t *faults, struct evbuffer *out);


void
stats_write(const shop_t *shop, struct evbuffer *out)
{
    const orders_stats_t   *orders;
    const service_stats_t  *service;

    orders = orders_stats(shop->orders);
    service = service_stats(shop->service);

    evbuffer_add_printf(out, "{\n  \"uptime_s\": %.3f,\n",
                        (double) (clock_now() - shop->started)
                        / USEC_PER_SEC);

#define COUNT(name, value)                                                    \
    evbuffer_add_printf(out, "  \"" name "\": %" PRIu64 ",\n", value)

    COUNT("servers", service_servers(shop->service));
    COUNT("in_service", service_in_service(shop->service));
    COUNT("queued", service_queued(shop->service));
    COUNT("arrived", service->arrived);
    COUNT("completed", service->completed);
    COUNT("abandoned", shop->abandoned);
    COUNT("orders", orders->orders);
    COUNT("keys", orders->keys);
    COUNT("duplicates", orders->duplicates);
    COUNT("units_sold", orders->units_sold);
    COUNT("turned_away", service->turned_away);
    COUNT("sold_out", orders->sold_out);

#undef COUNT

    stats_statuses(shop, out);
    stats_times(out, "service_ms", &service->service);
    stats_times(out, "system_ms", &service->system);
    stats_faults(&shop->faults, out);

    evbuffer_add_printf(out, "}\n");
}


static void
stats_statuses(const shop_t *shop, struct evbuffer *out)
{
    unsigned     status;
    const char  *comma;

    comma = "";
    evbuffer_add_printf(out, "  \"by_status\": {");

    for (status = 0; status < SERVER_STATUSES; status++) {

        if (shop->by_status[status]) {
            evbuffer_add_printf(out, "%s \"%u\": %" PRIu64, comma, status,
                                shop->by_status[status]);
            comma = ",";
        }
    }

    evbuffer_add_printf(out, " },\n");
}


static void
stats_times(struct evbuffer *out, const char *name, const histogram_t *h)
{
    evbuffer_add_printf(out,
                        "  \"%s\": { \"count\": %" PRIu64 ", \"mean\": %.3f,"
                        " \"p50\": %.3f, \"p95\": %.3f, \"p99\": %.3f,"
                        " \"max\": %.3f },\n",
                        name, h->count, histogram_mean(h) / 1e3,
                        histogram_quantile(h, 0.50) / 1e3,
                        histogram_quantile(h, 0.95) / 1e3,
                        histogram_quantile(h, 0.99) / 1e3,
                        (double) h->max / 1e3);
}


static void
stats_faults(const faults_t *faults, struct evbuffer *out)
{
    fault_e      mode;
    const char  *comma;

    evbuffer_add_printf(out, "  \"fault\": ");
    stats_write_fault(faults, out);
    evbuffer_add_printf(out, ",\n  \"faulted\": {");

    comma = "";

    for (mode = FAULT_NONE + 1; mode < FAULT_EXIT; mode++) {
        evbuffer_add_printf(out, "%s \"%s\": %" PRIu64, comma,
                            fault_name(mode), faults->hits[mode]);
        comma = ",";
    }

    evbuffer_add_printf(out, " }\n");
}


void
stats_write_fault(const faults_t *faults, struct evbuffer *out)
{
    fault_e  mode;

    mode = faults_mode(faults);

    evbuffer_add_printf(out, "{ \"mode\": \"%s\"", fault_name(mode));

    if (mode != FAULT_NONE) {
        evbuffer_add_printf(out, ", \"share\": %g", faults->share);
    }

    if (mode != FAULT_NONE && faults->factor != 1) {
        evbuffer_add_printf(out, ", \"factor\": %g", faults->factor);
    }

    if (mode != FAULT_NONE && faults->until != INT64_MAX) {
        evbuffer_add_printf(out, ", \"left_s\": %.3f",
                            (double) (faults->until - clock_now())
                            / USEC_PER_SEC);
    }

    evbuffer_add_printf(out, " }");
}


void
stats_reset(shop_t *shop)
{
    service_reset(shop->service);
    orders_reset(shop->orders);

    shop->abandoned = 0;
    memset(shop->by_status, 0, sizeof(shop->by_status));
    memset(shop->faults.hits, 0, sizeof(shop->faults.hits));
}
