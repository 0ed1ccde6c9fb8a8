
/*
 * The stock of a node without Redis, in shared memory of its own: units, and
 * who has set them aside.
 *
 * Under the memory's mutex, as keys are; what is available can be read
 * without it.  With a state directory units are handed out only down to a
 * mark that is on disk already, so that after a crash none is handed out
 * again: those between the last copy and the mark are unresolved then.
 */


#ifndef _NGX_ADM_LEDGER_H_INCLUDED_
#define _NGX_ADM_LEDGER_H_INCLUDED_


#include <ngx_adm_state.h>
#include <ngx_adm_trip.h>


/* of a zone's size, the share that its stock has beside it */
#define NGX_ADM_LEDGER_SHARE    8        /* an eighth */


/* as ngx_adm_keytab.h has them */

ngx_adm_ledger_t *ngx_adm_ledger_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag);
ngx_int_t ngx_adm_ledger_keep(ngx_adm_ledger_t *ledger,
    ngx_adm_state_t *state);

void ngx_adm_ledger_take(ngx_adm_ledger_t *ledger, ngx_adm_command_t *command);
void ngx_adm_ledger_admit(ngx_adm_ledger_t *ledger,
    ngx_adm_checkout_t *checkout);
void ngx_adm_ledger_end(ngx_adm_ledger_t *ledger,
    ngx_adm_checkout_t *checkout);

/* an operator's question, "told" and what belongs to it set */

void ngx_adm_ledger_ask(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry);

ngx_adm_stock_look_e ngx_adm_ledger_look(ngx_adm_ledger_t *ledger,
    adm_str_t *sku, adm_facts_t *facts);

void ngx_adm_ledger_tick(ngx_adm_ledger_t *ledger);

void ngx_adm_ledger_used(ngx_adm_ledger_t *ledger, uint64_t *used,
    uint64_t *places, uint64_t *full);

/* units of all SKUs that wait for somebody to settle them */

uint64_t ngx_adm_ledger_unresolved(ngx_adm_ledger_t *ledger);

/* commits of what had expired: new units were taken, or none were left */

void ngx_adm_ledger_late(ngx_adm_ledger_t *ledger, uint64_t *late,
    uint64_t *missed);


#endif /* _NGX_ADM_LEDGER_H_INCLUDED_ */
