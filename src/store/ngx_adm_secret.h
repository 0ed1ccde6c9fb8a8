
/*
 * Files that hold secrets.
 */


#ifndef _NGX_ADM_SECRET_H_INCLUDED_
#define _NGX_ADM_SECRET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ADM_SECRET_MAX   (64 * 1024)     /* bytes of a file */


/*
 * Reads one that nobody but its owner may open, to memory that
 * ngx_adm_secret_free() wipes.  NGX_ERROR: the log says why, and nothing of
 * what stands there; the text is then empty.
 */

ngx_int_t ngx_adm_secret_read(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);
void ngx_adm_secret_free(ngx_str_t *text);

/*
 * The one line of such a file, in the cycle's pool, whose end wipes it.
 * "what" it is: "password".  NGX_ERROR: likewise.
 */

ngx_int_t ngx_adm_secret_line(ngx_conf_t *cf, ngx_str_t *file,
    const char *what, ngx_str_t *line);


#endif /* _NGX_ADM_SECRET_H_INCLUDED_ */
