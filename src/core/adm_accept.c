
/*
 * Content negotiation by Accept: RFC 9110, 12.5.1, 12.4.2 and 5.6.
 *
 *     Accept = #( media-range [ weight ] )
 *     media-range = ( "*" "/" "*" / type "/" "*" / type "/" subtype )
 *                   *( OWS ";" OWS [ name "=" ( token / quoted-string ) ] )
 *
 * The field is read once, and each range is held against all of the types
 * asked for ("wants") as it passes, so that nothing needs to be stored.
 *
 * As the RFC says, a parameter "q" is the weight wherever it stands, and any
 * other parameter belongs to the range, also after "q": RFC 9110 has no more
 * accept-ext.  One thing is read that the RFC does not have: a weight without
 * its zero, as Java's HttpURLConnection sends it (";q=.2").
 *
 * Invariants: a member which cannot be read changes nothing, and a reader
 * that fails stands before what it could not read, so that the rest of the
 * member is skipped with its quoted commas.
 */


#include "adm_accept.h"


#define ADM_ACCEPT_BEST        1000

#define adm_accept_lower(c)                                                  \
    ((c) >= 'A' && (c) <= 'Z' ? (c) | 0x20 : (c))


/* ranks of ranges; each parameter that is met adds one */

#define ADM_ACCEPT_ANY         (1u << 24)
#define ADM_ACCEPT_TYPE        (2u << 24)
#define ADM_ACCEPT_EXPLICIT    (3u << 24)


typedef struct {
    const char           *type;
    const char           *subtype;        /* and parameters */
    size_t                type_len;
    size_t                subtype_len;    /* without parameters */
    unsigned              rank;           /* of this range, 0: not meant */
    unsigned              best;           /* rank of the best range so far */
    int                   quality;        /* by the best, thousandths */
} adm_accept_want_t;


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} adm_accept_reader_t;


static adm_accept_want_t adm_accept_want(const char *type,
    const char *subtype);
static void adm_accept_read(adm_str_t accept, adm_accept_want_t *wants,
    size_t n);
static int adm_accept_member(adm_accept_reader_t *rd,
    adm_accept_want_t *wants, size_t n);
static int adm_accept_params(adm_accept_reader_t *rd,
    adm_accept_want_t *wants, size_t n);
static int adm_accept_param(adm_accept_reader_t *rd, adm_str_t *name,
    adm_str_t *value);
static int adm_accept_next(adm_accept_reader_t *rd);
static unsigned adm_accept_rank(const adm_accept_want_t *want,
    adm_str_t type, adm_str_t subtype);
static void adm_accept_narrow(adm_accept_want_t *want, adm_str_t name,
    adm_str_t value);
static int adm_accept_weight(adm_str_t value);
static int adm_accept_is_explicit(const adm_accept_want_t *want);
static int adm_accept_same(adm_str_t token, const char *want, size_t len);
static int adm_accept_same_value(adm_str_t value, const char *want,
    size_t len);
static int adm_accept_star(adm_str_t token);
static int adm_accept_token(adm_accept_reader_t *rd, adm_str_t *token);
static int adm_accept_quoted(adm_accept_reader_t *rd, adm_str_t *quoted);
static int adm_accept_char(adm_accept_reader_t *rd, unsigned char c);
static void adm_accept_spaces(adm_accept_reader_t *rd);


int
adm_accept_quality(adm_str_t accept, const char *type, const char *subtype)
{
    adm_accept_want_t  want;

    want = adm_accept_want(type, subtype);
    adm_accept_read(accept, &want, 1);

    return want.quality;
}


int
adm_accept_explicit(adm_str_t accept, const char *type, const char *subtype)
{
    adm_accept_want_t  want;

    want = adm_accept_want(type, subtype);
    adm_accept_read(accept, &want, 1);

    return adm_accept_is_explicit(&want);
}


int
adm_accept_html(adm_str_t accept)
{
    int                i, html, json;
    adm_accept_want_t  wants[4];

    /* JSON has no charset, but clients who ask for UTF-8 get it */

    wants[0] = adm_accept_want("text", "html;charset=utf-8");
    wants[1] = adm_accept_want("application", "xhtml+xml;charset=utf-8");
    wants[2] = adm_accept_want("application", "problem+json;charset=utf-8");
    wants[3] = adm_accept_want("application", "json;charset=utf-8");

    adm_accept_read(accept, wants, 4);

    html = 0;
    json = 0;

    for (i = 0; i < 2; i++) {

        if (adm_accept_is_explicit(&wants[i]) && wants[i].quality > html) {
            html = wants[i].quality;
        }

        if (wants[i + 2].quality > json) {
            json = wants[i + 2].quality;
        }
    }

    return html > 0 && html >= json;
}


static adm_accept_want_t
adm_accept_want(const char *type, const char *subtype)
{
    adm_accept_want_t  want;

    want.type = type;
    want.subtype = subtype;
    want.type_len = strlen(type);
    want.subtype_len = strcspn(subtype, ";");
    want.rank = 0;
    want.best = 0;
    want.quality = 0;

    return want;
}


static void
adm_accept_read(adm_str_t accept, adm_accept_want_t *wants, size_t n)
{
    int                  readable;
    size_t               i;
    adm_accept_reader_t  rd;

    readable = 0;

    if (accept.len != 0) {
        rd.p = accept.data;
        rd.end = accept.data + accept.len;

        do {

            if (adm_accept_member(&rd, wants, n) == ADM_OK) {
                readable = 1;
            }

        } while (adm_accept_next(&rd));
    }

    if (!readable) {

        for (i = 0; i < n; i++) {
            wants[i].quality = ADM_ACCEPT_BEST;
        }
    }
}


static int
adm_accept_member(adm_accept_reader_t *rd, adm_accept_want_t *wants, size_t n)
{
    int        quality;
    size_t     i;
    adm_str_t  type, subtype;

    adm_accept_spaces(rd);

    if (adm_accept_token(rd, &type) != ADM_OK
        || adm_accept_char(rd, '/') != ADM_OK
        || adm_accept_token(rd, &subtype) != ADM_OK)
    {
        return ADM_ERROR;
    }

    if (adm_accept_star(type) && !adm_accept_star(subtype)) {
        return ADM_ERROR;
    }

    for (i = 0; i < n; i++) {
        wants[i].rank = adm_accept_rank(&wants[i], type, subtype);
    }

    quality = adm_accept_params(rd, wants, n);

    if (quality == ADM_ERROR) {
        return ADM_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (wants[i].rank > wants[i].best) {
            wants[i].best = wants[i].rank;
            wants[i].quality = quality;

        } else if (wants[i].rank != 0 && wants[i].rank == wants[i].best
                   && quality > wants[i].quality)
        {
            wants[i].quality = quality;
        }
    }

    return ADM_OK;
}


/* reads the parameters up to the member's end and returns its weight */

static int
adm_accept_params(adm_accept_reader_t *rd, adm_accept_want_t *wants, size_t n)
{
    int        quality;
    size_t     i;
    adm_str_t  name, value;

    quality = ADM_ACCEPT_BEST;

    for ( ;; ) {
        adm_accept_spaces(rd);

        if (rd->p == rd->end || *rd->p == ',') {
            return quality;
        }

        if (adm_accept_char(rd, ';') != ADM_OK) {
            return ADM_ERROR;
        }

        adm_accept_spaces(rd);

        /* a parameter may be missing */

        if (rd->p == rd->end || *rd->p == ',' || *rd->p == ';') {
            continue;
        }

        if (adm_accept_param(rd, &name, &value) != ADM_OK) {
            return ADM_ERROR;
        }

        if (adm_accept_same(name, "q", 1)) {
            quality = adm_accept_weight(value);

            if (quality == ADM_ERROR) {
                return ADM_ERROR;
            }

            continue;
        }

        for (i = 0; i < n; i++) {
            adm_accept_narrow(&wants[i], name, value);
        }
    }
}


static int
adm_accept_param(adm_accept_reader_t *rd, adm_str_t *name, adm_str_t *value)
{
    if (adm_accept_token(rd, name) != ADM_OK
        || adm_accept_char(rd, '=') != ADM_OK)
    {
        return ADM_ERROR;
    }

    if (rd->p < rd->end && *rd->p == '"') {
        return adm_accept_quoted(rd, value);
    }

    return adm_accept_token(rd, value);
}


/* goes behind the comma that ends the member; 0: there is none */

static int
adm_accept_next(adm_accept_reader_t *rd)
{
    adm_str_t  quoted;

    while (rd->p < rd->end) {

        if (*rd->p == '"') {

            if (adm_accept_quoted(rd, &quoted) != ADM_OK) {
                return 0;
            }

            continue;
        }

        if (*rd->p++ == ',') {
            return 1;
        }
    }

    return 0;
}


static unsigned
adm_accept_rank(const adm_accept_want_t *want, adm_str_t type,
    adm_str_t subtype)
{
    if (adm_accept_star(type)) {
        return ADM_ACCEPT_ANY;
    }

    if (!adm_accept_same(type, want->type, want->type_len)) {
        return 0;
    }

    if (adm_accept_star(subtype)) {
        return ADM_ACCEPT_TYPE;
    }

    if (!adm_accept_same(subtype, want->subtype, want->subtype_len)) {
        return 0;
    }

    return ADM_ACCEPT_EXPLICIT;
}


/* a range with a parameter means only what has the same one */

static void
adm_accept_narrow(adm_accept_want_t *want, adm_str_t name, adm_str_t value)
{
    size_t       len, n;
    const char  *param;

    if (want->rank == 0) {
        return;
    }

    param = want->subtype + want->subtype_len;

    while (*param != '\0') {
        param++;
        len = strcspn(param, ";");
        n = strcspn(param, "=");

        if (n < len
            && adm_accept_same(name, param, n)
            && adm_accept_same_value(value, param + n + 1, len - n - 1))
        {
            want->rank++;
            return;
        }

        param += len;
    }

    want->rank = 0;
}


/* 12.4.2: "0" or "1" and up to three digits, 1.000 at most */

static int
adm_accept_weight(adm_str_t value)
{
    int     weight, unit;
    size_t  i;

    weight = 0;
    i = 0;

    if (value.data[0] == '0' || value.data[0] == '1') {
        weight = (value.data[0] - '0') * ADM_ACCEPT_BEST;
        i = 1;

        if (value.len == 1) {
            return weight;
        }

    } else if (value.len == 1) {
        return ADM_ERROR;
    }

    if (value.data[i++] != '.' || value.len - i > 3) {
        return ADM_ERROR;
    }

    for (unit = ADM_ACCEPT_BEST / 10; i < value.len; i++, unit /= 10) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return ADM_ERROR;
        }

        weight += (value.data[i] - '0') * unit;
    }

    return weight <= ADM_ACCEPT_BEST ? weight : ADM_ERROR;
}


static int
adm_accept_is_explicit(const adm_accept_want_t *want)
{
    return want->best >= ADM_ACCEPT_EXPLICIT && want->quality > 0;
}


/* a token against "len" characters, in either case */

static int
adm_accept_same(adm_str_t token, const char *want, size_t len)
{
    size_t  i;

    if (token.len != len) {
        return 0;
    }

    /* nearly all senders write what we have in our case */

    if (memcmp(token.data, want, len) == 0) {
        return 1;
    }

    for (i = 0; i < len; i++) {

        if (adm_accept_lower(token.data[i])
            != adm_accept_lower((unsigned char) want[i]))
        {
            return 0;
        }
    }

    return 1;
}


/* the same for a value: a token, or a quoted string without its quoting */

static int
adm_accept_same_value(adm_str_t value, const char *want, size_t len)
{
    size_t  i, j;

    if (value.data[0] != '"') {
        return adm_accept_same(value, want, len);
    }

    for (i = 1, j = 0; i < value.len - 1; i++, j++) {

        if (value.data[i] == '\\') {
            i++;
        }

        if (j == len
            || adm_accept_lower(value.data[i])
               != adm_accept_lower((unsigned char) want[j]))
        {
            return 0;
        }
    }

    return j == len;
}


static int
adm_accept_star(adm_str_t token)
{
    return token.len == 1 && token.data[0] == '*';
}


/* 5.6.2, at least one character */

static int
adm_accept_token(adm_accept_reader_t *rd, adm_str_t *token)
{
    static const uint32_t  tchars[] = {

        /* no control characters */
        0x00000000, /* 0000 0000 0000 0000  0000 0000 0000 0000 */

                    /* ?>=< ;:98 7654 3210  /.-, +*)( '&%$ #"!  */
        0x03ff6cfa, /* 0000 0011 1111 1111  0110 1100 1111 1010 */

                    /* _^]\ [ZYX WVUT SRQP  ONML KJIH GFED CBA@ */
        0xc7fffffe, /* 1100 0111 1111 1111  1111 1111 1111 1110 */

                    /*  ~}| {zyx wvut srqp  onml kjih gfed cba` */
        0x57ffffff, /* 0101 0111 1111 1111  1111 1111 1111 1111 */
    };

    const unsigned char  *p, *end;

    end = rd->end;

    for (p = rd->p; p < end; p++) {

        if (*p >= 0x80 || !(tchars[*p >> 5] & (1u << (*p & 0x1f)))) {
            break;
        }
    }

    token->data = rd->p;
    token->len = (size_t) (p - rd->p);
    rd->p = p;

    return token->len != 0 ? ADM_OK : ADM_ERROR;
}


/* 5.6.4, with its quotes; not closed: the reader stays before it */

static int
adm_accept_quoted(adm_accept_reader_t *rd, adm_str_t *quoted)
{
    const unsigned char  *p;

    for (p = rd->p + 1; p < rd->end; p++) {

        if (*p == '\\') {

            if (++p == rd->end) {
                break;
            }

            continue;
        }

        if (*p == '"') {
            quoted->data = rd->p;
            quoted->len = (size_t) (p + 1 - rd->p);
            rd->p = p + 1;

            return ADM_OK;
        }
    }

    return ADM_ERROR;
}


static int
adm_accept_char(adm_accept_reader_t *rd, unsigned char c)
{
    if (rd->p == rd->end || *rd->p != c) {
        return ADM_ERROR;
    }

    rd->p++;

    return ADM_OK;
}


static void
adm_accept_spaces(adm_accept_reader_t *rd)
{
    while (rd->p < rd->end && (*rd->p == ' ' || *rd->p == '\t')) {
        rd->p++;
    }
}
