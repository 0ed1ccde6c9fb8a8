
/*
 * The story: a shopper presses twice, and both requests must be seen as one.
 * So a key is the same with quotes or without; and what is not clearly one
 * key, as two fields in one, is none, since to take half of it for the whole
 * would give one shopper's answer to another, or execute an order twice.
 */


#include "unit.h"
#include "../../../src/core/adm_key.c"


static unsigned char  key[ADM_KEY_MAX + 1];
static size_t         len;


static int
reads(const char *text, size_t size)
{
    adm_str_t  s;

    s.len = size;
    s.data = (const unsigned char *) text;

    key[ADM_KEY_MAX] = 0xa5;
    len = 0;

    return adm_key_read(s, key, &len);
}


static void
readings(void)
{
    size_t  i;

    static const struct {
        const char  *text;
        const char  *key;
    } good[] = {
        { "a", "a" },
        { "8e03978e-40d5-43dd-bc93-6894a57f9324",
          "8e03978e-40d5-43dd-bc93-6894a57f9324" },
        { "a+b/c==:.~!#$%&'*^_`|@()<>?[]{}", "a+b/c==:.~!#$%&'*^_`|@()<>?[]{}"
          },
        { "\"a\"", "a" },
        { "\"8e03978e\"", "8e03978e" },
        { "\"a b\"", "a b" },
        { "\" \"", " " },
        { "\"a,b;c\"", "a,b;c" },
        { "\"\\\"\"", "\"" },
        { "\"\\\\\"", "\\" },
        { "\"a\\\"b\\\\c\"", "a\"b\\c" },
    };

    static const char  *bad[] = {
        "", "\"", "\"\"", "\"a", "a\"", "\"a\"b", "\"a\" ", " \"a\"",
        "\"a\"\"b\"", "\"a\";b=1", "\"\\", "\"\\\"", "\"a\\b\"", "\"\\n\"",
        "a b", " a", "a ", "a,b", "a, b", ",a", "a;b", "a\\b", "a\"b", "a\t",
        "a\x7f", "\xc3\xa4", "\"\xc3\xa4\"", "\"a\tb\"", "\"a\x7f\"",
        "\"a\", \"b\"", "a, a",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_int(reads(good[i].text, strlen(good[i].text)), ADM_OK,
               good[i].text);
        is_mem(key, len, good[i].key, strlen(good[i].key), "  its key");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(reads(bad[i], strlen(bad[i])), ADM_ERROR, bad[i]);
    }

    is_int(reads("a\0b", 3), ADM_ERROR, "no NUL in a token");
    is_int(reads("\"a\0b\"", 5), ADM_ERROR, "none in quotes");
    is_int(reads("a\n", 2), ADM_ERROR, "no newline in a token");
    is_int(reads("\"a\n\"", 4), ADM_ERROR, "none in quotes");
    is_int(reads(NULL, 0), ADM_ERROR, "nothing at all");
}


static void
sizes(void)
{
    size_t  i;
    char    text[2 * ADM_KEY_MAX + 4];

    memset(text, 'k', sizeof(text));

    is_int(reads(text, ADM_KEY_MAX), ADM_OK, "255 characters");
    is_uint(len, ADM_KEY_MAX, "  all of them");
    is_int(reads(text, ADM_KEY_MAX + 1), ADM_ERROR, "256 are too many");

    text[0] = '"';
    text[ADM_KEY_MAX + 1] = '"';
    is_int(reads(text, ADM_KEY_MAX + 2), ADM_OK, "255 in quotes");
    is_uint(len, ADM_KEY_MAX, "  without them");

    text[ADM_KEY_MAX + 1] = 'k';
    text[ADM_KEY_MAX + 2] = '"';
    is_int(reads(text, ADM_KEY_MAX + 3), ADM_ERROR, "256 in quotes");

    for (i = 1; i <= 2 * ADM_KEY_MAX; i++) {
        text[i] = '\\';
    }

    text[i] = '"';
    is_int(reads(text, i + 1), ADM_OK, "255 that are escaped");
    is_uint(len, ADM_KEY_MAX, "  count once");
    is_uint(key[ADM_KEY_MAX], 0xa5, "nothing is written behind them");
}


int
main(void)
{
    readings();
    sizes();

    return unit_done();
}
