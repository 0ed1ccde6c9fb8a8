
/*
 * admission_inventory_api: stock, holds and keys, for operators and for the
 * programs of a shop.  The resources are those of admission_control, too.
 *
 * A resource is a path below the location; what is asked of it is one trip to
 * the store.  The store decides, and what it says is told as it is: nothing
 * is known here before.
 */


#include <ngx_http_adm_module.h>
#include <adm_hex.h>


/* units of a SKU that may be told at once: any sum of them is exact */
#define NGX_HTTP_ADM_UNITS_MAX   1000000000

/* s since the epoch: years of four digits */
#define NGX_HTTP_ADM_MOMENT_MAX  253402300799


typedef enum {
    NGX_HTTP_ADM_ASK_ALL = 0,            /* no name follows */
    NGX_HTTP_ADM_ASK_SKU,
    NGX_HTTP_ADM_ASK_ID
} ngx_http_adm_ask_name_e;


typedef struct {
    const char               *before;    /* the name, in the path ... */
    const char               *after;     /* ... and behind it */
    ngx_http_adm_ask_name_e   name;
    ngx_uint_t                methods;
    ngx_str_t                 allow;     /* as the field has them */
    ngx_adm_ask_e             what;      /* by GET, or else by POST; changes
                                            of stock: as the member says */
} ngx_http_adm_ask_t;


/* a member of a change of stock */

typedef struct {
    const char               *name;
    ngx_uint_t                method;
    ngx_adm_ask_e             what;
    json_int_t                least;
    const char               *expected;  /* "%s" is the member's name */
} ngx_http_adm_ask_member_t;


/* what the store says, as it is told */

typedef struct {
    ngx_uint_t                status;
    const char               *reason;
    const char               *title;
} ngx_http_adm_told_t;


/* of a request; in its pool */

typedef struct {
    ngx_http_adm_ask_t       *ask;
    ngx_str_t                 name;      /* of the SKU, or the id in hex */
    ngx_adm_ask_e             what;
    const char               *member;    /* of a change of stock; or NULL */
    int64_t                   number;
} ngx_http_adm_question_t;


static ngx_int_t ngx_http_adm_inventory_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_ask_find(ngx_http_request_t *r,
    ngx_http_adm_question_t *question);
static ngx_uint_t ngx_http_adm_ask_match(ngx_http_adm_ask_t *ask,
    ngx_str_t *path, ngx_str_t *name);
static ngx_uint_t ngx_http_adm_ask_valid(ngx_http_adm_ask_t *ask,
    ngx_str_t *name);
static ngx_int_t ngx_http_adm_ask_wrong(ngx_http_request_t *r,
    ngx_http_adm_question_t *question);
static ngx_int_t ngx_http_adm_ask_get(ngx_http_request_t *r,
    ngx_http_adm_question_t *question);
static void ngx_http_adm_ask_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_ask_change(ngx_http_request_t *r);
static ngx_str_t *ngx_http_adm_ask_members(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, json_t *change);
static ngx_str_t *ngx_http_adm_ask_member(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, const char *name, json_t *member);

static ngx_int_t ngx_http_adm_ask(ngx_http_request_t *r,
    ngx_http_adm_question_t *question);
static ngx_http_adm_ctx_t *ngx_http_adm_ask_ctx(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_ask_command(ngx_adm_trip_t *trip,
    ngx_http_adm_question_t *question, ngx_adm_stock_t *stock);
static ngx_int_t ngx_http_adm_ask_told(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_ask_down(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, ngx_uint_t sent);
static ngx_int_t ngx_http_adm_ask_answer(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, ngx_adm_inquiry_t *inquiry);
static ngx_int_t ngx_http_adm_ask_refuse(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, ngx_adm_inquiry_t *inquiry);
static json_t *ngx_http_adm_ask_json(ngx_http_adm_question_t *question,
    ngx_adm_inquiry_t *inquiry);
static json_t *ngx_http_adm_ask_string(ngx_str_t *text);
static json_t *ngx_http_adm_ask_sku(ngx_adm_inquiry_t *inquiry, ngx_uint_t i);
static json_t *ngx_http_adm_ask_skus(ngx_adm_inquiry_t *inquiry);
static json_t *ngx_http_adm_ask_hold(ngx_adm_inquiry_t *inquiry,
    ngx_uint_t *i);
static json_t *ngx_http_adm_ask_holds(ngx_adm_inquiry_t *inquiry);
static const char *ngx_http_adm_hold_state(ngx_adm_told_hold_t *hold);
static json_t *ngx_http_adm_ask_moment(uint64_t moment);
static void ngx_http_adm_ask_log(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, ngx_adm_inquiry_t *inquiry);


ngx_http_adm_content_t  ngx_http_adm_inventory_api = {
    ngx_string("admission_inventory_api"),
    ngx_http_adm_inventory_handler,
    NGX_HTTP_ADM_CONTENT_METHODS,
    ngx_null_string,
    NGX_HTTP_ADM_CONTENT_PUBLIC|NGX_HTTP_ADM_CONTENT_PATHS
};


/* of those that begin with the same, the longer first */

static ngx_http_adm_ask_t  ngx_http_adm_asks[] = {

    { "inventory", "", NGX_HTTP_ADM_ASK_ALL,
      NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD"),
      NGX_ADM_ASK_STOCKS },

    { "inventory/", "", NGX_HTTP_ADM_ASK_SKU,
      NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_PUT|NGX_HTTP_POST,
      ngx_string("GET, HEAD, PUT, POST"),
      NGX_ADM_ASK_STOCK },

    { "holds", "", NGX_HTTP_ADM_ASK_ALL,
      NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD"),
      NGX_ADM_ASK_HOLDS },

    { "holds/", "/commit", NGX_HTTP_ADM_ASK_ID,
      NGX_HTTP_POST, ngx_string("POST"),
      NGX_ADM_ASK_COMMIT },

    { "holds/", "/release", NGX_HTTP_ADM_ASK_ID,
      NGX_HTTP_POST, ngx_string("POST"),
      NGX_ADM_ASK_RELEASE },

    { "holds/", "", NGX_HTTP_ADM_ASK_ID,
      NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD"),
      NGX_ADM_ASK_HOLD },

    { "keys/", "/forget", NGX_HTTP_ADM_ASK_ID,
      NGX_HTTP_POST, ngx_string("POST"),
      NGX_ADM_ASK_FORGET },

    { NULL, NULL, NGX_HTTP_ADM_ASK_ALL, 0, ngx_null_string, 0 }
};


static ngx_http_adm_ask_member_t  ngx_http_adm_ask_members_of[] = {

    { "available", NGX_HTTP_PUT, NGX_ADM_ASK_SET, 0,
      "\"%s\" must be a number of units, 0 to 1000000000" },

    { "total", NGX_HTTP_PUT, NGX_ADM_ASK_TOTAL, 0,
      "\"%s\" must be a number of units, 0 to 1000000000" },

    { "add", NGX_HTTP_POST, NGX_ADM_ASK_ADD, -NGX_HTTP_ADM_UNITS_MAX,
      "\"%s\" must be a number of units, -1000000000 to 1000000000, "
      "and not 0" },

    { NULL, 0, 0, 0, NULL }
};


/* in the order of ngx_adm_told_e */

static ngx_http_adm_told_t  ngx_http_adm_tolds[] = {
    { NGX_HTTP_OK, NULL, NULL },
    { NGX_HTTP_NOT_FOUND, "unknown", "The store knows nothing of it." },
    { NGX_HTTP_CONFLICT, "short", "There are not as many units." },
    { NGX_HTTP_OK, NULL, NULL },
    { NGX_HTTP_CONFLICT, "other", "The hold is settled, and otherwise." },
    { NGX_HTTP_CONFLICT, "running", "Its request is still under way." },
    { NGX_HTTP_CONFLICT, "bad_stock",
      "The stock's key holds no number of units." },
    { NGX_HTTP_SERVICE_UNAVAILABLE, "table_full",
      "There is no place for one more." }
};


/* in the order of ngx_adm_hold_state_e */

static const char  *ngx_http_adm_hold_states[] = {
    "running",
    "held",
    "unresolved",
    "committed",
    "released"
};


static ngx_int_t
ngx_http_adm_inventory_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_adm_stock_resource(r);

    return (rc != NGX_DECLINED) ? rc
           : ngx_http_adm_control_problem(r, NGX_HTTP_NOT_FOUND,
                                          "There is no such resource.", "",
                                          NULL);
}


/* at first, and again once the store has answered */

ngx_int_t
ngx_http_adm_stock_resource(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_adm_ctx_t       *ctx;
    ngx_http_adm_question_t   question;

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx && ctx->content && r == r->main) {
        return ngx_http_adm_ask_told(ctx);
    }

    rc = ngx_http_adm_ask_find(r, &question);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    /* only a client's request can sleep */

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (rc == NGX_ERROR) {
        return ngx_http_adm_ask_wrong(r, &question);
    }

    if (!(r->method & question.ask->methods)) {
        return ngx_http_adm_control_not_allowed(r, &question.ask->allow);
    }

    return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
           ? ngx_http_adm_ask_get(r, &question)
           : ngx_http_adm_control_read(r, ngx_http_adm_ask_body);
}


/* NGX_DECLINED: the path is of no resource; NGX_ERROR: the name is none */

static ngx_int_t
ngx_http_adm_ask_find(ngx_http_request_t *r, ngx_http_adm_question_t *question)
{
    ngx_str_t            path;
    ngx_http_adm_ask_t  *ask;

    ngx_memzero(question, sizeof(ngx_http_adm_question_t));

    if (ngx_http_adm_content_path(r, &path) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (ask = ngx_http_adm_asks; ask->before; ask++) {

        if (!ngx_http_adm_ask_match(ask, &path, &question->name)) {
            continue;
        }

        question->ask = ask;
        question->what = ask->what;

        return ngx_http_adm_ask_valid(ask, &question->name) ? NGX_OK
                                                            : NGX_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_adm_ask_match(ngx_http_adm_ask_t *ask, ngx_str_t *path,
    ngx_str_t *name)
{
    size_t  before, after;

    before = ngx_strlen(ask->before);
    after = ngx_strlen(ask->after);

    if (path->len < before + after
        || ngx_strncmp(path->data, ask->before, before) != 0
        || ngx_strncmp(path->data + path->len - after, ask->after, after)
           != 0)
    {
        return 0;
    }

    name->data = path->data + before;
    name->len = path->len - before - after;

    return ask->name != NGX_HTTP_ADM_ASK_ALL || name->len == 0;
}


static ngx_uint_t
ngx_http_adm_ask_valid(ngx_http_adm_ask_t *ask, ngx_str_t *name)
{
    adm_str_t  sku;
    u_char     id[NGX_ADM_CHECKOUT_ID];

    switch (ask->name) {

    case NGX_HTTP_ADM_ASK_SKU:
        sku.len = name->len;
        sku.data = name->data;
        return adm_sku_valid(sku);

    case NGX_HTTP_ADM_ASK_ID:
        return name->len == 2 * NGX_ADM_CHECKOUT_ID
               && adm_unhex(id, name->data, NGX_ADM_CHECKOUT_ID);

    default:
        return 1;
    }
}


static ngx_int_t
ngx_http_adm_ask_wrong(ngx_http_request_t *r,
    ngx_http_adm_question_t *question)
{
    return ngx_http_adm_control_problem(r, NGX_HTTP_BAD_REQUEST,
               "The path names nothing.",
               (question->ask->name == NGX_HTTP_ADM_ASK_SKU)
               ? "A SKU is 1 to 128 characters of A-Z, a-z, 0-9 "
                 "and \".\", \"_\", \"~\", \":\", \"-\"."
               : "An id is 32 hexadecimal digits, in lower case.",
               NULL);
}


/* of holds only those that are unresolved can be told */

static ngx_int_t
ngx_http_adm_ask_get(ngx_http_request_t *r, ngx_http_adm_question_t *question)
{
    ngx_str_t  state;

    if (question->what == NGX_ADM_ASK_HOLDS
        && (ngx_http_arg(r, (u_char *) "state", 5, &state) != NGX_OK
            || !ngx_http_adm_is_word(&state, "unresolved")))
    {
        return ngx_http_adm_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                            "These holds cannot be listed.",
                                            "\"state\" must be "
                                            "\"unresolved\"", NULL);
    }

    return ngx_http_adm_ask(r, question);
}


static void
ngx_http_adm_ask_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_adm_ask_change(r));
}


static ngx_int_t
ngx_http_adm_ask_change(ngx_http_request_t *r)
{
    json_t                   *change;
    ngx_int_t                 rc;
    ngx_str_t                *why;
    ngx_http_adm_question_t   question;

    /* it was right before the body was there */

    (void) ngx_http_adm_ask_find(r, &question);

    change = ngx_http_adm_control_object(r, question.ask->name
                                            == NGX_HTTP_ADM_ASK_ID, &rc);
    if (change == NULL) {
        return rc;
    }

    why = ngx_http_adm_ask_members(r, &question, change);

    json_decref(change);

    return why ? ngx_http_adm_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                              "The change is not possible.",
                                              (char *) why->data, NULL)
               : ngx_http_adm_ask(r, &question);
}


/* NULL, or why not */

static ngx_str_t *
ngx_http_adm_ask_members(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, json_t *change)
{
    json_t      *member;
    ngx_str_t   *why;
    const char  *name;

    json_object_foreach(change, name, member) {
        why = ngx_http_adm_ask_member(r, question, name, member);

        if (why) {
            return why;
        }
    }

    if (question->ask->name == NGX_HTTP_ADM_ASK_ID || question->member) {
        return NULL;
    }

    return ngx_http_adm_control_sentence(r, "no member, expected %s",
                                         (r->method == NGX_HTTP_PUT)
                                         ? "\"available\" or \"total\""
                                         : "\"add\"");
}


static ngx_str_t *
ngx_http_adm_ask_member(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, const char *name, json_t *member)
{
    json_int_t                  number;
    ngx_http_adm_ask_member_t  *known;

    for (known = ngx_http_adm_ask_members_of; known->name; known++) {

        if (ngx_strcmp(name, known->name) == 0
            && r->method == known->method
            && question->ask->name == NGX_HTTP_ADM_ASK_SKU)
        {
            break;
        }
    }

    if (known->name == NULL) {
        return ngx_http_adm_control_sentence(r, "unknown member \"%s\"", name);
    }

    if (question->member) {
        return ngx_http_adm_control_sentence(r, "\"%s\" is one too many: "
                                             "a change has one member", name);
    }

    number = json_integer_value(member);

    if (!json_is_integer(member) || number < known->least
        || number > NGX_HTTP_ADM_UNITS_MAX || (known->least && number == 0))
    {
        return ngx_http_adm_control_sentence(r, known->expected, name);
    }

    question->what = known->what;
    question->member = known->name;
    question->number = number;

    return NULL;
}


/* the request sleeps as others do, and comes back to the content handler */

static ngx_int_t
ngx_http_adm_ask(ngx_http_request_t *r, ngx_http_adm_question_t *question)
{
    ngx_http_adm_ctx_t        *ctx;
    ngx_http_adm_question_t   *kept;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    if (amcf->stock == NULL && question->what != NGX_ADM_ASK_FORGET) {
        return ngx_http_adm_control_problem(r, NGX_HTTP_NOT_FOUND,
                                            "There is no stock.",
                                            "\"admission_inventory\" is not "
                                            "configured", NULL);
    }

    ctx = ngx_http_adm_ask_ctx(r);
    kept = ngx_palloc(r->pool, sizeof(ngx_http_adm_question_t));

    if (ctx == NULL || kept == NULL
        || ngx_http_adm_ask_command(ctx->trip, question, amcf->stock)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *kept = *question;

    ctx->content = kept;
    ctx->sent = ngx_adm_clock();

    switch (ngx_http_adm_suspend(ctx)) {

    case NGX_AGAIN:
        r->main->count++;
        return NGX_DONE;

    case NGX_DECLINED:
        return ngx_http_adm_ask_told(ctx);

    default:
        ctx->content = NULL;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* with a trip; NULL: out of memory */

static ngx_http_adm_ctx_t *
ngx_http_adm_ask_ctx(ngx_http_request_t *r)
{
    ngx_http_adm_ctx_t        *ctx;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);
    ctx = ngx_http_adm_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_adm_create_ctx(r, ngx_http_adm_abandon);
        if (ctx == NULL) {
            return NULL;
        }

        /* an operator's question is no decision */

        ctx->over = 1;
        ctx->counted = 1;
    }

    ctx->trip = ngx_adm_trip_create(amcf->keeper);

    return ctx->trip ? ctx : NULL;
}


/* the trip may outlive the request: what is asked stands in its pool */

static ngx_int_t
ngx_http_adm_ask_command(ngx_adm_trip_t *trip,
    ngx_http_adm_question_t *question, ngx_adm_stock_t *stock)
{
    ngx_pool_t         *pool;
    ngx_adm_command_t  *command;
    ngx_adm_inquiry_t  *inquiry;

    pool = trip->pool;

    command = ngx_adm_trip_command(trip);
    inquiry = ngx_pcalloc(pool, sizeof(ngx_adm_inquiry_t));

    if (command == NULL || inquiry == NULL
        || ngx_array_init(&inquiry->skus, pool, 4, sizeof(ngx_adm_told_sku_t))
           != NGX_OK
        || ngx_array_init(&inquiry->holds, pool, 4,
                          sizeof(ngx_adm_told_hold_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    command->kind = NGX_ADM_COMMAND_ASK;
    command->patient = 1;
    command->stock = stock;
    command->inquiry = inquiry;

    inquiry->what = question->what;
    inquiry->stock = stock;
    inquiry->number = question->number;

    if (question->ask->name == NGX_HTTP_ADM_ASK_ID) {
        (void) adm_unhex(inquiry->id, question->name.data,
                         NGX_ADM_CHECKOUT_ID);
        return NGX_OK;
    }

    inquiry->sku.len = question->name.len;
    inquiry->sku.data = ngx_pstrdup(pool, &question->name);

    return inquiry->sku.data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_ask_told(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t                 rc;
    ngx_adm_command_t        *command;
    ngx_http_adm_question_t  *question;

    question = ctx->content;
    command = ctx->trip->commands;

    if (!ctx->expired && command->reply == NGX_ADM_REPLY_GRANTED) {
        ngx_http_adm_ask_log(ctx->request, question, command->inquiry);
        rc = ngx_http_adm_ask_answer(ctx->request, question,
                                     command->inquiry);

    } else {
        ngx_http_adm_ask_log(ctx->request, question, NULL);
        rc = ngx_http_adm_ask_down(ctx->request, question,
                                   ctx->trip->submitted);
    }

    if (ctx->expired) {
        ngx_adm_trip_cancel(ctx->trip);

    } else {
        ngx_adm_trip_release(ctx->trip);
    }

    ctx->trip = NULL;
    ctx->expired = 0;
    ctx->content = NULL;
    ctx->stored += ngx_adm_clock() - ctx->sent;

    return rc;
}


/* what was sent, and not answered, may have been done */

static ngx_int_t
ngx_http_adm_ask_down(ngx_http_request_t *r, ngx_http_adm_question_t *question,
    ngx_uint_t sent)
{
    ngx_str_t  key, value;

    ngx_str_set(&key, "Retry-After");
    ngx_str_set(&value, "1");

    if (ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_adm_control_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
               "The store did not answer.",
               (sent && question->ask->methods & NGX_HTTP_POST
                && !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)))
               ? "The change may have been made: read before you repeat it."
               : "",
               "store_down");
}


static ngx_int_t
ngx_http_adm_ask_answer(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, ngx_adm_inquiry_t *inquiry)
{
    json_t  *told;

    if (ngx_http_adm_tolds[inquiry->told].status != NGX_HTTP_OK) {
        return ngx_http_adm_ask_refuse(r, question, inquiry);
    }

    told = ngx_http_adm_ask_json(question, inquiry);

    if (inquiry->told == NGX_ADM_TOLD_LATE) {
        json_object_set_new(told, "late", json_true());
    }

    return ngx_http_adm_send_json(r, NGX_HTTP_OK, &ngx_http_adm_json, told);
}


static ngx_int_t
ngx_http_adm_ask_refuse(ngx_http_request_t *r,
    ngx_http_adm_question_t *question, ngx_adm_inquiry_t *inquiry)
{
    const char           *detail;
    ngx_adm_told_hold_t  *hold;
    ngx_http_adm_told_t  *told;

    detail = "";
    hold = inquiry->holds.elts;
    told = &ngx_http_adm_tolds[inquiry->told];

    if (question->ask->name == NGX_HTTP_ADM_ASK_ID && inquiry->holds.nelts) {
        detail = (char *) ngx_http_adm_control_sentence(r,
                              "the hold is \"%s\"",
                              ngx_http_adm_hold_state(hold))->data;
    }

    return ngx_http_adm_control_problem(r, told->status, told->title, detail,
                                        told->reason);
}


/* NULL: out of memory */

static json_t *
ngx_http_adm_ask_json(ngx_http_adm_question_t *question,
    ngx_adm_inquiry_t *inquiry)
{
    ngx_uint_t  i;

    switch (inquiry->what) {

    case NGX_ADM_ASK_STOCKS:
        return ngx_http_adm_ask_skus(inquiry);

    case NGX_ADM_ASK_HOLDS:
        return ngx_http_adm_ask_holds(inquiry);

    case NGX_ADM_ASK_HOLD:
    case NGX_ADM_ASK_COMMIT:
    case NGX_ADM_ASK_RELEASE:
        i = 0;
        return ngx_http_adm_ask_hold(inquiry, &i);

    case NGX_ADM_ASK_FORGET:
        return json_pack("{so,sb}", "key",
                         ngx_http_adm_ask_string(&question->name),
                         "forgotten", 1);

    default:
        return ngx_http_adm_ask_sku(inquiry, 0);
    }
}


/* what a store says may have been written by others */

static json_t *
ngx_http_adm_ask_string(ngx_str_t *text)
{
    ngx_http_adm_control_ascii(text);

    return json_stringn((char *) text->data, text->len);
}


static json_t *
ngx_http_adm_ask_sku(ngx_adm_inquiry_t *inquiry, ngx_uint_t i)
{
    json_t              *told;
    json_int_t           total;
    adm_facts_t         *facts;
    ngx_adm_told_sku_t  *sku;

    if (i >= inquiry->skus.nelts) {
        return NULL;
    }

    sku = (ngx_adm_told_sku_t *) inquiry->skus.elts + i;
    facts = &sku->facts;

    if (sku->wrong) {
        return json_pack("{so,sn,ss}", "sku",
                         ngx_http_adm_ask_string(&sku->sku), "available",
                         "reason", "bad_stock");
    }

    total = facts->available + facts->held + facts->unresolved
            + facts->committed;

    told = json_pack("{so,sI,sI,sI,sI,sI,sI,sI}",
                     "sku", ngx_http_adm_ask_string(&sku->sku),
                     "total", total,
                     "available", (json_int_t) facts->available,
                     "held", (json_int_t) facts->held,
                     "holds", (json_int_t) facts->holds,
                     "unresolved", (json_int_t) facts->unresolved,
                     "committed", (json_int_t) facts->committed,
                     "expired", (json_int_t) facts->expired);

    if (sku->unconfirmed) {
        json_object_set_new(told, "reason", json_string("unconfirmed"));
    }

    return told;
}


static json_t *
ngx_http_adm_ask_skus(ngx_adm_inquiry_t *inquiry)
{
    json_t      *all;
    ngx_uint_t   i;

    all = json_array();

    for (i = 0; i < inquiry->skus.nelts; i++) {
        json_array_append_new(all, ngx_http_adm_ask_sku(inquiry, i));
    }

    return json_pack("{so,sb}", "inventory", all, "more",
                     (int) inquiry->more);
}


/* a hold is told once, with all that it holds; "i" goes behind it */

static json_t *
ngx_http_adm_ask_hold(ngx_adm_inquiry_t *inquiry, ngx_uint_t *i)
{
    json_t               *items;
    const char           *state;
    ngx_adm_told_hold_t  *entry, *hold, *end;
    u_char                id[2 * NGX_ADM_CHECKOUT_ID];

    hold = (ngx_adm_told_hold_t *) inquiry->holds.elts + *i;
    end = (ngx_adm_told_hold_t *) inquiry->holds.elts + inquiry->holds.nelts;

    if (hold >= end) {
        return NULL;
    }

    items = json_array();

    for (entry = hold;
         entry < end && ngx_memcmp(entry->id, hold->id, NGX_ADM_CHECKOUT_ID)
                        == 0;
         entry++)
    {
        json_array_append_new(items,
                              json_pack("{so,sI}", "sku",
                                        ngx_http_adm_ask_string(&entry->sku),
                                        "quantity",
                                        (json_int_t) entry->quantity));
    }

    *i += entry - hold;

    adm_hex(id, hold->id, NGX_ADM_CHECKOUT_ID);

    state = ngx_http_adm_hold_state(hold);

    return json_pack("{so,ss,so,so*,so*,so}",
                     "hold", json_stringn((char *) id, sizeof(id)),
                     "state", state,
                     "items", items,
                     "until", (hold->state <= NGX_ADM_HOLD_HELD)
                              ? ngx_http_adm_ask_moment(hold->until) : NULL,
                     "since", (hold->state == NGX_ADM_HOLD_IS_UNRESOLVED)
                              ? ngx_http_adm_ask_moment(hold->until) : NULL,
                     "correlation", ngx_http_adm_ask_string(&hold->note));
}


/* what a store knows beyond these is settled, too */

static const char *
ngx_http_adm_hold_state(ngx_adm_told_hold_t *hold)
{
    return ngx_http_adm_hold_states[ngx_min(hold->state,
                                            NGX_ADM_HOLD_RELEASED)];
}


static json_t *
ngx_http_adm_ask_holds(ngx_adm_inquiry_t *inquiry)
{
    json_t      *all;
    ngx_uint_t   i;

    all = json_array();

    for (i = 0; i < inquiry->holds.nelts; /* void */ ) {
        json_array_append_new(all, ngx_http_adm_ask_hold(inquiry, &i));
    }

    return json_pack("{so,sb}", "holds", all, "more", (int) inquiry->more);
}


/* ms since the epoch; 0: it is not known */

static json_t *
ngx_http_adm_ask_moment(uint64_t moment)
{
    u_char  *last;
    u_char   text[NGX_HTTP_ADM_MOMENT];

    if (moment == 0 || moment / 1000 > NGX_HTTP_ADM_MOMENT_MAX) {
        return json_null();
    }

    last = ngx_http_adm_moment(text, moment / 1000);

    return json_stringn((char *) text, last - text);
}


/* a change, and by whom; "inquiry" NULL: what became of it is not known */

static void
ngx_http_adm_ask_log(ngx_http_request_t *r, ngx_http_adm_question_t *question,
    ngx_adm_inquiry_t *inquiry)
{
    ngx_str_t            by;
    const char          *what;
    ngx_uint_t           level;
    ngx_adm_told_sku_t  *sku;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)
        || (inquiry
            && ngx_http_adm_tolds[inquiry->told].status != NGX_HTTP_OK)
        || ngx_http_adm_control_by(r, &by) != NGX_OK)
    {
        return;
    }

    what = question->member ? question->member
           : (question->what == NGX_ADM_ASK_COMMIT) ? "commit"
           : (question->what == NGX_ADM_ASK_RELEASE) ? "release" : "forget";

    /* back ends settle many a hold */

    level = (inquiry && inquiry->told == NGX_ADM_TOLD_OK
             && question->ask->name == NGX_HTTP_ADM_ASK_ID)
            ? NGX_LOG_NOTICE : NGX_LOG_WARN;

    if (inquiry && question->member && inquiry->skus.nelts) {
        sku = inquiry->skus.elts;

        ngx_log_error(level, r->connection->log, 0,
                      "admission control: \"%s\" %L of stock \"%V\", "
                      "%uL available now, by \"%V\"",
                      what, question->number, &question->name,
                      sku->facts.available, &by);
        return;
    }

    ngx_log_error(level, r->connection->log, 0,
                  "admission control: \"%s\" of \"%V\"%s, by \"%V\"",
                  what, &question->name,
                  (inquiry == NULL) ? ", and the store did not answer"
                  : (inquiry->told == NGX_ADM_TOLD_LATE)
                    ? ", late: new units were taken" : "",
                  &by);
}
