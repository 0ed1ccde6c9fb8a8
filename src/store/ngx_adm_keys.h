
/*
 * The keys that sign tokens: those of a file, or one that was made at the
 * start and lives in a zone until nginx ends.
 */


#ifndef _NGX_ADM_KEYS_H_INCLUDED_
#define _NGX_ADM_KEYS_H_INCLUDED_


#include <ngx_adm_zone.h>
#include <adm_token.h>


#define NGX_ADM_KEYS_MAX   16      /* in a file */


/* the first signs, all verify; in the cycle's pool */

typedef struct {
    const adm_token_key_t  *keys[NGX_ADM_KEYS_MAX + 1];
    ngx_uint_t              n;
    ngx_adm_zone_t         *zone;    /* of a key that was made, or NULL */
} ngx_adm_keys_t;


/*
 * Reads a file of lines "ID:HEX"; empty ones, and those that begin with "#",
 * are skipped.  What is wrong is said with file and line, and never with what
 * stands there.  The secrets do not stay in memory but as prepared keys,
 * which are wiped with the cycle.  NULL: the log says why.
 */

ngx_adm_keys_t *ngx_adm_keys_read(ngx_conf_t *cf, ngx_str_t *file);


/*
 * The keys of "file", or NULL, and behind them that of "zone", once the memory
 * is there: a reload that brings a file voids no token.  NULL: out of memory.
 */

ngx_adm_keys_t *ngx_adm_keys_of_zone(ngx_conf_t *cf, ngx_adm_zone_t *zone,
    ngx_adm_keys_t *file);


#endif /* _NGX_ADM_KEYS_H_INCLUDED_ */
