
#include "pages.h"

#include <stdio.h>


/* the name of the order is in place of "%s" */

static const char  *page_order_json =
    "{\"order\":\"%s\",\"item\":\"Dusk, a table lamp\"}\n";


static const char  *page_order_html =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\""
    " content=\"width=device-width, initial-scale=1\">\n"
    "<title>Thank you · Kiln &amp; Moth</title>\n"
    "<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n"
    "<link rel=\"stylesheet\" href=\"/shop.css\">\n"
    "</head>\n"
    "<body>\n"
    "<header class=\"top\">"
    "<a class=\"brand\" href=\"/\">Kiln <span>&amp;</span> Moth</a>"
    "</header>\n"
    "<main class=\"thanks\">\n"
    "<h1>It is yours. Thank you.</h1>\n"
    "<p>We have your order for one Dusk, a table lamp.</p>\n"
    "<p>Order <code>%s</code></p>\n"
    "<p><a href=\"/\">Back to the shop</a></p>\n"
    "</main>\n"
    "</body>\n"
    "</html>\n";


const char  *page_item = "{\"item\":\"Dusk, a table lamp\"}\n";


const char  *page_sold_out =
    "{\"title\":\"Sold out\",\"status\":409,\"reason\":\"sold_out\"}\n";


const char  *page_full =
    "{\"title\":\"Too many are waiting\",\"status\":503,"
    "\"reason\":\"full\"}\n";


const char  *page_error =
    "{\"title\":\"The order was not taken\",\"status\":500}\n";


void
page_order(char *page, size_t size, bool html, const char *name)
{
    snprintf(page, size, html ? page_order_html : page_order_json, name);
}
