
/*
 * Links: how a server is greeted, and a call's words.
 */


#include <ngx_adm_redis_client.h>


/* ms, between two questions whether a server has loaded its data */

#define NGX_ADM_LINK_REST    100

/* EVALSHA, a hash, the number of keys; user and password of AUTH */

#define NGX_ADM_LINK_WORDS   3


static ngx_int_t ngx_adm_link_word(ngx_adm_link_t *link,
    ngx_adm_turn_pt handler, ngx_str_t *words, ngx_uint_t n);
static ngx_int_t ngx_adm_link_auth(ngx_adm_link_t *link);
static ngx_int_t ngx_adm_link_select(ngx_adm_link_t *link);
static ngx_int_t ngx_adm_link_ask(ngx_adm_link_t *link);
static ngx_int_t ngx_adm_link_scripts(ngx_adm_link_t *link);
static void ngx_adm_link_told_auth(ngx_adm_turn_t *turn,
    ngx_adm_value_t *value);
static void ngx_adm_link_told_name(ngx_adm_turn_t *turn,
    ngx_adm_value_t *value);
static void ngx_adm_link_told_role(ngx_adm_turn_t *turn,
    ngx_adm_value_t *value);
static void ngx_adm_link_told(ngx_adm_turn_t *turn, ngx_adm_value_t *value);
static void ngx_adm_link_refused(ngx_adm_link_t *link, ngx_str_t *error,
    size_t len);
static void ngx_adm_link_next(ngx_adm_link_t *link);
static void ngx_adm_link_again(ngx_event_t *ev);
static ngx_str_t *ngx_adm_link_words(ngx_adm_call_t *call, ngx_uint_t n);
static ngx_int_t ngx_adm_link_asking(ngx_adm_link_t *link);
static void ngx_adm_link_told_asking(ngx_adm_turn_t *turn,
    ngx_adm_value_t *value);


void
ngx_adm_link_greet(ngx_adm_conn_t *conn)
{
    ngx_adm_link_t  *link;

    link = conn->data;

    link->rc = NGX_ADM_CALL_OK;
    link->is_master = 0;
    link->greetings = 0;

    link->again.handler = ngx_adm_link_again;
    link->again.data = link;
    link->again.log = conn->log;
    link->again.cancelable = 1;

    if (ngx_adm_link_auth(link) != NGX_OK
        || ngx_adm_link_select(link) != NGX_OK
        || ngx_adm_link_ask(link) != NGX_OK
        || ngx_adm_link_scripts(link) != NGX_OK)
    {
        ngx_adm_conn_close(conn, "could not be greeted", 0);
    }
}


static ngx_int_t
ngx_adm_link_word(ngx_adm_link_t *link, ngx_adm_turn_pt handler,
    ngx_str_t *words, ngx_uint_t n)
{
    ngx_adm_turn_t  *turn;

    turn = &link->turns[link->greetings++];

    turn->handler = handler;
    turn->data = link;

    return ngx_adm_conn_send(&link->conn, turn, words, n);
}


static ngx_int_t
ngx_adm_link_auth(ngx_adm_link_t *link)
{
    ngx_uint_t             n;
    ngx_str_t              words[NGX_ADM_LINK_WORDS];
    ngx_adm_redis_conf_t  *conf;

    conf = link->conn.conf;

    if (conf->password.len == 0) {
        return NGX_OK;
    }

    n = 0;

    ngx_str_set(&words[n], "AUTH");
    n++;

    if (conf->user.len) {
        words[n++] = conf->user;
    }

    words[n++] = conf->password;

    return ngx_adm_link_word(link, ngx_adm_link_told_auth, words, n);
}


static ngx_int_t
ngx_adm_link_select(ngx_adm_link_t *link)
{
    u_char      number[NGX_INT_T_LEN];
    ngx_str_t   words[2];
    ngx_uint_t  db;

    db = link->conn.conf->db;

    if (db == 0) {
        return NGX_OK;
    }

    ngx_str_set(&words[0], "SELECT");

    words[1].data = number;
    words[1].len = ngx_sprintf(number, "%ui", db) - number;

    return ngx_adm_link_word(link, ngx_adm_link_told, words, 2);
}


static ngx_int_t
ngx_adm_link_ask(ngx_adm_link_t *link)
{
    u_char     name[sizeof("admission-") + NGX_INT64_LEN];
    ngx_str_t  words[3];

    ngx_str_set(&words[0], "CLIENT");
    ngx_str_set(&words[1], "SETNAME");

    words[2].data = name;
    words[2].len = ngx_sprintf(name, "admission-%P", ngx_pid) - name;

    if (ngx_adm_link_word(link, ngx_adm_link_told_name, words, 3) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "ROLE");

    return ngx_adm_link_word(link, ngx_adm_link_told_role, words, 1);
}


static ngx_int_t
ngx_adm_link_scripts(ngx_adm_link_t *link)
{
    ngx_str_t   words[3];
    ngx_uint_t  i;

    ngx_str_set(&words[0], "SCRIPT");
    ngx_str_set(&words[1], "LOAD");

    for (i = 0; i < NGX_ADM_SCRIPTS; i++) {

        words[2] = ngx_adm_script_texts[i];

        if (ngx_adm_link_word(link, ngx_adm_link_told, words, 3) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Of an error no more than its first word is told: a server that does not
 * know AUTH may repeat the password.
 */

static void
ngx_adm_link_told_auth(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    size_t           len;
    ngx_adm_link_t  *link;

    link = turn->data;

    if (value && value->type == NGX_ADM_VALUE_ERROR) {

        for (len = 0; len < value->text.len; len++) {
            if (value->text.data[len] == ' ') {
                break;
            }
        }

        ngx_adm_link_refused(link, &value->text, len);

        if (link->rc == NGX_ADM_CALL_ERROR) {
            link->rc = NGX_ADM_CALL_NOAUTH;
        }
    }

    if (value) {
        ngx_adm_link_next(link);
    }
}


/* a name is for people: nothing depends on it */

static void
ngx_adm_link_told_name(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    ngx_adm_link_t  *link;

    link = turn->data;

    if (value == NULL) {
        return;
    }

    /* one that has too many clients says so to whatever comes first */

    if (value->type == NGX_ADM_VALUE_ERROR && link->rc == NGX_ADM_CALL_OK
        && ngx_adm_redis_error(&value->text) == NGX_ADM_CALL_ERROR)
    {
        ngx_adm_redis_log(link->server->client, NGX_LOG_ERR, 0,
                          "redis \"%V\" said to its greeting: %V",
                          &link->server->name, &value->text);
    }

    ngx_adm_link_next(link);
}


/* a user who may not ask is taken at the word of the configuration */

static void
ngx_adm_link_told_role(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    ngx_str_t       *role;
    ngx_adm_link_t  *link;

    link = turn->data;

    if (value == NULL) {
        return;
    }

    if (value->type == NGX_ADM_VALUE_ERROR) {
        link->is_master = 1;

    } else if (value->type == NGX_ADM_VALUE_ARRAY && value->n
               && value->elements[0]->type == NGX_ADM_VALUE_TEXT)
    {
        role = &value->elements[0]->text;

        link->is_master = role->len == sizeof("master") - 1
                          && ngx_memcmp(role->data, "master", role->len) == 0;
    }

    ngx_adm_link_next(link);
}


static void
ngx_adm_link_told(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    ngx_adm_link_t  *link;

    link = turn->data;

    if (value == NULL) {
        return;
    }

    if (value->type == NGX_ADM_VALUE_ERROR) {
        ngx_adm_link_refused(link, &value->text, value->text.len);
    }

    ngx_adm_link_next(link);
}


/* those behind the first have the same reason, and so has the next greeting
   of one that is loading */

static void
ngx_adm_link_refused(ngx_adm_link_t *link, ngx_str_t *error, size_t len)
{
    ngx_uint_t  level;

    if (link->rc != NGX_ADM_CALL_OK) {
        return;
    }

    link->rc = ngx_adm_redis_error(error);

    if (link->loading && link->rc == NGX_ADM_CALL_LOADING) {
        return;
    }

    level = (link->rc == NGX_ADM_CALL_NOAUTH) ? NGX_LOG_CRIT : NGX_LOG_ERR;

    ngx_adm_redis_log(link->server->client, level, 0,
                      "redis \"%V\" refused the greeting: %*s",
                      &link->server->name, len, error->data);
}


static void
ngx_adm_link_next(ngx_adm_link_t *link)
{
    ngx_adm_topology_t  *topology;

    if (--link->greetings) {
        return;
    }

    switch (link->rc) {

    case NGX_ADM_CALL_OK:
        break;

    case NGX_ADM_CALL_LOADING:
    case NGX_ADM_CALL_BUSY:
        ngx_adm_link_rest(link);
        return;

    default:
        ngx_adm_conn_close(&link->conn, NULL, 0);
        return;
    }

    topology = link->server->client->topology;

    if (topology->verify(link) != NGX_OK) {
        link->rc = NGX_ADM_CALL_READONLY;
        ngx_adm_conn_close(&link->conn, "is not the master", 0);
        return;
    }

    link->loading = 0;

    ngx_adm_conn_ready(&link->conn);
    ngx_adm_server_greeted(link->server, link);
}


void
ngx_adm_link_rest(ngx_adm_link_t *link)
{
    if (link->again.timer_set || link->greetings || link->conn.failed) {
        return;
    }

    link->loading = 1;

    ngx_adm_conn_rest(&link->conn, NGX_ADM_LINK_REST);
    ngx_add_timer(&link->again, NGX_ADM_LINK_REST);

    ngx_adm_redis_note(link->server->client);
    ngx_adm_server_release(link->server, NGX_ADM_CALL_DOWN);
}


static void
ngx_adm_link_again(ngx_event_t *ev)
{
    ngx_adm_link_t  *link;

    link = ev->data;

    ngx_adm_link_greet(&link->conn);
}


ngx_int_t
ngx_adm_link_send(ngx_adm_link_t *link, ngx_adm_call_t *call)
{
    ngx_uint_t  n;
    ngx_str_t  *words;

    call->rc = NGX_ADM_CALL_FULL;

    n = NGX_ADM_LINK_WORDS + call->keys.nelts + call->args.nelts;
    words = ngx_adm_link_words(call, n);

    if (words == NULL
        || (call->asking && ngx_adm_link_asking(link) != NGX_OK)
        || ngx_adm_conn_send(&link->conn, &call->turn, words, n) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    call->asking = 0;
    call->link = link;

    return NGX_OK;
}


static ngx_str_t *
ngx_adm_link_words(ngx_adm_call_t *call, ngx_uint_t n)
{
    u_char     *number;
    ngx_str_t  *words, *word;

    words = ngx_palloc(call->pool, n * sizeof(ngx_str_t));
    number = ngx_pnalloc(call->pool, NGX_INT_T_LEN);

    if (words == NULL || number == NULL) {
        return NULL;
    }

    if (call->eval) {
        ngx_str_set(&words[0], "EVAL");
        words[1] = ngx_adm_script_texts[call->script];

    } else {
        ngx_str_set(&words[0], "EVALSHA");
        words[1] = ngx_adm_script_hashes[call->script];
    }

    words[2].data = number;
    words[2].len = ngx_sprintf(number, "%ui", call->keys.nelts) - number;

    word = words + NGX_ADM_LINK_WORDS;
    ngx_memcpy(word, call->keys.elts, call->keys.nelts * sizeof(ngx_str_t));

    word += call->keys.nelts;
    ngx_memcpy(word, call->args.elts, call->args.nelts * sizeof(ngx_str_t));

    return words;
}


static ngx_int_t
ngx_adm_link_asking(ngx_adm_link_t *link)
{
    ngx_int_t        rc;
    ngx_str_t        word;
    ngx_adm_turn_t  *turn;

    turn = ngx_alloc(sizeof(ngx_adm_turn_t), link->conn.log);
    if (turn == NULL) {
        return NGX_ERROR;
    }

    turn->handler = ngx_adm_link_told_asking;
    turn->data = turn;

    ngx_str_set(&word, "ASKING");

    rc = ngx_adm_conn_send(&link->conn, turn, &word, 1);

    if (rc != NGX_OK) {
        ngx_free(turn);
    }

    return rc;
}


static void
ngx_adm_link_told_asking(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    ngx_free(turn);
}
