
/*
 * Fuzzes the reader of answers that were kept: whatever it reads is, written
 * again, the same bytes, and holds no field that is two.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_kept.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
one_line(adm_str_t s)
{
    hold(s.len == 0
         || (memchr(s.data, '\r', s.len) == NULL
             && memchr(s.data, '\n', s.len) == NULL
             && memchr(s.data, '\0', s.len) == NULL));
}


static void
again(const uint8_t *data, size_t size, adm_kept_t *kept)
{
    adm_str_t       fields, name, value;
    unsigned char  *text, *p;

    text = malloc(size);
    hold(text != NULL);

    p = adm_kept_head(text, kept->status, kept->type, kept->charset);
    fields = kept->fields;

    while (adm_kept_next(&fields, &name, &value)) {
        hold(name.len != 0 && memchr(name.data, ':', name.len) == NULL);

        one_line(name);
        one_line(value);

        p = adm_kept_field(p, name, value);
    }

    hold(fields.len == 0);

    p = adm_kept_end(p);

    if (kept->body.len) {
        memcpy(p, kept->body.data, kept->body.len);
    }

    adm_kept_close(text, kept->body.len);

    hold((size_t) (p - text) + kept->body.len == size);
    hold(memcmp(text, data, size) == 0);

    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    adm_str_t   s, named, name;
    adm_kept_t  kept;

    s.len = size;
    s.data = data;

    kept.status = 77;

    if (adm_kept_read(s, &kept) == ADM_OK) {
        one_line(kept.type);
        one_line(kept.charset);
        again(data, size, &kept);

    } else {
        hold(kept.status == 77);
    }

    name.len = size / 2;
    name.data = data;

    named.len = size - size / 2;
    named.data = data + size / 2;

    (void) adm_kept_lasts(name, named);

    return 0;
}
