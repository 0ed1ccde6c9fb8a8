
/*
 * Metrics as Prometheus text, OpenMetrics or JSON.
 */


#include <ngx_http_adm_metrics.h>
#include <adm_field.h>


#define NGX_HTTP_ADM_DOC_ROOM   16384

#define ngx_http_adm_doc_literal(doc, s)                                      \
    ngx_http_adm_doc_put(doc, (u_char *) s, sizeof(s) - 1)


static void ngx_http_adm_doc_put(ngx_http_adm_doc_t *doc, u_char *p,
    size_t len);
static void ngx_http_adm_doc_text(ngx_http_adm_doc_t *doc, const char *text);
static void ngx_http_adm_doc_escaped(ngx_http_adm_doc_t *doc,
    ngx_str_t *value);
static void ngx_http_adm_doc_head(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_doc_tail(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_doc_metric(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_doc_metric_json(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_doc_metric_text(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_doc_sample_json(ngx_http_adm_doc_t *doc,
    const char *suffix, ngx_http_adm_label_t *labels, ngx_uint_t n,
    ngx_str_t *value);
static void ngx_http_adm_doc_sample_text(ngx_http_adm_doc_t *doc,
    const char *suffix, ngx_http_adm_label_t *labels, ngx_uint_t n,
    ngx_str_t *value);


static const char  *ngx_http_adm_metric_types[] = {
    "counter",
    "gauge",
    "histogram"
};


void
ngx_http_adm_doc_write(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_doc_head(doc);

    for (doc->metric = ngx_http_adm_metrics; doc->metric->name; doc->metric++)
    {
        ngx_http_adm_doc_metric(doc);
    }

    ngx_http_adm_doc_tail(doc);
}


void
ngx_http_adm_doc_sample(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, ngx_str_t *value)
{
    if (doc->format == NGX_HTTP_ADM_JSON) {
        ngx_http_adm_doc_sample_json(doc, suffix, labels, n, value);

    } else {
        ngx_http_adm_doc_sample_text(doc, suffix, labels, n, value);
    }
}


static void
ngx_http_adm_doc_put(ngx_http_adm_doc_t *doc, u_char *p, size_t len)
{
    u_char  *text;
    size_t   room;

    if (doc->failed) {
        return;
    }

    if (doc->text.len + len > doc->room) {
        room = ngx_max(2 * doc->room, doc->text.len + len);
        room = ngx_max(room, NGX_HTTP_ADM_DOC_ROOM);

        text = ngx_pnalloc(doc->request->pool, room);
        if (text == NULL) {
            doc->failed = 1;
            return;
        }

        ngx_memcpy(text, doc->text.data, doc->text.len);

        doc->text.data = text;
        doc->room = room;
    }

    ngx_memcpy(doc->text.data + doc->text.len, p, len);
    doc->text.len += len;
}


static void
ngx_http_adm_doc_text(ngx_http_adm_doc_t *doc, const char *text)
{
    ngx_http_adm_doc_put(doc, (u_char *) text, ngx_strlen(text));
}


static void
ngx_http_adm_doc_escaped(ngx_http_adm_doc_t *doc, ngx_str_t *value)
{
    size_t      len;
    u_char     *p;
    adm_str_t   text;

    text.len = value->len;
    text.data = value->data;

    p = ngx_pnalloc(doc->request->pool, value->len * ADM_ESCAPE_MAX + 1);
    if (p == NULL) {
        doc->failed = 1;
        return;
    }

    len = (doc->format == NGX_HTTP_ADM_JSON) ? adm_json_escape(p, text)
                                             : adm_label_escape(p, text);

    ngx_http_adm_doc_put(doc, p, len);
}


static void
ngx_http_adm_doc_head(ngx_http_adm_doc_t *doc)
{
    u_char     *p;
    ngx_str_t   node;
    u_char      buf[sizeof(NGX_HTTP_ADM_VERSION NGINX_VERSION)
                    + 2 * NGX_INT64_LEN + 128];

    if (doc->format != NGX_HTTP_ADM_JSON) {
        return;
    }

    node = ngx_cycle->hostname;

    ngx_http_adm_doc_literal(doc, "{\"node\":\"");
    ngx_http_adm_doc_escaped(doc, &node);

    p = ngx_sprintf(buf, "\",\"version\":\"" NGX_HTTP_ADM_VERSION "\","
                    "\"nginx\":\"" NGINX_VERSION "\","
                    "\"generation\":%ui,\"time\":%T.%03ui,\"metrics\":[",
                    ngx_adm_counters_generation(doc->conf->counters),
                    ngx_time(), ngx_timeofday()->msec);

    ngx_http_adm_doc_put(doc, buf, p - buf);
}


static void
ngx_http_adm_doc_tail(ngx_http_adm_doc_t *doc)
{
    if (doc->failed) {
        return;
    }

    switch (doc->format) {

    case NGX_HTTP_ADM_JSON:
        doc->text.len--;           /* the comma after the last metric */
        ngx_http_adm_doc_literal(doc, "]}");
        break;

    case NGX_HTTP_ADM_OPENMETRICS:
        ngx_http_adm_doc_literal(doc, "# EOF\n");
        break;

    default:
        break;
    }
}


static void
ngx_http_adm_doc_metric(ngx_http_adm_doc_t *doc)
{
    if (doc->format == NGX_HTTP_ADM_JSON) {
        ngx_http_adm_doc_metric_json(doc);

    } else {
        ngx_http_adm_doc_metric_text(doc);
    }
}


static void
ngx_http_adm_doc_metric_json(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_doc_literal(doc, "{\"name\":\"admission_");
    ngx_http_adm_doc_text(doc, doc->metric->name);
    ngx_http_adm_doc_literal(doc, "\",\"type\":\"");
    ngx_http_adm_doc_text(doc, ngx_http_adm_metric_types[doc->metric->type]);
    ngx_http_adm_doc_literal(doc, "\",\"help\":\"");
    ngx_http_adm_doc_text(doc, doc->metric->help);
    ngx_http_adm_doc_literal(doc, "\",\"samples\":[");

    doc->metric->samples(doc);

    if (!doc->failed && doc->text.data[doc->text.len - 1] == ',') {
        doc->text.len--;
    }

    ngx_http_adm_doc_literal(doc, "]},");
}


/* a family of OpenMetrics has the name of its counter without _total */

static void
ngx_http_adm_doc_metric_text(ngx_http_adm_doc_t *doc)
{
    size_t       len;
    ngx_uint_t   i;

    static const char  *lines[] = { "# HELP admission_", "# TYPE admission_" };

    len = ngx_strlen(doc->metric->name);

    if (doc->format == NGX_HTTP_ADM_OPENMETRICS
        && doc->metric->type == NGX_HTTP_ADM_COUNTER)
    {
        len -= sizeof("_total") - 1;
    }

    for (i = 0; i < 2; i++) {
        ngx_http_adm_doc_text(doc, lines[i]);
        ngx_http_adm_doc_put(doc, (u_char *) doc->metric->name, len);
        ngx_http_adm_doc_literal(doc, " ");
        ngx_http_adm_doc_text(doc, i ? ngx_http_adm_metric_types
                                       [doc->metric->type]
                                     : doc->metric->help);
        ngx_http_adm_doc_literal(doc, "\n");
    }

    doc->metric->samples(doc);
}


static void
ngx_http_adm_doc_sample_json(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, ngx_str_t *value)
{
    ngx_uint_t  i;

    ngx_http_adm_doc_literal(doc, "{");

    if (*suffix) {
        ngx_http_adm_doc_literal(doc, "\"suffix\":\"");
        ngx_http_adm_doc_text(doc, suffix);
        ngx_http_adm_doc_literal(doc, "\",");
    }

    ngx_http_adm_doc_literal(doc, "\"labels\":{");

    for (i = 0; i < n; i++) {
        ngx_http_adm_doc_text(doc, i ? ",\"" : "\"");
        ngx_http_adm_doc_text(doc, labels[i].name);
        ngx_http_adm_doc_literal(doc, "\":\"");
        ngx_http_adm_doc_escaped(doc, &labels[i].value);
        ngx_http_adm_doc_literal(doc, "\"");
    }

    ngx_http_adm_doc_literal(doc, "},\"value\":");
    ngx_http_adm_doc_put(doc, value->data, value->len);
    ngx_http_adm_doc_literal(doc, "},");
}


static void
ngx_http_adm_doc_sample_text(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, ngx_str_t *value)
{
    ngx_uint_t  i;

    ngx_http_adm_doc_literal(doc, "admission_");
    ngx_http_adm_doc_text(doc, doc->metric->name);
    ngx_http_adm_doc_text(doc, suffix);

    for (i = 0; i < n; i++) {
        ngx_http_adm_doc_text(doc, i ? "," : "{");
        ngx_http_adm_doc_text(doc, labels[i].name);
        ngx_http_adm_doc_literal(doc, "=\"");
        ngx_http_adm_doc_escaped(doc, &labels[i].value);
        ngx_http_adm_doc_literal(doc, "\"");
    }

    ngx_http_adm_doc_text(doc, n ? "} " : " ");
    ngx_http_adm_doc_put(doc, value->data, value->len);
    ngx_http_adm_doc_literal(doc, "\n");
}
