
/*
 * JSON pointers.
 */


#include "adm_pointer.h"
#include "adm_literal.h"


int
adm_pointer_valid(adm_str_t s)
{
    size_t  i;

    if (s.len == 0) {
        return 1;
    }

    if (s.data[0] != '/') {
        return 0;
    }

    for (i = 1; i < s.len; i++) {

        if (s.data[i] == '~'
            && (i + 1 == s.len || (s.data[i + 1] != '0'
                                   && s.data[i + 1] != '1')))
        {
            return 0;
        }
    }

    return 1;
}


size_t
adm_pointer_next(adm_str_t *s, unsigned char *token)
{
    size_t  i, n;

    n = 0;

    for (i = 1; i < s->len && s->data[i] != '/'; i++) {

        if (s->data[i] == '~') {
            i++;
            token[n++] = (s->data[i] == '1') ? '/' : '~';

        } else {
            token[n++] = s->data[i];
        }
    }

    s->data += i;
    s->len -= i;

    return n;
}


int
adm_pointer_index(adm_str_t token, size_t *index)
{
    uint64_t  n;

    if ((token.len > 1 && token.data[0] == '0')
        || adm_uint_parse(token, 0, UINT32_MAX, &n) != ADM_OK)
    {
        return ADM_ERROR;
    }

    *index = (size_t) n;

    return ADM_OK;
}
