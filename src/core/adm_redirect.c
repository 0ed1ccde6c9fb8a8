
/*
 * Redirections of Redis Cluster.
 */


#include "adm_redirect.h"
#include "adm_keyslot.h"
#include "adm_literal.h"


static adm_str_t adm_redirect_word(adm_str_t *text);
static int adm_redirect_where(adm_str_t *text, adm_redirect_t *redirect);


static const struct {
    const char      *word;
    adm_redirect_e   kind;
} adm_redirects[] = {
    { "MOVED", ADM_REDIRECT_MOVED },
    { "ASK", ADM_REDIRECT_ASK },
    { "TRYAGAIN", ADM_REDIRECT_TRYAGAIN },
    { "CLUSTERDOWN", ADM_REDIRECT_DOWN },
};


int
adm_redirect_parse(adm_str_t text, adm_redirect_t *redirect)
{
    size_t     i;
    adm_str_t  word;

    if (text.len == 0) {
        return ADM_ERROR;
    }

    word = adm_redirect_word(&text);

    for (i = 0; i < sizeof(adm_redirects) / sizeof(adm_redirects[0]); i++) {

        if (word.len != strlen(adm_redirects[i].word)
            || memcmp(word.data, adm_redirects[i].word, word.len) != 0)
        {
            continue;
        }

        redirect->kind = adm_redirects[i].kind;

        if (redirect->kind == ADM_REDIRECT_MOVED
            || redirect->kind == ADM_REDIRECT_ASK)
        {
            return adm_redirect_where(&text, redirect);
        }

        return ADM_OK;
    }

    return ADM_ERROR;
}


/* cuts off what stands before a space, and the space; or all */

static adm_str_t
adm_redirect_word(adm_str_t *text)
{
    adm_str_t             word;
    const unsigned char  *space;

    word = *text;
    space = memchr(text->data, ' ', text->len);

    if (space != NULL) {
        word.len = (size_t) (space - text->data);
        text->data++;
        text->len--;
    }

    text->data += word.len;
    text->len -= word.len;

    return word;
}


/* an address of IPv6 has no brackets: the last colon is the port's */

static int
adm_redirect_where(adm_str_t *text, adm_redirect_t *redirect)
{
    uint64_t   slot, port;
    adm_str_t  word, digits;

    word = adm_redirect_word(text);

    if (adm_uint_parse(word, 0, ADM_KEYSLOTS - 1, &slot) != ADM_OK
        || memchr(text->data, ' ', text->len) != NULL)
    {
        return ADM_ERROR;
    }

    word = *text;
    digits.len = 0;

    while (digits.len < word.len
           && word.data[word.len - digits.len - 1] != ':')
    {
        digits.len++;
    }

    if (digits.len == word.len) {
        return ADM_ERROR;
    }

    digits.data = word.data + word.len - digits.len;
    word.len -= digits.len + 1;

    if (word.len > ADM_REDIRECT_HOST
        || adm_uint_parse(digits, 1, 65535, &port) != ADM_OK)
    {
        return ADM_ERROR;
    }

    /* "?" is a node that has no name yet */

    if (word.len == 1 && word.data[0] == '?') {
        word.len = 0;
    }

    redirect->slot = (unsigned) slot;
    redirect->host = word;
    redirect->port = (unsigned) port;

    return ADM_OK;
}
