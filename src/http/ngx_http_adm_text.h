
/*
 * Writing text: what ngx_sprintf() does, without a format to read.  A refusal
 * writes some ten short texts, and the reading was a third of its cost.
 */


#ifndef _NGX_HTTP_ADM_TEXT_H_INCLUDED_
#define _NGX_HTTP_ADM_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* each returns the end of what it wrote at "p" */

#define ngx_http_adm_put(p, literal)                                          \
    ngx_cpymem(p, literal, sizeof(literal) - 1)

#define ngx_http_adm_put_str(p, str)  ngx_cpymem(p, (str)->data, (str)->len)


static ngx_inline u_char *
ngx_http_adm_put_number(u_char *p, uint64_t n)
{
    u_char  *digit, digits[NGX_INT64_LEN];

    digit = digits + NGX_INT64_LEN;

    do {
        *--digit = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    return ngx_cpymem(p, digit, digits + NGX_INT64_LEN - digit);
}


#endif /* _NGX_HTTP_ADM_TEXT_H_INCLUDED_ */
