
/*
 * Fields of application/x-www-form-urlencoded.
 *
 * Names are compared while they are decoded: exactly, and loosely, as the
 * laxest of readers would.  A piece between two ";" is only ever read loosely.
 */


#include "adm_form.h"


/* what adm_form_byte() says besides bytes */

#define ADM_FORM_END     (-1)
#define ADM_FORM_WRONG   (-2)


static adm_str_t adm_form_cut(adm_str_t *s, unsigned char mark);
static int adm_form_byte(adm_str_t *s);
static int adm_form_digit(unsigned char c);
static int adm_form_name(adm_str_t text, adm_str_t name);
static unsigned adm_form_aliases(adm_str_t pair, adm_str_t name);
static int adm_form_alias(adm_str_t text, adm_str_t name);
static int adm_form_lax(int c);
static adm_form_rc_e adm_form_decode(adm_str_t text, unsigned char *buf,
    adm_str_t *value);


adm_form_rc_e
adm_form_field(adm_str_t form, adm_str_t name, unsigned char *buf,
    adm_str_t *value)
{
    int        same;
    unsigned   found, aliases;
    adm_str_t  pair, text, wanted;

    found = 0;
    aliases = 0;
    wanted.len = 0;
    wanted.data = NULL;

    while (form.len) {
        pair = adm_form_cut(&form, '&');
        aliases += adm_form_aliases(pair, name);

        text = adm_form_cut(&pair, '=');
        same = adm_form_name(text, name);

        if (same == ADM_FORM_WRONG) {
            return ADM_FORM_BAD;
        }

        if (same) {
            found++;
            wanted = pair;
        }
    }

    if (found == 0) {
        return ADM_FORM_ABSENT;
    }

    /* the field itself is its alias, once */

    if (found > 1 || aliases > 1) {
        return ADM_FORM_DOUBLED;
    }

    return adm_form_decode(wanted, buf, value);
}


/* cuts off what stands before the mark, and the mark; or all */

static adm_str_t
adm_form_cut(adm_str_t *s, unsigned char mark)
{
    adm_str_t             piece;
    const unsigned char  *p;

    piece = *s;
    p = s->len ? memchr(s->data, mark, s->len) : NULL;

    if (p == NULL) {
        s->data += s->len;
        s->len = 0;
        return piece;
    }

    piece.len = (size_t) (p - s->data);

    s->data += piece.len + 1;
    s->len -= piece.len + 1;

    return piece;
}


/* the next byte, decoded, which is cut off */

static int
adm_form_byte(adm_str_t *s)
{
    int  c, high, low;

    if (s->len == 0) {
        return ADM_FORM_END;
    }

    c = *s->data;

    if (c == '%') {

        if (s->len < 3) {
            return ADM_FORM_WRONG;
        }

        high = adm_form_digit(s->data[1]);
        low = adm_form_digit(s->data[2]);

        if (high < 0 || low < 0) {
            return ADM_FORM_WRONG;
        }

        s->data += 3;
        s->len -= 3;

        return high * 16 + low;
    }

    s->data++;
    s->len--;

    return (c == '+') ? ' ' : c;
}


static int
adm_form_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* 1 if "text", decoded, is the name; ADM_FORM_WRONG: it cannot be decoded */

static int
adm_form_name(adm_str_t text, adm_str_t name)
{
    int     c, same;
    size_t  i;

    i = 0;
    same = 1;

    while ((c = adm_form_byte(&text)) >= 0) {
        same = same && i < name.len && name.data[i] == c;
        i++;
    }

    return (c == ADM_FORM_WRONG) ? c : same && i == name.len;
}


/* how many of a pair's pieces may be taken for the field */

static unsigned
adm_form_aliases(adm_str_t pair, adm_str_t name)
{
    unsigned   n;
    adm_str_t  piece;

    n = 0;

    while (pair.len) {
        piece = adm_form_cut(&pair, ';');
        n += adm_form_alias(adm_form_cut(&piece, '='), name) ? 1 : 0;
    }

    return n;
}


static int
adm_form_alias(adm_str_t text, adm_str_t name)
{
    int     c, brackets;
    size_t  i;

    /* a field that is told by its brackets goes on behind the first one */

    brackets = memchr(name.data, '[', name.len) != NULL;
    i = 0;

    do {
        c = adm_form_byte(&text);
    } while (c == ' ');

    while (c > 0 && (c != '[' || brackets)) {

        if (i == name.len || adm_form_lax(c) != adm_form_lax(name.data[i])) {
            return 0;
        }

        i++;
        c = adm_form_byte(&text);
    }

    return c != ADM_FORM_WRONG && i == name.len;
}


/* the byte of a name, as the laxest of readers sees it */

static int
adm_form_lax(int c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    return (c == '.' || c == ' ') ? '_' : c;
}


static adm_form_rc_e
adm_form_decode(adm_str_t text, unsigned char *buf, adm_str_t *value)
{
    int     c;
    size_t  n;

    n = 0;

    while ((c = adm_form_byte(&text)) >= 0) {
        buf[n++] = (unsigned char) c;
    }

    if (c == ADM_FORM_WRONG) {
        return ADM_FORM_BAD;
    }

    value->len = n;
    value->data = buf;

    return ADM_FORM_OK;
}
