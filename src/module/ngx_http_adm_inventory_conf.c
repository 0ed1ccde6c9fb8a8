
/*
 * admission_inventory VALUE [quantity=VALUE] [mode=check|reserve] [hold=TIME]
 *     [buyer=VALUE] [per_buyer=N/TIME] [unresolved=keep|return]
 *     [commit=STATUS,...] [release=STATUS,...] [methods=METHOD,...]
 *     [key=TEXT] [zone=NAME]
 * admission_inventory off
 */


#include <ngx_http_adm_module.h>


static void ngx_http_adm_inventory_defaults(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked);
static ngx_int_t ngx_http_adm_inventory_per_buyer(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_inventory_key(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_inventory_values(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked);
static ngx_int_t ngx_http_adm_inventory_counts(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked);
static ngx_uint_t ngx_http_adm_inventory_parts(ngx_str_t *list);
static ngx_int_t ngx_http_adm_inventory_clashes(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked);
static ngx_int_t ngx_http_adm_inventory_needs(ngx_conf_t *cf,
    ngx_adm_inventory_t *of);
static ngx_int_t ngx_http_adm_inventory_agrees(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *first,
    ngx_http_adm_inventory_conf_t *stocked);
static void ngx_http_adm_stock_key(ngx_adm_stock_t *stock, ngx_str_t *key);
static ngx_int_t ngx_http_adm_inventory_quantity(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_inventory_numbers(ngx_str_t *value);
static ngx_int_t ngx_http_adm_inventory_declare(
    ngx_http_adm_inventory_conf_t *stocked);


#define ngx_http_adm_inventory_at(name)                                       \
    offsetof(ngx_http_adm_inventory_conf_t, name)


static ngx_http_adm_arg_t  ngx_http_adm_inventory_known[] = {

    { "quantity=",
      "a number from 1 to 1000000, or as many of them as there are SKUs, "
      "separated by commas, or have a variable, as \"$arg_quantity\"",
      ngx_http_adm_inventory_quantity,
      ngx_http_adm_inventory_at(values[NGX_ADM_INVENTORY_QUANTITY]),
      0, 0, NULL },

    { "mode=", "\"check\" or \"reserve\"",
      ngx_http_adm_read_word, ngx_http_adm_inventory_at(inventory.reserve),
      0, 0, "check|reserve" },

    { "hold=", "a time from 1s to 7d, as \"10m\"",
      ngx_http_adm_read_time, ngx_http_adm_inventory_at(inventory.hold),
      1000, 7 * 24 * 60 * 60 * 1000, NULL },

    { "buyer=", "who buys, as \"$remote_user\"",
      ngx_http_adm_read_value,
      ngx_http_adm_inventory_at(values[NGX_ADM_INVENTORY_BUYER]),
      0, 0, NULL },

    { "per_buyer=",
      "a number from 1 to 1000000 and a time from 1s to 365d, as \"2/24h\"",
      ngx_http_adm_inventory_per_buyer, ngx_http_adm_inventory_at(inventory),
      0, 0, NULL },

    { "unresolved=", "\"keep\" or \"return\"",
      ngx_http_adm_read_word, ngx_http_adm_inventory_at(inventory.returns),
      0, 0, "keep|return" },

    { "commit=", "statuses as \"2xx,303\", or \"none\"",
      ngx_http_adm_read_statuses, ngx_http_adm_inventory_at(inventory.commit),
      0, 0, NULL },

    { "release=", "statuses as \"4xx,303\", or \"none\"",
      ngx_http_adm_read_statuses, ngx_http_adm_inventory_at(inventory.release),
      0, 0, NULL },

    { "methods=", "some of GET, POST, PUT, PATCH, DELETE, as \"POST,PATCH\"",
      ngx_http_adm_read_methods, ngx_http_adm_inventory_at(inventory.methods),
      0, 0, NULL },

    { "key=", "a text with \"%s\" or \"{%s}\" for the SKU, as "
      "\"inventory:%s\", of letters, digits, \"_\", \".\", \":\" or \"-\"",
      ngx_http_adm_inventory_key, ngx_http_adm_inventory_at(key), 0, 0, NULL },

    { "zone=", "a name",
      ngx_http_adm_read_text, ngx_http_adm_inventory_at(zone), 0, 0, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


char *
ngx_http_adm_use_inventory(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_int_t                       rc;
    ngx_str_t                       name;
    ngx_http_adm_inventory_conf_t  *stocked;

    if (alcf->uses[NGX_ADM_POLICY_INVENTORY]) {
        return "is duplicate";
    }

    rc = ngx_http_adm_check_off(cf);

    if (rc == NGX_DECLINED) {
        alcf->uses[NGX_ADM_POLICY_INVENTORY] =
                                ngx_array_create(cf->pool, 1, sizeof(void *));

        return alcf->uses[NGX_ADM_POLICY_INVENTORY] ? NGX_CONF_OK
                                                    : NGX_CONF_ERROR;
    }

    if (rc != NGX_OK
        || ngx_http_adm_check_first(cf, ngx_http_adm_inventory_known, 1,
                                    "a SKU, as \"$arg_sku\",")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name, "inventory");

    stocked = ngx_http_adm_push_use(cf, alcf, NGX_ADM_POLICY_INVENTORY,
                                    "directive", &name,
                                    sizeof(ngx_http_adm_inventory_conf_t));
    if (stocked == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_adm_inventory_defaults(cf, stocked);

    if (ngx_http_adm_read_args(cf, stocked, ngx_http_adm_inventory_known, 2)
        != NGX_OK
        || ngx_http_adm_inventory_values(cf, stocked) != NGX_OK
        || ngx_http_adm_inventory_counts(cf, stocked) != NGX_OK
        || ngx_http_adm_inventory_clashes(cf, stocked) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    stocked->of.use.policy = &ngx_adm_inventory_policy;
    stocked->of.use.conf = &stocked->inventory;
    stocked->of.use.values = stocked->values;
    stocked->of.use.nvalues = NGX_ADM_INVENTORY_VALUES;
    stocked->of.use.late = 1;
    stocked->of.use.methods = stocked->inventory.methods;

    return NGX_CONF_OK;
}


static void
ngx_http_adm_inventory_defaults(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked)
{
    ngx_str_t             text;
    ngx_adm_inventory_t  *of;

    of = &stocked->inventory;

    of->methods = NGX_HTTP_POST;
    of->hold = 10 * 60 * 1000;

    ngx_str_set(&text, "2xx");
    (void) ngx_http_adm_read_statuses(cf, NULL, &text, &of->commit);

    ngx_str_set(&text, "4xx");
    (void) ngx_http_adm_read_statuses(cf, NULL, &text, &of->release);

    ngx_str_set(&stocked->key, "inventory:%s");
}


/* "2/24h" */

static ngx_int_t
ngx_http_adm_inventory_per_buyer(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_adm_inventory_t  *of = field;

    u_char     *slash, *end;
    ngx_int_t   s;
    ngx_str_t   time;
    adm_str_t   count;

    end = value->data + value->len;
    slash = ngx_strlchr(value->data, end, '/');

    if (slash == NULL || slash + 1 == end) {
        return NGX_DECLINED;
    }

    count.len = slash - value->data;
    count.data = value->data;
    time.len = end - slash - 1;
    time.data = slash + 1;

    s = ngx_parse_time(&time, 1);

    if (s < 1 || s > 365 * 24 * 60 * 60
        || adm_uint_parse(count, 1, ADM_QUANTITY_MAX, &of->per_buyer)
           != ADM_OK)
    {
        return NGX_DECLINED;
    }

    of->per_time = s;

    return NGX_OK;
}


/* braces say where the slot's part of a key is, which must be the SKU alone */

static ngx_int_t
ngx_http_adm_inventory_key(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    u_char     *p, *end, *before, *after, text[ADM_NAME_MAX];
    adm_str_t   word;

    end = value->data + value->len;
    p = ngx_strnstr(value->data, "%s", value->len);

    if (p == NULL || value->len > ADM_NAME_MAX) {
        return NGX_DECLINED;
    }

    before = p;
    after = p + 2;

    if (before > value->data && before[-1] == '{' && after < end
        && *after == '}')
    {
        before--;
        after++;
    }

    /* a letter in its place: all else must be as keys are */

    word.data = text;

    p = ngx_cpymem(text, value->data, before - value->data);
    *p++ = 'A';
    word.len = ngx_cpymem(p, after, end - after) - text;

    if (!adm_word_valid(word, ADM_NAME_MAX, "_.:-")) {
        return NGX_DECLINED;
    }

    *(ngx_str_t *) field = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_inventory_quantity(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_http_complex_value_t  *quantity = field;

    text = *value;

    if (ngx_http_adm_once_field(cf, &text) != NGX_OK
        || ngx_http_adm_once_argument(cf, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_adm_read_value(cf, arg, &text, field);

    return (rc != NGX_OK || quantity->lengths)
           ? rc : ngx_http_adm_inventory_numbers(value);
}


/* NGX_DECLINED: with one of these every request is wrong */

static ngx_int_t
ngx_http_adm_inventory_numbers(ngx_str_t *value)
{
    uint64_t   n;
    ngx_str_t  list, word;
    adm_str_t  text;

    list = *value;

    while (ngx_http_adm_next_word(&list, &word)) {
        text.len = word.len;
        text.data = word.data;

        if (adm_uint_parse(text, 1, ADM_QUANTITY_MAX, &n) != ADM_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* what is not given is empty; SKUs that are given as they are can be read */

static ngx_int_t
ngx_http_adm_inventory_values(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked)
{
    size_t                     n;
    ngx_str_t                 *args, text;
    adm_str_t                  skus, none;
    ngx_uint_t                 i;
    adm_item_t                 items[ADM_CART_ITEMS];
    ngx_http_complex_value_t  *values;

    args = cf->args->elts;
    values = stocked->values;
    text = args[1];

    if (ngx_http_adm_once_field(cf, &text) != NGX_OK
        || ngx_http_adm_once_argument(cf, &text) != NGX_OK
        || ngx_http_adm_compile(cf, &text, &values[NGX_ADM_INVENTORY_SKU])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    stocked->inventory.bought =
                            values[NGX_ADM_INVENTORY_BUYER].value.data != NULL;

    for (i = 0; i < NGX_ADM_INVENTORY_VALUES; i++) {

        if (values[i].value.data == NULL) {
            ngx_str_set(&values[i].value, "");
        }
    }

    if (values[NGX_ADM_INVENTORY_SKU].lengths) {
        return NGX_OK;
    }

    skus.len = args[1].len;
    skus.data = args[1].data;
    none.len = 0;
    none.data = NULL;

    if (adm_cart_read(skus, none, NGX_ADM_CHECKOUT_TEXT, items, &n)
        == ADM_CART_OK)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", it must have a "
                       "variable, as \"$arg_sku\", or be up to %d SKUs "
                       "separated by commas, each of 1 to %d letters, "
                       "digits, \".\", \"_\", \"~\", \":\" or \"-\", and %d "
                       "in all",
                       &args[1], &args[0], ADM_CART_ITEMS, ADM_SKU_MAX,
                       NGX_ADM_CHECKOUT_TEXT);

    return NGX_ERROR;
}


/* what has a variable has as many parts as it has commas, or more */

static ngx_int_t
ngx_http_adm_inventory_counts(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked)
{
    ngx_str_t                 *args;
    ngx_uint_t                 skus, numbers;
    ngx_http_complex_value_t  *sku, *quantity;

    args = cf->args->elts;
    sku = &stocked->values[NGX_ADM_INVENTORY_SKU];
    quantity = &stocked->values[NGX_ADM_INVENTORY_QUANTITY];

    if (quantity->value.len == 0) {
        return NGX_OK;
    }

    skus = ngx_http_adm_inventory_parts(&sku->value);
    numbers = ngx_http_adm_inventory_parts(&quantity->value);

    if ((sku->lengths || numbers <= skus)
        && (quantity->lengths || skus <= numbers))
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" of \"quantity=\" in \"%V\", "
                       "it must have as many numbers as \"%V\" has SKUs",
                       &quantity->value, &args[0], &args[1]);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_adm_inventory_parts(ngx_str_t *list)
{
    ngx_str_t   rest, word;
    ngx_uint_t  n;

    rest = *list;

    for (n = 0; ngx_http_adm_next_word(&rest, &word); n++) { /* void */ }

    return n;
}


static ngx_int_t
ngx_http_adm_inventory_clashes(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *stocked)
{
    ngx_str_t            *args;
    ngx_uint_t            i;
    ngx_adm_inventory_t  *of;

    args = cf->args->elts;
    of = &stocked->inventory;

    if (of->per_buyer && !of->bought) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"per_buyer=\" without \"buyer=\" in \"%V\", "
                           "which tells who buys, as \"buyer=$remote_user\"",
                           &args[0]);
        return NGX_ERROR;
    }

    if (of->per_buyer && !of->reserve) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"per_buyer=\" without \"mode=reserve\" in "
                           "\"%V\", what is not reserved is not counted",
                           &args[0]);
        return NGX_ERROR;
    }

    for (i = 100; i < 612; i++) {

        if (ngx_adm_statuses_has(&of->commit, i)
            && ngx_adm_statuses_has(&of->release, i))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "status %ui is both in \"commit=\" and in "
                               "\"release=\" of \"%V\"", i, &args[0]);
            return NGX_ERROR;
        }
    }

    return ngx_http_adm_inventory_needs(cf, of);
}


/* what has no use without another */

static ngx_int_t
ngx_http_adm_inventory_needs(ngx_conf_t *cf, ngx_adm_inventory_t *of)
{
    ngx_str_t   value, *args;
    ngx_uint_t  i, j;

    struct {
        const char  *name;
        const char  *needed;
        uint64_t     there;
    } needs[] = {
        { "hold=", "mode=reserve", of->reserve },
        { "commit=", "mode=reserve", of->reserve },
        { "release=", "mode=reserve", of->reserve },
        { "unresolved=", "mode=reserve", of->reserve },
        { "buyer=", "per_buyer=", of->per_buyer }
    };

    args = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        for (j = 0; j < sizeof(needs) / sizeof(needs[0]); j++) {

            if (needs[j].there
                || !ngx_http_adm_parameter(&args[i], needs[j].name, &value))
            {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\" in \"%V\" has no use without \"%s\"",
                               needs[j].name, &args[0], needs[j].needed);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_init_stocked(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_inventory_conf_t *stocked)
{
    ngx_http_adm_inventory_conf_t  *first;

    first = amcf->orders->stocked;

    if (first && ngx_http_adm_inventory_agrees(cf, first, stocked) != NGX_OK) {
        return NGX_ERROR;
    }

    stocked->inventory.stock = ngx_http_adm_stock(cf, amcf);

    if (stocked->inventory.stock == NULL) {
        return NGX_ERROR;
    }

    if (first == NULL) {
        amcf->orders->stocked = stocked;
        ngx_http_adm_stock_key(amcf->stock, &stocked->key);
    }

    return ngx_http_adm_inventory_declare(stocked);
}


static ngx_int_t
ngx_http_adm_inventory_agrees(ngx_conf_t *cf,
    ngx_http_adm_inventory_conf_t *first,
    ngx_http_adm_inventory_conf_t *stocked)
{
    ngx_uint_t   i;
    ngx_str_t   *one, *other;

    static struct {
        const char  *name;
        size_t       offset;
    } same[] = {
        { "key=", offsetof(ngx_http_adm_inventory_conf_t, key) },
        { "zone=", offsetof(ngx_http_adm_inventory_conf_t, zone) }
    };

    for (i = 0; i < 2; i++) {
        one = (ngx_str_t *) ((u_char *) stocked + same[i].offset);
        other = (ngx_str_t *) ((u_char *) first + same[i].offset);

        if (one->len != other->len
            || ngx_memcmp(one->data, other->data, one->len) != 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%s%V\" of \"admission_inventory\" at %V:%ui "
                          "differs from \"%s%V\" at %V:%ui, there is one "
                          "stock",
                          same[i].name, one, &stocked->of.file,
                          stocked->of.line, same[i].name, other,
                          &first->of.file, first->of.line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_adm_stock_t *
ngx_http_adm_stock(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t         key;
    ngx_adm_stock_t  *stock;

    if (amcf->stock) {
        return amcf->stock;
    }

    stock = ngx_pcalloc(cf->pool, sizeof(ngx_adm_stock_t));

    if (stock == NULL
        || ngx_array_init(&stock->skus, cf->pool, 8, sizeof(ngx_adm_sku_t *))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_str_set(&key, "inventory:%s");
    ngx_http_adm_stock_key(stock, &key);

    stock->close = (amcf->store && amcf->store->conf.close);
    amcf->stock = stock;

    return stock;
}


static void
ngx_http_adm_stock_key(ngx_adm_stock_t *stock, ngx_str_t *key)
{
    u_char  *p;

    p = ngx_strnstr(key->data, "%s", key->len);

    stock->before.len = p - key->data;
    stock->before.data = key->data;
    stock->after.len = key->len - stock->before.len - 2;
    stock->after.data = p + 2;
}


/* SKUs that stand in the configuration have metrics */

static ngx_int_t
ngx_http_adm_inventory_declare(ngx_http_adm_inventory_conf_t *stocked)
{
    size_t                     i, n;
    ngx_str_t                  text;
    adm_str_t                  skus, none;
    adm_item_t                 items[ADM_CART_ITEMS];
    ngx_adm_sku_t             *sku;
    ngx_http_complex_value_t  *value;

    value = &stocked->values[NGX_ADM_INVENTORY_SKU];

    if (value->lengths) {
        return NGX_OK;
    }

    skus.len = value->value.len;
    skus.data = value->value.data;
    none.len = 0;
    none.data = NULL;

    (void) adm_cart_read(skus, none, NGX_ADM_CHECKOUT_TEXT, items, &n);

    for (i = 0; i < n; i++) {
        text.len = items[i].sku.len;
        text.data = (u_char *) items[i].sku.data;

        sku = ngx_adm_stock_declare(stocked->inventory.stock, &text);
        if (sku == NULL) {
            return NGX_ERROR;
        }

        sku->configured = 1;
    }

    return NGX_OK;
}
