
/*
 * Answers that are kept.
 */


#include "adm_kept.h"


#define adm_kept_2(p)  ((size_t) (p)[0] << 8 | (p)[1])


static unsigned char *adm_kept_put(unsigned char *p, size_t n,
    unsigned bytes);
static unsigned char *adm_kept_text(unsigned char *p, adm_str_t s);
static int adm_kept_take(adm_str_t *s, size_t len, adm_str_t *part);
static int adm_kept_fields(adm_str_t *s, adm_str_t *fields);
static int adm_kept_name(adm_str_t s);
static int adm_kept_value(adm_str_t s);
static int adm_kept_same(adm_str_t one, const char *two, size_t len);
static unsigned char adm_kept_lower(unsigned char c);
static int adm_kept_listed(adm_str_t name, adm_str_t list);


/* of the answer alone; a name that ends with "-" stands for all of its kind */

static const char  *adm_kept_passing[] = {
    "Admission-", "Age", "Connection", "Content-Length", "Date",
    "Idempotent-Replayed", "Keep-Alive", "Proxy-", "Server", "Set-Cookie",
    "Set-Cookie2", "TE", "Trailer", "Transfer-Encoding", "Upgrade"
};


unsigned char *
adm_kept_head(unsigned char *p, unsigned status, adm_str_t type,
    adm_str_t charset)
{
    *p++ = 1;

    p = adm_kept_put(p, status, 2);
    p = adm_kept_put(p, 0, 4);
    p = adm_kept_put(p, type.len, 2);
    p = adm_kept_put(p, charset.len, 2);
    p = adm_kept_text(p, type);

    return adm_kept_text(p, charset);
}


unsigned char *
adm_kept_field(unsigned char *p, adm_str_t name, adm_str_t value)
{
    p = adm_kept_put(p, name.len, 2);
    p = adm_kept_put(p, value.len, 2);
    p = adm_kept_text(p, name);

    return adm_kept_text(p, value);
}


unsigned char *
adm_kept_end(unsigned char *p)
{
    return adm_kept_put(p, 0, 2);
}


void
adm_kept_close(unsigned char *kept, size_t len)
{
    (void) adm_kept_put(kept + 3, len, 4);
}


static unsigned char *
adm_kept_put(unsigned char *p, size_t n, unsigned bytes)
{
    while (bytes--) {
        *p++ = (unsigned char) (n >> (8 * bytes));
    }

    return p;
}


static unsigned char *
adm_kept_text(unsigned char *p, adm_str_t s)
{
    if (s.len) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}


int
adm_kept_read(adm_str_t s, adm_kept_t *kept)
{
    size_t      len, type;
    adm_str_t   head;
    adm_kept_t  read;

    if (adm_kept_take(&s, ADM_KEPT_HEAD, &head) != ADM_OK
        || head.data[0] != 1)
    {
        return ADM_ERROR;
    }

    read.status = (unsigned) adm_kept_2(head.data + 1);
    len = adm_kept_2(head.data + 3) << 16 | adm_kept_2(head.data + 5);
    type = adm_kept_2(head.data + 7);

    if (read.status < 200 || read.status > 599
        || adm_kept_take(&s, type, &read.type) != ADM_OK
        || adm_kept_take(&s, adm_kept_2(head.data + 9), &read.charset)
           != ADM_OK
        || !adm_kept_value(read.type) || !adm_kept_value(read.charset)
        || adm_kept_fields(&s, &read.fields) != ADM_OK
        || s.len != len)
    {
        return ADM_ERROR;
    }

    read.body = s;
    *kept = read;

    return ADM_OK;
}


/* the first "len" bytes of "s", which loses them */

static int
adm_kept_take(adm_str_t *s, size_t len, adm_str_t *part)
{
    if (s->len < len) {
        return ADM_ERROR;
    }

    part->len = len;
    part->data = s->data;

    s->len -= len;

    if (len) {
        s->data += len;
    }

    return ADM_OK;
}


/* all fields, and "s" goes on behind their end */

static int
adm_kept_fields(adm_str_t *s, adm_str_t *fields)
{
    adm_str_t  rest, name, value;

    rest = *s;

    while (adm_kept_next(&rest, &name, &value)) {

        if (!adm_kept_name(name) || !adm_kept_value(value)) {
            return ADM_ERROR;
        }
    }

    if (rest.len < ADM_KEPT_END || adm_kept_2(rest.data) != 0) {
        return ADM_ERROR;
    }

    fields->data = s->data;
    fields->len = s->len - rest.len;

    s->data = rest.data + ADM_KEPT_END;
    s->len = rest.len - ADM_KEPT_END;

    return ADM_OK;
}


int
adm_kept_next(adm_str_t *fields, adm_str_t *name, adm_str_t *value)
{
    size_t     len;
    adm_str_t  rest, head;

    rest = *fields;

    if (adm_kept_take(&rest, ADM_KEPT_FIELD, &head) != ADM_OK) {
        return 0;
    }

    len = adm_kept_2(head.data);

    if (len == 0
        || adm_kept_take(&rest, len, name) != ADM_OK
        || adm_kept_take(&rest, adm_kept_2(head.data + 2), value) != ADM_OK)
    {
        return 0;
    }

    *fields = rest;

    return 1;
}


/* a token of RFC 9110, 5.6.2 */

static int
adm_kept_name(adm_str_t s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s.len; i++) {
        c = adm_kept_lower(s.data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')
            && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
        {
            return 0;
        }
    }

    return s.len != 0;
}


/* nothing that ends a line, or a string */

static int
adm_kept_value(adm_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == '\0') {
            return 0;
        }
    }

    return 1;
}


int
adm_kept_lasts(adm_str_t name, adm_str_t named)
{
    size_t       i, len;
    const char  *passing;

    for (i = 0; i < sizeof(adm_kept_passing) / sizeof(char *); i++) {
        passing = adm_kept_passing[i];
        len = strlen(passing);

        if ((passing[len - 1] == '-' ? name.len >= len : name.len == len)
            && adm_kept_same(name, passing, len))
        {
            return 0;
        }
    }

    return !adm_kept_listed(name, named);
}


/* the first "len" characters, in any case */

static int
adm_kept_same(adm_str_t one, const char *two, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (adm_kept_lower(one.data[i])
            != adm_kept_lower((unsigned char) two[i]))
        {
            return 0;
        }
    }

    return 1;
}


static unsigned char
adm_kept_lower(unsigned char c)
{
    return (unsigned char) ((c >= 'A' && c <= 'Z') ? c | 0x20 : c);
}


/* whether it is an element of a list with commas */

static int
adm_kept_listed(adm_str_t name, adm_str_t list)
{
    size_t                i, start;
    const unsigned char  *p;

    start = 0;

    for (i = 0; i <= list.len; i++) {

        if (i < list.len && list.data[i] != ',' && list.data[i] != ' '
            && list.data[i] != '\t')
        {
            continue;
        }

        p = list.data + start;

        if (i - start == name.len && name.len
            && adm_kept_same(name, (const char *) p, name.len))
        {
            return 1;
        }

        start = i + 1;
    }

    return 0;
}
