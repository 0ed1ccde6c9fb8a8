
/*
 * The keys of a node without Redis, in shared memory of its own, and what was
 * answered under them.
 *
 * Everything happens under the memory's mutex, which the master frees if its
 * owner dies, and in steps that are taken back then: see adm_undo.h.  A key
 * is locked for as long as the process lives that has it.  Keys are never
 * dropped before their time: a full table refuses.
 */


#ifndef _NGX_ADM_KEYTAB_H_INCLUDED_
#define _NGX_ADM_KEYTAB_H_INCLUDED_


#include <ngx_adm_state.h>
#include <ngx_adm_trip.h>


/* of a zone's size, the share that its keys have beside it */
#define NGX_ADM_KEYTAB_SHARE    2        /* a half */


/*
 * Declares the memory, "size" bytes, once in a cycle; one that runs keeps its
 * size until restart.  NULL: out of memory, or nginx has said why in the log.
 */

ngx_adm_keytab_t *ngx_adm_keytab_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag);

/* from now on keys come back after a restart, but those of the last second */

ngx_int_t ngx_adm_keytab_keep(ngx_adm_keytab_t *keytab,
    ngx_adm_state_t *state);


/* the keeper's; "kept" is copied to "pool".  Never waits but for the mutex */

void ngx_adm_keytab_take(ngx_adm_keytab_t *keytab, ngx_adm_command_t *command);
void ngx_adm_keytab_admit(ngx_adm_keytab_t *keytab,
    ngx_adm_checkout_t *checkout);
void ngx_adm_keytab_end(ngx_adm_keytab_t *keytab,
    ngx_adm_checkout_t *checkout);

/* an operator's NGX_ADM_ASK_FORGET */

ngx_adm_told_e ngx_adm_keytab_forget(ngx_adm_keytab_t *keytab, u_char *key);

/*
 * Keys of processes that are gone, and those whose time is over, a few at a
 * time: called about once a second by each process of the node, of which one
 * does it.
 */

void ngx_adm_keytab_tick(ngx_adm_keytab_t *keytab);

/* for zone_used_ratio and table_full_total: places used, of how many */

void ngx_adm_keytab_used(ngx_adm_keytab_t *keytab, uint64_t *used,
    uint64_t *places, uint64_t *full);

/* the same of the memory for answers; "full" of them were not kept */

void ngx_adm_keytab_answers(ngx_adm_keytab_t *keytab, uint64_t *used,
    uint64_t *places, uint64_t *full);


#endif /* _NGX_ADM_KEYTAB_H_INCLUDED_ */
