
/*
 * Carts: SKUs and quantities, as a request has them.
 */


#ifndef _ADM_CART_H_INCLUDED_
#define _ADM_CART_H_INCLUDED_


#include "adm.h"


#define ADM_SKU_MAX         128       /* bytes of [A-Za-z0-9._~:-] */
#define ADM_QUANTITY_MAX    1000000
#define ADM_CART_ITEMS      16


typedef struct {
    adm_str_t   sku;
    uint64_t    quantity;
} adm_item_t;


/* what is known of a SKU; units, but "holds" */

typedef struct {
    uint64_t    available;            /* free now */
    uint64_t    held;                 /* by those that run or wait */
    uint64_t    holds;                /* how many these are */
    uint64_t    unresolved;
    uint64_t    committed;            /* total */
    uint64_t    expired;              /* total: returned by time */
} adm_facts_t;


typedef enum {
    ADM_CART_OK = 0,
    ADM_CART_EMPTY,                   /* no SKU */
    ADM_CART_BAD_SKU,
    ADM_CART_BAD_QUANTITY,            /* no number, 0, or too large */
    ADM_CART_UNEQUAL,                 /* not as many quantities as SKUs */
    ADM_CART_LARGE                    /* too many items, or too long */
} adm_cart_rc_e;


/* 1 if it is one */

int adm_sku_valid(adm_str_t sku);

/*
 * Reads comma-separated lists; with no "quantities" (data NULL) each is 1.
 * Equal SKUs become one item, so that the result names each once; items point
 * into "skus".  "text" is the most bytes that all SKUs may have.  At least
 * ADM_CART_ITEMS places in "items".
 */

adm_cart_rc_e adm_cart_read(adm_str_t skus, adm_str_t quantities, size_t text,
    adm_item_t *items, size_t *n);


#endif /* _ADM_CART_H_INCLUDED_ */
