
/*
 * Fuzzes the reader of forms: a name, a line feed, and a form.  A field that
 * was found is no longer certain with another one of its name, wherever that
 * stands and however it is escaped; one that is absent is found when added.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_form.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* with the field once more, escaped, in front of the form or behind it */

static adm_form_rc_e
again(adm_str_t form, adm_str_t name, int before)
{
    size_t          i;
    char           *text, *p;
    adm_str_t       longer, value;
    unsigned char  *buf;
    adm_form_rc_e   rc;

    text = malloc(form.len + 3 * name.len + 8);
    p = text;

    if (!before) {
        memcpy(p, form.data, form.len);
        p += form.len;
        *p++ = '&';
    }

    for (i = 0; i < name.len; i++) {
        p += sprintf(p, "%%%02x", name.data[i]);
    }

    p += sprintf(p, "=%%41b&");

    if (before) {
        memcpy(p, form.data, form.len);
        p += form.len;
    }

    longer.data = (unsigned char *) text;
    longer.len = (size_t) (p - text);

    buf = malloc(longer.len);
    rc = adm_form_field(longer, name, buf, &value);

    if (rc == ADM_FORM_OK) {
        hold(value.data == buf && value.len == 2);
        hold(memcmp(buf, "Ab", 2) == 0);
    }

    free(buf);
    free(text);

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    adm_str_t             name, form, value;
    unsigned char        *buf;
    adm_form_rc_e         rc, first, last;
    const unsigned char  *line;

    line = size ? memchr(data, '\n', size) : NULL;

    if (line == NULL || line == data) {
        return 0;
    }

    name.data = data;
    name.len = (size_t) (line - data);
    form.data = line + 1;
    form.len = size - name.len - 1;

    buf = malloc(form.len ? form.len : 1);
    rc = adm_form_field(form, name, buf, &value);

    hold(rc != ADM_FORM_OK || (value.data == buf && value.len <= form.len));

    free(buf);

    first = again(form, name, 1);
    last = again(form, name, 0);

    hold(first == last);

    switch (rc) {

    case ADM_FORM_OK:
    case ADM_FORM_DOUBLED:
        hold(first == ADM_FORM_DOUBLED);
        break;

    case ADM_FORM_ABSENT:
        hold(first == ADM_FORM_OK || first == ADM_FORM_DOUBLED);
        break;

    default:                       /* ADM_FORM_BAD */
        hold(first == ADM_FORM_BAD || first == ADM_FORM_DOUBLED);
    }

    return 0;
}
