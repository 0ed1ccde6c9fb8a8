
/*
 * Idempotency keys: see the header.
 */


#include "adm_key.h"


static int adm_key_bare(adm_str_t s, unsigned char *key, size_t *len);


int
adm_key_read(adm_str_t s, unsigned char *key, size_t *len)
{
    size_t         i, n;
    unsigned char  c;

    if (s.len == 0 || s.data[0] != '"') {
        return adm_key_bare(s, key, len);
    }

    n = 0;

    for (i = 1; i < s.len; i++) {
        c = s.data[i];

        if (c == '"') {
            *len = n;
            return (i == s.len - 1 && n > 0) ? ADM_OK : ADM_ERROR;
        }

        if (c == '\\') {
            c = (++i < s.len) ? s.data[i] : 0;

            if (c != '"' && c != '\\') {
                return ADM_ERROR;
            }
        }

        if (c < 0x20 || c > 0x7e || n == ADM_KEY_MAX) {
            return ADM_ERROR;
        }

        key[n++] = c;
    }

    return ADM_ERROR;
}


static int
adm_key_bare(adm_str_t s, unsigned char *key, size_t *len)
{
    size_t         i;
    unsigned char  c;

    if (s.len == 0 || s.len > ADM_KEY_MAX) {
        return ADM_ERROR;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c <= 0x20 || c > 0x7e || c == '"' || c == '\\' || c == ','
            || c == ';')
        {
            return ADM_ERROR;
        }

        key[i] = c;
    }

    *len = s.len;

    return ADM_OK;
}
