
/*
 * One connection to a Redis, on a connection of nginx.
 */


#include <ngx_adm_redis_conn.h>
#include <hiredis/hiredis.h>

#if (NGX_SSL)
#include <openssl/x509v3.h>
#endif


#define NGX_ADM_CONN_READ  16384


static void ngx_adm_conn_prepare(ngx_adm_conn_t *conn, ngx_addr_t *addr);
static void ngx_adm_conn_attach(ngx_adm_conn_t *conn, ngx_connection_t *c);
static void ngx_adm_conn_connected(ngx_event_t *wev);
static ngx_int_t ngx_adm_conn_test(ngx_connection_t *c);
static void ngx_adm_conn_open_handler(ngx_adm_conn_t *conn);
#if (NGX_SSL)
static void ngx_adm_conn_secure(ngx_adm_conn_t *conn);
static void ngx_adm_conn_secured(ngx_connection_t *c);
static const char *ngx_adm_conn_distrust(ngx_adm_conn_t *conn);
static ngx_int_t ngx_adm_conn_check_host(ngx_connection_t *c,
    ngx_str_t *host);
static ngx_uint_t ngx_adm_conn_is_address(ngx_str_t *host);
#endif
static ngx_int_t ngx_adm_conn_format(ngx_adm_conn_t *conn, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_adm_conn_put(ngx_adm_conn_t *conn, u_char *data,
    size_t len);
static ngx_int_t ngx_adm_conn_reserve(ngx_adm_conn_t *conn, size_t len);
static void ngx_adm_conn_flush(ngx_event_t *ev);
static void ngx_adm_conn_write(ngx_event_t *wev);
static void ngx_adm_conn_read(ngx_event_t *rev);
static void ngx_adm_conn_receive(ngx_adm_conn_t *conn);
static ngx_int_t ngx_adm_conn_replies(ngx_adm_conn_t *conn);
static void ngx_adm_conn_stalled(ngx_adm_conn_t *conn);
static void ngx_adm_conn_end(ngx_adm_conn_t *conn);
static void ngx_adm_conn_detach(ngx_adm_conn_t *conn);


void
ngx_adm_conn_init(ngx_adm_conn_t *conn, ngx_adm_redis_conf_t *conf,
    ngx_log_t *log)
{
    ngx_memzero(conn, sizeof(ngx_adm_conn_t));

    conn->conf = conf;
    conn->log = log;

    /* what nginx itself would say of each attempt, unless one debugs */

    conn->quiet = *log;

    if (!(log->log_level & NGX_LOG_DEBUG_ALL)) {
        conn->quiet.log_level = ngx_min(log->log_level, NGX_LOG_ALERT);
    }

    /* a call that may take its time is not cut short */

    conn->stall = ngx_max(3 * conf->timeout, 1000);
    conn->stall = ngx_max(conn->stall, conf->claim_timeout);

    ngx_queue_init(&conn->turns);

    conn->flush.handler = ngx_adm_conn_flush;
    conn->flush.data = conn;
    conn->flush.log = log;
}


ngx_int_t
ngx_adm_conn_open(ngx_adm_conn_t *conn, ngx_addr_t *addr, ngx_str_t *host)
{
    ngx_int_t  rc;

    ngx_adm_conn_prepare(conn, addr);

    conn->host = conn->conf->name.len ? conn->conf->name : *host;

    conn->reader = ngx_adm_reader_create(conn->log);
    if (conn->reader == NULL) {
        return NGX_ERROR;
    }

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(&conn->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        conn->err = ngx_socket_errno;

        if (conn->peer.connection) {
            ngx_close_connection(conn->peer.connection);
        }

        ngx_adm_reader_destroy(conn->reader);
        conn->reader = NULL;

        return NGX_ERROR;
    }

    conn->state = NGX_ADM_CONN_CONNECTING;
    ngx_adm_conn_attach(conn, conn->peer.connection);

    if (rc == NGX_OK) {
        ngx_post_event(conn->connection->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_adm_conn_prepare(ngx_adm_conn_t *conn, ngx_addr_t *addr)
{
    conn->why = "could not connect";
    conn->err = 0;
    conn->rubbish = 0;
    conn->failed = 0;
    conn->since = ngx_current_msec;
    conn->heard = ngx_current_msec;
    conn->queued = 0;
    conn->written = 0;

    ngx_memzero(&conn->peer, sizeof(ngx_peer_connection_t));

    conn->peer.sockaddr = addr->sockaddr;
    conn->peer.socklen = addr->socklen;
    conn->peer.name = &addr->name;
    conn->peer.get = ngx_event_get_peer;
    conn->peer.log = &conn->quiet;
    conn->peer.log_error = NGX_ERROR_ERR;
    conn->peer.so_keepalive = 1;
}


static void
ngx_adm_conn_attach(ngx_adm_conn_t *conn, ngx_connection_t *c)
{
    conn->connection = c;

    c->data = conn;
    c->log = &conn->quiet;
    c->log_error = NGX_ERROR_ERR;
    c->read->log = &conn->quiet;
    c->write->log = &conn->quiet;

    c->read->handler = ngx_adm_conn_read;
    c->write->handler = ngx_adm_conn_connected;

    /* whatever waits for a reply has a deadline of its own */

    c->read->cancelable = 1;
    c->write->cancelable = 1;

    ngx_add_timer(c->write, conn->conf->connect_timeout);
}


static void
ngx_adm_conn_connected(ngx_event_t *wev)
{
    ngx_connection_t  *c;
    ngx_adm_conn_t    *conn;

    c = wev->data;
    conn = c->data;

    if (wev->timedout) {
        ngx_adm_conn_close(conn, "timed out", 0);
        return;
    }

    if (conn->state != NGX_ADM_CONN_CONNECTING) {
        return;
    }

    if (ngx_adm_conn_test(c) != NGX_OK) {
        ngx_adm_conn_close(conn, "could not connect", ngx_socket_errno);
        return;
    }

    if (conn->peer.sockaddr->sa_family != AF_UNIX) {
        (void) ngx_tcp_nodelay(c);
    }

#if (NGX_SSL)
    if (conn->conf->tls && !conn->plain) {
        ngx_adm_conn_secure(conn);
        return;
    }
#endif

    ngx_adm_conn_open_handler(conn);
}


static ngx_int_t
ngx_adm_conn_test(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1) {
        return NGX_ERROR;
    }

    ngx_set_socket_errno(err);

    return err ? NGX_ERROR : NGX_OK;
}


static void
ngx_adm_conn_open_handler(ngx_adm_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

    conn->state = NGX_ADM_CONN_GREETING;

    c->read->handler = ngx_adm_conn_read;
    c->write->handler = ngx_adm_conn_write;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_adm_conn_close(conn, "failed", 0);
        return;
    }

    conn->opened(conn);

    /* it may have spoken before it was asked */

    if (conn->connection && conn->connection->read->ready) {
        ngx_post_event(conn->connection->read, &ngx_posted_events);
    }
}


void
ngx_adm_conn_ready(ngx_adm_conn_t *conn)
{
    conn->state = NGX_ADM_CONN_READY;

    if (conn->connection->write->timer_set) {
        ngx_del_timer(conn->connection->write);
    }
}


void
ngx_adm_conn_rest(ngx_adm_conn_t *conn, ngx_msec_t rest)
{
    ngx_event_t  *wev;

    conn->state = NGX_ADM_CONN_GREETING;

    wev = conn->connection->write;

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    ngx_add_timer(wev, rest + conn->conf->connect_timeout);
}


#if (NGX_SSL)

static void
ngx_adm_conn_secure(ngx_adm_conn_t *conn)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = conn->connection;

    conn->state = NGX_ADM_CONN_SECURING;

    if (c->pool == NULL) {
        c->pool = ngx_create_pool(512, &conn->quiet);
    }

    if (c->pool == NULL
        || ngx_ssl_create_connection(conn->conf->ssl, c, NGX_SSL_CLIENT)
           != NGX_OK)
    {
        ngx_adm_conn_close(conn, "failed", 0);
        return;
    }

    /* what waits to be written may move while it waits */

    SSL_set_mode(c->ssl->connection, SSL_MODE_ENABLE_PARTIAL_WRITE
                                     |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    if (conn->host.len && !ngx_adm_conn_is_address(&conn->host)
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) conn->host.data)
           == 0)
    {
        ngx_adm_conn_close(conn, "failed", 0);
        return;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_adm_conn_secured;
        return;
    }

    ngx_adm_conn_secured(c);
}


/* nginx has handlers of its own for a handshake: a timer is told to both */

static void
ngx_adm_conn_secured(ngx_connection_t *c)
{
    const char      *why;
    ngx_adm_conn_t  *conn;

    conn = c->data;

    if (c->write->timedout) {
        ngx_adm_conn_close(conn, "timed out in the TLS handshake", 0);
        return;
    }

    if (!c->ssl->handshaked) {
        ngx_adm_conn_close(conn, "failed in the TLS handshake", 0);
        return;
    }

    why = conn->conf->verify ? ngx_adm_conn_distrust(conn) : NULL;

    if (why) {
        ngx_adm_conn_close(conn, why, 0);
        return;
    }

    ngx_adm_conn_open_handler(conn);
}


/* NULL: it is who it should be */

static const char *
ngx_adm_conn_distrust(ngx_adm_conn_t *conn)
{
    long               rc;
    ngx_connection_t  *c;

    c = conn->connection;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        return X509_verify_cert_error_string(rc);
    }

    if (ngx_adm_conn_check_host(c, &conn->host) != NGX_OK) {
        return "its certificate is of another host";
    }

    return NULL;
}


/* nginx knows names only, and a server may be known by its address */

static ngx_int_t
ngx_adm_conn_check_host(ngx_connection_t *c, ngx_str_t *host)
{
    int    rc;
    X509  *cert;

    if (!ngx_adm_conn_is_address(host)) {
        return ngx_ssl_check_host(c, host);
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_check_ip_asc(cert, (char *) host->data, 0);

    X509_free(cert);

    return (rc == 1) ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_adm_conn_is_address(ngx_str_t *host)
{
    u_char  address[16];

    return ngx_inet_addr(host->data, host->len) != INADDR_NONE
#if (NGX_HAVE_INET6)
           || ngx_inet6_addr(host->data, host->len, address) == NGX_OK
#endif
           ;
}

#endif


ngx_int_t
ngx_adm_conn_send(ngx_adm_conn_t *conn, ngx_adm_turn_t *turn,
    ngx_str_t *words, ngx_uint_t n)
{
    ngx_int_t  rc;

    if (conn->state < NGX_ADM_CONN_GREETING || conn->failed
        || conn->pending >= NGX_ADM_CONN_TURNS)
    {
        return NGX_DECLINED;
    }

    rc = ngx_adm_conn_format(conn, words, n);

    if (rc != NGX_OK) {
        return rc;
    }

    turn->end = conn->queued;
    turn->since = ngx_current_msec;

    ngx_queue_insert_tail(&conn->turns, &turn->queue);
    conn->pending++;

    if (!conn->connection->read->timer_set) {
        ngx_add_timer(conn->connection->read, conn->stall);
    }

    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_conn_format(ngx_adm_conn_t *conn, ngx_str_t *words, ngx_uint_t n)
{
    int           len;
    char         *command;
    size_t       *lens;
    ngx_int_t     rc;
    ngx_uint_t    i;
    const char  **data;

    data = ngx_alloc(n * (sizeof(char *) + sizeof(size_t)), conn->log);
    if (data == NULL) {
        return NGX_ERROR;
    }

    lens = (size_t *) (data + n);

    for (i = 0; i < n; i++) {
        data[i] = (char *) words[i].data;
        lens[i] = words[i].len;
    }

    len = redisFormatCommandArgv(&command, n, data, lens);

    ngx_free(data);

    if (len < 0) {
        return NGX_ERROR;
    }

    rc = ngx_adm_conn_put(conn, (u_char *) command, len);

    redisFreeCommand(command);

    return rc;
}


static ngx_int_t
ngx_adm_conn_put(ngx_adm_conn_t *conn, u_char *data, size_t len)
{
    ngx_int_t  rc;

    rc = ngx_adm_conn_reserve(conn, len);

    if (rc == NGX_OK) {
        ngx_memcpy(conn->out + conn->last, data, len);

        conn->last += len;
        conn->queued += len;
    }

    return rc;
}


/* what was written goes first, then the buffer is doubled */

static ngx_int_t
ngx_adm_conn_reserve(ngx_adm_conn_t *conn, size_t len)
{
    u_char  *out;
    size_t   used, size;

    used = conn->last - conn->pos;

    if (used + len > NGX_ADM_CONN_OUTPUT) {
        return NGX_DECLINED;
    }

    if (conn->last + len <= conn->size) {
        return NGX_OK;
    }

    if (used + len <= conn->size) {
        ngx_memmove(conn->out, conn->out + conn->pos, used);

    } else {
        size = ngx_max(conn->size, 4096);

        while (size < used + len) {
            size *= 2;
        }

        out = ngx_alloc(size, conn->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        if (conn->out) {
            ngx_memcpy(out, conn->out + conn->pos, used);
            ngx_free(conn->out);
        }

        conn->out = out;
        conn->size = size;
    }

    conn->pos = 0;
    conn->last = used;

    return NGX_OK;
}


static void
ngx_adm_conn_flush(ngx_event_t *ev)
{
    ngx_adm_conn_t  *conn;

    conn = ev->data;

    if (conn->connection) {
        ngx_adm_conn_write(conn->connection->write);
    }
}


static void
ngx_adm_conn_write(ngx_event_t *wev)
{
    ssize_t            n;
    ngx_err_t          err;
    ngx_connection_t  *c;
    ngx_adm_conn_t    *conn;

    c = wev->data;
    conn = c->data;

    if (wev->timedout) {
        ngx_adm_conn_close(conn, "timed out", 0);
        return;
    }

    while (conn->pos < conn->last) {

        n = c->send(c, conn->out + conn->pos, conn->last - conn->pos);

        if (n == NGX_ERROR) {
            err = ngx_socket_errno;

            /* the server has closed it, and may have said why before */

            if (err == NGX_EPIPE && conn->state >= NGX_ADM_CONN_GREETING
                && !conn->reading)
            {
                ngx_adm_conn_look(conn);
                return;
            }

            ngx_adm_conn_close(conn, "failed", err);
            return;
        }

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        conn->pos += n;
        conn->written += n;
    }

    if (conn->pos == conn->last) {
        conn->pos = 0;
        conn->last = 0;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_adm_conn_close(conn, "failed", 0);
    }
}


static void
ngx_adm_conn_read(ngx_event_t *rev)
{
    ngx_connection_t  *c;
    ngx_adm_conn_t    *conn;

    c = rev->data;
    conn = c->data;

    if (rev->timedout) {
        rev->timedout = 0;
        ngx_adm_conn_stalled(conn);
        return;
    }

    if (conn->state == NGX_ADM_CONN_CONNECTING) {
        return;
    }

    ngx_adm_conn_receive(conn);
}


void
ngx_adm_conn_look(ngx_adm_conn_t *conn)
{
    if (conn->state < NGX_ADM_CONN_GREETING || conn->reading) {
        return;
    }

    /* as if an event had said so */

    conn->connection->read->ready = 1;
    conn->connection->read->available = -1;

    ngx_adm_conn_receive(conn);
}


static void
ngx_adm_conn_receive(ngx_adm_conn_t *conn)
{
    ssize_t            n;
    ngx_connection_t  *c;
    u_char             data[NGX_ADM_CONN_READ];

    c = conn->connection;

    for ( ;; ) {

        n = c->recv(c, data, NGX_ADM_CONN_READ);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0) {
            ngx_adm_conn_close(conn, "closed the connection", 0);
            return;
        }

        if (n == NGX_ERROR) {
            ngx_adm_conn_close(conn, "failed", ngx_socket_errno);
            return;
        }

        if (ngx_adm_reader_feed(conn->reader, data, n) != NGX_OK) {
            ngx_adm_conn_close(conn, "failed", NGX_ENOMEM);
            return;
        }

        if (ngx_adm_conn_replies(conn) != NGX_OK) {
            return;
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_adm_conn_close(conn, "failed", 0);
    }
}


/* NGX_DONE: it is closed */

static ngx_int_t
ngx_adm_conn_replies(ngx_adm_conn_t *conn)
{
    ngx_int_t         rc;
    ngx_queue_t      *q;
    ngx_adm_turn_t   *turn;
    ngx_adm_value_t  *value;

    conn->reading = 1;

    for ( ;; ) {

        rc = ngx_adm_reader_next(conn->reader, &value);

        if (rc != NGX_OK) {
            break;
        }

        if (ngx_queue_empty(&conn->turns)) {
            rc = NGX_ERROR;
            break;
        }

        conn->heard = ngx_current_msec;

        q = ngx_queue_head(&conn->turns);
        ngx_queue_remove(q);
        conn->pending--;

        turn = ngx_queue_data(q, ngx_adm_turn_t, queue);
        turn->handler(turn, value);

        if (conn->failed) {
            break;
        }
    }

    conn->reading = 0;

    if (rc == NGX_ERROR && !conn->failed) {
        conn->rubbish = 1;
        conn->why = "sent what is no reply";
        conn->failed = 1;
    }

    if (conn->failed) {
        ngx_adm_conn_end(conn);
        return NGX_DONE;
    }

    return NGX_OK;
}


/* the timer is neither put off by each reply, nor deleted by the last */

static void
ngx_adm_conn_stalled(ngx_adm_conn_t *conn)
{
    ngx_queue_t     *q;
    ngx_msec_t       since;
    ngx_adm_turn_t  *turn;

    ngx_adm_conn_look(conn);

    if (conn->state < NGX_ADM_CONN_GREETING || conn->pending == 0) {
        return;
    }

    q = ngx_queue_head(&conn->turns);
    turn = ngx_queue_data(q, ngx_adm_turn_t, queue);

    since = turn->since;

    if ((ngx_msec_int_t) (conn->heard - since) > 0) {
        since = conn->heard;
    }

    since = ngx_current_msec - since;

    if (since >= conn->stall) {
        ngx_adm_conn_close(conn, "did not answer", 0);
        return;
    }

    ngx_add_timer(conn->connection->read, conn->stall - since);
}


void
ngx_adm_conn_close(ngx_adm_conn_t *conn, const char *why, ngx_err_t err)
{
    if (conn->state == NGX_ADM_CONN_CLOSED || conn->failed) {
        return;
    }

    conn->why = why;
    conn->err = err;
    conn->failed = 1;

    if (!conn->reading) {
        ngx_adm_conn_end(conn);
    }
}


static void
ngx_adm_conn_end(ngx_adm_conn_t *conn)
{
    ngx_queue_t      turns, *q;
    ngx_adm_turn_t  *turn;

    ngx_adm_conn_detach(conn);

    conn->state = NGX_ADM_CONN_CLOSED;

    /* their handlers may open it again */

    ngx_queue_init(&turns);

    if (!ngx_queue_empty(&conn->turns)) {
        ngx_queue_add(&turns, &conn->turns);
        ngx_queue_init(&conn->turns);
    }

    conn->pending = 0;

    while (!ngx_queue_empty(&turns)) {
        q = ngx_queue_head(&turns);
        ngx_queue_remove(q);

        turn = ngx_queue_data(q, ngx_adm_turn_t, queue);
        turn->handler(turn, NULL);
    }

    conn->closed(conn);
}


static void
ngx_adm_conn_detach(ngx_adm_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;
    conn->connection = NULL;

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

#if (NGX_SSL)
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }
#endif

    if (c->pool) {
        ngx_destroy_pool(c->pool);
        c->pool = NULL;
    }

    ngx_close_connection(c);

    ngx_adm_reader_destroy(conn->reader);
    conn->reader = NULL;

    if (conn->out) {
        ngx_free(conn->out);
    }

    conn->out = NULL;
    conn->size = 0;
    conn->pos = 0;
    conn->last = 0;
}


ngx_uint_t
ngx_adm_conn_sent(ngx_adm_conn_t *conn, ngx_adm_turn_t *turn)
{
    return turn->end <= conn->written;
}
