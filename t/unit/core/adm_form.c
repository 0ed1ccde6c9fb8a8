
/*
 * The story: a shop's form says which SKU is ordered.  Somebody sends the
 * field twice, or under a name that the edge takes for another and the shop
 * takes for it, so that one unit is set aside here and another sold there.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_form.c"


static unsigned char  got[256];
static adm_str_t      value;


/* from memory that ends where the texts do */

static adm_form_rc_e
field_of(const char *form, size_t len, const char *name)
{
    adm_str_t       f, n;
    unsigned char  *copy, *key, *buf;
    adm_form_rc_e   rc;

    copy = malloc(len ? len : 1);
    buf = malloc(len ? len : 1);
    key = malloc(strlen(name));
    memcpy(copy, form, len);
    memcpy(key, name, strlen(name));

    f.len = len;
    f.data = copy;
    n.len = strlen(name);
    n.data = key;

    rc = adm_form_field(f, n, buf, &value);

    if (rc == ADM_FORM_OK) {
        memcpy(got, value.data, value.len);
        value.data = got;
    }

    free(copy);
    free(buf);
    free(key);

    return rc;
}


static adm_form_rc_e
field(const char *form)
{
    return field_of(form, strlen(form), "sku");
}


static void
good(const char *form, const char *expected, const char *name)
{
    adm_form_rc_e  rc;

    rc = field(form);

    is_int(rc, ADM_FORM_OK, name);

    if (rc == ADM_FORM_OK) {
        is_mem(value.data, value.len, expected, strlen(expected), name);
    }
}


static void
values(void)
{
    good("sku=A-1", "A-1", "alone");
    good("a=1&sku=A-1&b=2", "A-1", "among others");
    good("&&sku=A-1&", "A-1", "among nothing");
    good("sku=", "", "empty");
    good("sku", "", "without a mark");
    good("sku=a=b", "a=b", "with a mark in it");
    good("sku=a+b%20c%2Bd", "a b c+d", "spaces, and a plus");
    good("s%6Bu=A", "A", "an escaped name");
    good("%73%6b%75=A", "A", "all of it");
    good("sku=%c3%a4%41", "\xc3\xa4" "A", "bytes");
    good("sku=A;x=1", "A;x=1", "a semicolon is a part of it");
    good("asku=B&skus=C&sk=D&sku=A&ku=E", "A", "similar names");
    good("a=%zz&sku=A", "A", "what is wrong with others is theirs");
    good("sku.x=B&sku=A", "A", "a longer name is another");

    is_int(field("sku=a%00b"), ADM_FORM_OK, "a zero byte");
    is_mem(value.data, value.len, "a\0b", 3, "... is in the value");
}


static void
absent(void)
{
    is_int(field(""), ADM_FORM_ABSENT, "nothing");
    is_int(field("a=1"), ADM_FORM_ABSENT, "another");
    is_int(field("a=sku&=sku"), ADM_FORM_ABSENT, "a value");
    is_int(field("SKU=A"), ADM_FORM_ABSENT, "in another case");
    is_int(field("sku[]=A"), ADM_FORM_ABSENT, "an array");
    is_int(field("+sku=A"), ADM_FORM_ABSENT, "a space before it");
    is_int(field("a=1;sku=A"), ADM_FORM_ABSENT, "behind a semicolon");
    is_int(field_of("sku%00=A", 8, "sku"), ADM_FORM_ABSENT, "a zero byte");
}


static void
doubled(void)
{
    size_t  i;

    static const char  *forms[] = {
        "sku=A&sku=A", "sku=A&sku=B", "sku=A&s%6bu=B", "sku=A&sku",
        "sku=A&SKU=B", "Sku=B&sku=A", "sku=A&sku[]=B", "sku[0]=B&sku=A",
        "sku=A&+sku=B", "%20%20sku=B&sku=A", "sku=A&sku%00x=B",
        "x=1;sku=B&sku=A", "sku=A;sku=B", "sku=A&x;SKU=B", "sku=A&sku%5B=B"
    };

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        is_int(field(forms[i]), ADM_FORM_DOUBLED, forms[i]);
    }
}


static void
bad(void)
{
    size_t  i;

    static const char  *forms[] = {
        "sku=%", "sku=%4", "sku=%4g", "sku=%g4", "sku=A%", "s%ku=A&sku=B",
        "sku=B&s%", "%=1&sku=A"
    };

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        is_int(field(forms[i]), ADM_FORM_BAD, forms[i]);
    }
}


/* brackets of the name itself are read as they are written */

static void
named(void)
{
    const char  *cart = "items[0][sku]=A&items[0][n]=2&items[1][sku]=B";
    const char  *both = "items%5B0%5D%5Bsku%5D=A&items[0][SKU]=B";

    is_int(field_of(cart, strlen(cart), "items[0][sku]"), ADM_FORM_OK,
           "an element of an array");
    is_mem(value.data, value.len, "A", 1, "... and not another one");
    is_int(field_of(both, strlen(both), "items[0][sku]"), ADM_FORM_DOUBLED,
           "... in either case");

    is_int(field_of("sku[]=A&sku[]=B", 15, "sku[]"), ADM_FORM_DOUBLED,
           "several elements of an array");
    is_int(field_of("a_b=1&a.b=2", 11, "a_b"), ADM_FORM_DOUBLED,
           "a dot for an underscore");
    is_int(field_of("a_b=1&a+b=2", 11, "a_b"), ADM_FORM_DOUBLED,
           "a space for an underscore");
    is_int(field_of("a b=1", 5, "a b"), ADM_FORM_OK, "a space as it is");
}


int
main(void)
{
    values();
    absent();
    doubled();
    bad();
    named();

    return unit_done();
}
