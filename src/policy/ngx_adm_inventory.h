
/*
 * Inventory as a policy: nobody goes on for what is sold out, and with
 * mode=reserve units are set aside until the upstream, or a back end, has
 * said what became of the order.
 */


#ifndef _NGX_ADM_INVENTORY_H_INCLUDED_
#define _NGX_ADM_INVENTORY_H_INCLUDED_


#include <ngx_adm_idempotency.h>


/* the values of a use */

typedef enum {
    NGX_ADM_INVENTORY_SKU = 0,
    NGX_ADM_INVENTORY_QUANTITY,          /* empty text: 1 of each */
    NGX_ADM_INVENTORY_BUYER,
    NGX_ADM_INVENTORY_VALUES
} ngx_adm_inventory_value_e;


/* conf of a use; in the cycle's pool */

typedef struct {
    ngx_adm_stock_t          *stock;
    ngx_uint_t                reserve;   /* mode=reserve */
    ngx_uint_t                methods;   /* mask */
    ngx_uint_t                bought;    /* buyer= is given */
    ngx_msec_t                hold;
    uint64_t                  per_buyer; /* units; 0: no limit */
    time_t                    per_time;  /* s */
    ngx_uint_t                returns;   /* unresolved=return */
    ngx_adm_statuses_t        commit;
    ngx_adm_statuses_t        release;
} ngx_adm_inventory_t;


/* of a step: its hold, for $admission_hold */

typedef struct {
    u_char                    hold[2 * NGX_ADM_CHECKOUT_ID];     /* hex */
    ngx_uint_t                held;
    ngx_uint_t                asked;     /* the store was asked for one */
    ngx_adm_reason_e          known;     /* why it will refuse, unless the key
                                            is of a repeat; or NONE */
    ngx_str_t                 sku;       /* ... which */
} ngx_adm_inventory_state_t;


extern ngx_adm_policy_t  ngx_adm_inventory_policy;


#endif /* _NGX_ADM_INVENTORY_H_INCLUDED_ */
