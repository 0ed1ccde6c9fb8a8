
/*
 * Carts: see the header.
 *
 * Nothing is trimmed: a list with a space in it names a SKU with a space,
 * which is none.  What is read goes into keys, logs and scripts as it is.
 */


#include "adm_cart.h"
#include "adm_literal.h"


static adm_str_t adm_cart_next(adm_str_t *list);
static size_t adm_cart_count(adm_str_t list);
static adm_cart_rc_e adm_cart_add(adm_item_t *items, size_t *n, adm_str_t sku,
    uint64_t quantity);


int
adm_sku_valid(adm_str_t sku)
{
    return adm_word_valid(sku, ADM_SKU_MAX, "._~:-");
}


adm_cart_rc_e
adm_cart_read(adm_str_t skus, adm_str_t quantities, size_t text,
    adm_item_t *items, size_t *n)
{
    size_t         left, i;
    uint64_t       quantity;
    adm_str_t      sku;
    adm_cart_rc_e  rc;

    *n = 0;

    if (skus.len == 0) {
        return ADM_CART_EMPTY;
    }

    left = adm_cart_count(skus);

    if (quantities.data && adm_cart_count(quantities) != left) {
        return ADM_CART_UNEQUAL;
    }

    quantity = 1;

    while (left-- > 0) {
        sku = adm_cart_next(&skus);

        if (!adm_sku_valid(sku)) {
            return ADM_CART_BAD_SKU;
        }

        if (quantities.data
            && adm_uint_parse(adm_cart_next(&quantities), 1, ADM_QUANTITY_MAX,
                              &quantity)
               != ADM_OK)
        {
            return ADM_CART_BAD_QUANTITY;
        }

        rc = adm_cart_add(items, n, sku, quantity);

        if (rc != ADM_CART_OK) {
            return rc;
        }
    }

    for (i = 0; i < *n; i++) {

        if (items[i].sku.len > text) {
            return ADM_CART_LARGE;
        }

        text -= items[i].sku.len;
    }

    return ADM_CART_OK;
}


/* the first of a list, which goes on behind it */

static adm_str_t
adm_cart_next(adm_str_t *list)
{
    adm_str_t             first;
    const unsigned char  *comma;

    first = *list;
    comma = list->len ? memchr(list->data, ',', list->len) : NULL;

    if (comma == NULL) {
        list->data += list->len;
        list->len = 0;
        return first;
    }

    first.len = (size_t) (comma - list->data);
    list->len -= first.len + 1;
    list->data = comma + 1;

    return first;
}


static size_t
adm_cart_count(adm_str_t list)
{
    size_t  i, n;

    n = 1;

    for (i = 0; i < list.len; i++) {
        n += (list.data[i] == ',');
    }

    return n;
}


static adm_cart_rc_e
adm_cart_add(adm_item_t *items, size_t *n, adm_str_t sku, uint64_t quantity)
{
    size_t  i;

    for (i = 0; i < *n; i++) {

        if (items[i].sku.len == sku.len
            && memcmp(items[i].sku.data, sku.data, sku.len) == 0)
        {
            items[i].quantity += quantity;

            return (items[i].quantity > ADM_QUANTITY_MAX)
                   ? ADM_CART_BAD_QUANTITY : ADM_CART_OK;
        }
    }

    if (*n == ADM_CART_ITEMS) {
        return ADM_CART_LARGE;
    }

    items[*n].sku = sku;
    items[*n].quantity = quantity;
    (*n)++;

    return ADM_CART_OK;
}
