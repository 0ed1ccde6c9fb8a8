
/*
 * The story: what a client names as a SKU becomes part of a key in a store,
 * of a log line, of a script's arguments.  A space, a brace, a newline or 8 KB
 * of it must stop here; so must a cart that is counted wrongly, since the one
 * who finds how to order two and pay for one will tell his friends.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_literal.c"
#include "../../../src/core/adm_cart.c"


#define TEXT   512


static adm_str_t
str(const char *text)
{
    adm_str_t  s;

    s.len = text ? strlen(text) : 0;
    s.data = (const unsigned char *) text;

    return s;
}


static void
skus(void)
{
    size_t     i;
    char       text[130];
    adm_str_t  nul = { 3, (const unsigned char *) "a\0b" };

    static const char  *good[] = {
        "a", "Z", "0", "-", "~", ".", "_", ":", "SHOE-42.red~x_1:eu",
    };

    static const char  *bad[] = {
        "", " ", "a b", " a", "a ", "a,b", "{a}", "a{", "a}", "a/b", "a\\b",
        "a\"", "a'", "\t", "a*", "a?", "[a]", "a%", "a+", "a=",
        "a@", "\x7f", "\xc3\xa4", "a\xff",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_int(adm_sku_valid(str(good[i])), 1, good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(adm_sku_valid(str(bad[i])), 0, bad[i]);
    }

    is_int(adm_sku_valid(nul), 0, "no NUL in a SKU");

    is_int(adm_sku_valid(str("a\n")), 0, "no newline");
    is_int(adm_sku_valid(str("a\r\nSET x 1")), 0, "no command behind one");

    memset(text, 'x', sizeof(text));
    text[129] = '\0';
    is_int(adm_sku_valid(str(text)), 0, "129 characters are too many");

    text[128] = '\0';
    is_int(adm_sku_valid(str(text)), 1, "128 are not");
}


static void
readings(void)
{
    size_t      i, n;
    adm_item_t  items[ADM_CART_ITEMS];

    static const struct {
        const char    *skus;
        const char    *quantities;
        adm_cart_rc_e  rc;
    } carts[] = {
        { "a", NULL, ADM_CART_OK },
        { "a,b", NULL, ADM_CART_OK },
        { "a", "1", ADM_CART_OK },
        { "a", "1000000", ADM_CART_OK },
        { "a", "0000000000000001", ADM_CART_OK },
        { "a,b,a", "1,2,3", ADM_CART_OK },

        { "", NULL, ADM_CART_EMPTY },
        { "", "1", ADM_CART_EMPTY },

        { ",", NULL, ADM_CART_BAD_SKU },
        { "a,", NULL, ADM_CART_BAD_SKU },
        { ",a", NULL, ADM_CART_BAD_SKU },
        { "a,,b", NULL, ADM_CART_BAD_SKU },
        { "a, b", NULL, ADM_CART_BAD_SKU },
        { "a;b", NULL, ADM_CART_BAD_SKU },

        { "a", "", ADM_CART_BAD_QUANTITY },
        { "a", "0", ADM_CART_BAD_QUANTITY },
        { "a", "-1", ADM_CART_BAD_QUANTITY },
        { "a", "+1", ADM_CART_BAD_QUANTITY },
        { "a", " 1", ADM_CART_BAD_QUANTITY },
        { "a", "1.0", ADM_CART_BAD_QUANTITY },
        { "a", "1e3", ADM_CART_BAD_QUANTITY },
        { "a", "0x1", ADM_CART_BAD_QUANTITY },
        { "a", "1000001", ADM_CART_BAD_QUANTITY },
        { "a", "18446744073709551617", ADM_CART_BAD_QUANTITY },
        { "a,b", "1,", ADM_CART_BAD_QUANTITY },
        { "a,b", ",1", ADM_CART_BAD_QUANTITY },
        { "a,a", "1000000,1", ADM_CART_BAD_QUANTITY },

        { "a", "1,1", ADM_CART_UNEQUAL },
        { "a,b", "1", ADM_CART_UNEQUAL },
        { "a,b", "1,1,1", ADM_CART_UNEQUAL },
    };

    for (i = 0; i < sizeof(carts) / sizeof(carts[0]); i++) {
        is_int(adm_cart_read(str(carts[i].skus), str(carts[i].quantities),
                             TEXT, items, &n),
               carts[i].rc, carts[i].skus);
    }
}


static void
sums(void)
{
    size_t      n;
    adm_item_t  items[ADM_CART_ITEMS];

    (void) adm_cart_read(str("a,b,a,c,b,a"), str("1,2,3,4,5,999"), TEXT, items,
                         &n);

    is_uint(n, 3, "each SKU once");
    is_mem(items[0].sku.data, items[0].sku.len, "a", 1, "in their order");
    is_mem(items[1].sku.data, items[1].sku.len, "b", 1, "  the second");
    is_mem(items[2].sku.data, items[2].sku.len, "c", 1, "  the third");
    is_uint(items[0].quantity, 1003, "with the sum of its quantities");
    is_uint(items[1].quantity, 7, "  the second");
    is_uint(items[2].quantity, 4, "  the third");

    (void) adm_cart_read(str("a,ab,a"), str(NULL), TEXT, items, &n);

    is_uint(n, 2, "what begins as another is another");
    is_uint(items[0].quantity, 2, "without quantities each is one");
}


static void
sizes(void)
{
    char       *p, list[2 * (ADM_CART_ITEMS + 1) + 1], text[2 * 100];
    size_t      i, n;
    adm_item_t  items[ADM_CART_ITEMS];

    for (i = 0, p = list; i <= ADM_CART_ITEMS; i++) {
        *p++ = (char) ('a' + i);
        *p++ = ',';
    }

    *--p = '\0';
    is_int(adm_cart_read(str(list), str(NULL), TEXT, items, &n),
           ADM_CART_LARGE, "one item more than a cart has places for");

    p[-2] = '\0';
    is_int(adm_cart_read(str(list), str(NULL), TEXT, items, &n), ADM_CART_OK,
           "as many as it has");
    is_uint(n, ADM_CART_ITEMS, "all of them");
    is_int(adm_cart_read(str(list), str(NULL), ADM_CART_ITEMS, items, &n),
           ADM_CART_OK, "names that fit to the byte");
    is_int(adm_cart_read(str(list), str(NULL), ADM_CART_ITEMS - 1, items, &n),
           ADM_CART_LARGE, "and that are too long together by one");

    memset(text, 'x', sizeof(text));
    text[99] = ',';
    text[199] = '\0';
    is_int(adm_cart_read(str(text), str(NULL), 99, items, &n), ADM_CART_OK,
           "one name twice needs its room once");
    is_uint(items[0].quantity, 2, "  and is two");
}


int
main(void)
{
    skus();
    readings();
    sums();
    sizes();

    return unit_done();
}
