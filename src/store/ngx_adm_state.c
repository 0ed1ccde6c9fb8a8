
/*
 * Files of state: reading and writing them, and whose they are.
 *
 * All is done under a lock on one file, in which the number of the nginx
 * stands that has taken the directory over.  Whoever holds the lock and finds
 * its own number there may write: so what was told to be on disk is never
 * replaced by something older.
 */


#include <ngx_adm_state.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/file.h>


#define NGX_ADM_STATE_LAYOUT     1
#define NGX_ADM_STATE_FORMAT     1
#define NGX_ADM_STATE_MAGIC      0x65746174736d6461ULL    /* "admstate" */
#define NGX_ADM_STATE_ALIGN      64
#define NGX_ADM_STATE_DIGEST     32
#define NGX_ADM_STATE_OWNER      16        /* digits */

/* milliseconds */
#define NGX_ADM_STATE_INTERVAL   1000
#define NGX_ADM_STATE_STALE      5000      /* nothing was written for long */
#define NGX_ADM_STATE_WAIT       5000      /* for the lock */
#define NGX_ADM_STATE_LOOK       10

/* beside a file: no part can be named so */
#define NGX_ADM_STATE_BESIDE     "~"


/* what a file begins with, in the machine's order; the copy follows */

typedef struct {
    uint64_t           magic;
    uint64_t           format;
    uint64_t           layout;
    uint64_t           size;       /* of the copy */
    uint64_t           epoch;      /* of the nginx that wrote it */
    u_char             digest[NGX_ADM_STATE_DIGEST];    /* SHA-256 of the file
                                                           with zeros here */
    u_char             rest[56];
} ngx_adm_state_head_t;


/* in shared memory */

struct ngx_adm_state_sh_s {
    ngx_uint_t         layout;
    uint64_t           epoch;      /* of this nginx, random */
    size_t             len;        /* 0: it has not taken over anything */
    u_char             path[NGX_MAX_PATH];    /* ... the directory */

    ngx_atomic_t       success;    /* ngx_current_msec */
    ngx_atomic_t       failing;    /* and the log says so */
    ngx_atomic_t       lost;       /* another one has taken over */
};


static ngx_int_t ngx_adm_state_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_state_lay_out(ngx_shm_zone_t *shm_zone);
static ngx_uint_t ngx_adm_state_elsewhere(ngx_adm_state_t *state);
static void ngx_adm_state_file(ngx_adm_state_t *state, u_char *file,
    ngx_str_t *name, const char *suffix);
static void ngx_adm_state_fail(ngx_adm_state_t *state, ngx_err_t err,
    const char *what, u_char *file);

static ngx_int_t ngx_adm_state_lock(ngx_adm_state_t *state, ngx_msec_t wait);
static ngx_fd_t ngx_adm_state_open_lock(ngx_adm_state_t *state, u_char *file);
static ngx_fd_t ngx_adm_state_create(ngx_adm_state_t *state, u_char *file);
static ngx_int_t ngx_adm_state_check_lock(ngx_adm_state_t *state,
    ngx_fd_t fd, u_char *file);
static void ngx_adm_state_unlock(void *data);
static ngx_int_t ngx_adm_state_own(ngx_adm_state_t *state);
static ngx_int_t ngx_adm_state_take(ngx_adm_state_t *state);

static ngx_int_t ngx_adm_state_load(ngx_adm_state_t *state,
    ngx_adm_state_part_t *part, u_char *file, ngx_fd_t fd, ngx_str_t *copy);
static ngx_int_t ngx_adm_state_room(ngx_adm_state_t *state,
    ngx_adm_state_head_t *head, u_char *file, ngx_fd_t fd, ngx_str_t *copy);
static const char *ngx_adm_state_check(ngx_adm_state_part_t *part,
    ngx_adm_state_head_t *head, ssize_t n);
static ngx_int_t ngx_adm_state_digest(const ngx_adm_state_head_t *head,
    const void *copy, size_t size, u_char *digest);
static ssize_t ngx_adm_state_get(ngx_fd_t fd, void *buf, size_t size);

static void ngx_adm_state_warn(ngx_adm_state_t *state, ngx_log_t *log);
static ngx_msec_t ngx_adm_state_manage(void *data);
static ngx_int_t ngx_adm_state_keep(ngx_adm_state_t *state, ngx_uint_t all,
    ngx_msec_t wait);
static ngx_int_t ngx_adm_state_keep_part(ngx_adm_state_t *state,
    ngx_adm_state_part_t *part, uint64_t *written, ngx_uint_t all);
static ngx_int_t ngx_adm_state_write(ngx_adm_state_t *state,
    ngx_adm_state_part_t *part, void *buf, size_t size);
static ngx_int_t ngx_adm_state_put(ngx_adm_state_t *state, u_char *file,
    void *buf, size_t size);
static ngx_int_t ngx_adm_state_flush(ngx_adm_state_t *state, ngx_fd_t fd,
    u_char *file, void *buf, size_t size);
static ngx_int_t ngx_adm_state_sync(ngx_adm_state_t *state);
static void ngx_adm_state_succeed(ngx_adm_state_t *state);


static ngx_str_t  ngx_adm_state_lock_name = ngx_string("lock");


ngx_adm_state_t *
ngx_adm_state_add(ngx_conf_t *cf, ngx_path_t *path, ngx_str_t *name, void *tag)
{
    ngx_adm_state_t     *state;
    ngx_pool_cleanup_t  *cleanup;

    if (path->name.len + NGX_ADM_STATE_NAME + 3 > NGX_MAX_PATH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "path \"%V\" is too long", &path->name);
        return NULL;
    }

    state = ngx_pcalloc(cf->pool, sizeof(ngx_adm_state_t));
    cleanup = ngx_pool_cleanup_add(cf->pool, 0);

    if (state == NULL || cleanup == NULL
        || ngx_array_init(&state->parts, cf->pool, 4,
                          sizeof(ngx_adm_state_part_t *))
           != NGX_OK)
    {
        return NULL;
    }

    /* a configuration that is given up, too, lets the others write */

    cleanup->handler = ngx_adm_state_unlock;
    cleanup->data = state;

    state->cycle = cf->cycle;
    state->starting = ngx_is_init_cycle(cf->cycle->old_cycle);
    state->log = cf->log;
    state->lock = NGX_INVALID_FILE;

    path->manager = ngx_adm_state_manage;
    path->data = state;

    state->path = path;

    if (ngx_add_path(cf, &state->path) != NGX_OK) {
        return NULL;
    }

    state->shm_zone = ngx_shared_memory_add(cf, name,
                                            sizeof(ngx_adm_state_sh_t)
                                            + 16 * ngx_pagesize, tag);
    if (state->shm_zone == NULL) {
        return NULL;
    }

    state->shm_zone->init = ngx_adm_state_init;
    state->shm_zone->data = state;

    return state;
}


ngx_uint_t
ngx_adm_state_may_have(ngx_str_t *file)
{
    u_char       c;
    size_t       len;
    ngx_uint_t   i;

    /* what each part calls itself */

    static const char  *names[] = {
        "room-", "settings", "stock", "keys", "lock", "lost+found", ".nfs"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = ngx_strlen(names[i]);

        if (file->len < len || ngx_strncmp(file->data, names[i], len) != 0) {
            continue;
        }

        c = (file->len > len) ? ngx_tolower(file->data[len]) : '~';

        if (i == 0 || names[i][0] == '.' || c < '0' || (c > '9' && c < 'a')
            || c > 'z')
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_adm_state_part(ngx_adm_state_t *state, ngx_adm_state_part_t *part)
{
    ngx_adm_state_part_t  **place;

    place = ngx_array_push(&state->parts);
    if (place == NULL) {
        return NGX_ERROR;
    }

    *place = part;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_state_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t  *shpool;
    ngx_adm_state_t  *state;

    state = shm_zone->data;
    state->log = shm_zone->shm.log;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_state_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    state->sh = shpool->data;

    if (state->sh->layout != NGX_ADM_STATE_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, state->log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    /* a new directory that is no good is refused while it still can be */

    if (ngx_test_config || !ngx_adm_state_elsewhere(state)) {
        return NGX_OK;
    }

    return ngx_adm_state_lock(state, NGX_ADM_STATE_WAIT);
}


static ngx_int_t
ngx_adm_state_lay_out(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t     *shpool;
    ngx_adm_state_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_adm_state_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes((u_char *) &sh->epoch, sizeof(sh->epoch)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed for memory \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    sh->layout = NGX_ADM_STATE_LAYOUT;

    shpool->data = sh;

    return NGX_OK;
}


/* 1 if the directory is not the one that this nginx has taken over */

static ngx_uint_t
ngx_adm_state_elsewhere(ngx_adm_state_t *state)
{
    ngx_str_t  *name;

    name = &state->path->name;

    return state->sh->len != name->len
           || ngx_memcmp(state->sh->path, name->data, name->len) != 0;
}


/* "file" has NGX_MAX_PATH bytes */

static void
ngx_adm_state_file(ngx_adm_state_t *state, u_char *file, ngx_str_t *name,
    const char *suffix)
{
    ngx_snprintf(file, NGX_MAX_PATH, "%V/%V%s%Z", &state->path->name, name,
                 suffix);
}


/* says it once, until all works again */

static void
ngx_adm_state_fail(ngx_adm_state_t *state, ngx_err_t err, const char *what,
    u_char *file)
{
    ngx_uint_t  level;

    if (state->sh && ngx_atomic_fetch_add(&state->sh->failing, 1)) {
        return;
    }

    level = state->starting ? NGX_LOG_EMERG : NGX_LOG_ERR;

    ngx_log_error(level, state->log, err,
                  "nothing is kept in \"%V\" of \"admission_state\": "
                  "%s \"%s\" failed",
                  &state->path->name, what, file);
}


/*
 * NGX_OK; NGX_AGAIN: somebody else has the files, though "wait" milliseconds
 * went by; NGX_ERROR.
 */

static ngx_int_t
ngx_adm_state_lock(ngx_adm_state_t *state, ngx_msec_t wait)
{
    u_char      file[NGX_MAX_PATH];
    ngx_fd_t    fd;
    ngx_err_t   err;
    ngx_msec_t  waited;

    if (state->lock != NGX_INVALID_FILE) {
        return NGX_OK;
    }

    ngx_adm_state_file(state, file, &ngx_adm_state_lock_name, "");

    fd = ngx_adm_state_open_lock(state, file);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    for (waited = 0; /* void */ ; waited += NGX_ADM_STATE_LOOK) {

        if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
            state->lock = fd;
            return NGX_OK;
        }

        err = ngx_errno;

        if (err != EWOULDBLOCK || waited >= wait) {
            break;
        }

        ngx_msleep(NGX_ADM_STATE_LOOK);
    }

    (void) ngx_close_file(fd);

    if (err == EWOULDBLOCK && wait == 0) {
        return NGX_AGAIN;
    }

    ngx_adm_state_fail(state, err, "flock()", file);

    return NGX_ERROR;
}


static ngx_fd_t
ngx_adm_state_open_lock(ngx_adm_state_t *state, u_char *file)
{
    ngx_fd_t  fd;

    fd = open((const char *) file, O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE && ngx_errno == NGX_ENOENT) {
        fd = ngx_adm_state_create(state, file);
    }

    if (fd == NGX_INVALID_FILE) {
        ngx_adm_state_fail(state, ngx_errno, ngx_open_file_n, file);
        return NGX_INVALID_FILE;
    }

    if (ngx_adm_state_check_lock(state, fd, file) != NGX_OK) {
        (void) ngx_close_file(fd);
        return NGX_INVALID_FILE;
    }

    return fd;
}


/* a new file, of the workers' user, as nginx' cache manager makes them */

static ngx_fd_t
ngx_adm_state_create(ngx_adm_state_t *state, u_char *file)
{
    ngx_fd_t          fd;
    ngx_err_t         err;
    ngx_core_conf_t  *ccf;

    fd = open((const char *) file, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == NGX_INVALID_FILE) {
        return NGX_INVALID_FILE;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(state->cycle->conf_ctx,
                                           ngx_core_module);

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && fchown(fd, ccf->user, -1) == -1)
    {
        err = ngx_errno;
        (void) ngx_close_file(fd);
        ngx_set_errno(err);
        return NGX_INVALID_FILE;
    }

    return fd;
}


/* the master writes to it as root, and the directory is another user's */

static ngx_int_t
ngx_adm_state_check_lock(ngx_adm_state_t *state, ngx_fd_t fd, u_char *file)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_adm_state_fail(state, ngx_errno, ngx_fd_info_n, file);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi) || fi.st_nlink > 1) {
        ngx_adm_state_fail(state, 0,
                           "looking for a regular file with one name at",
                           file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_adm_state_unlock(void *data)
{
    ngx_adm_state_t  *state = data;

    if (state->lock != NGX_INVALID_FILE) {
        (void) ngx_close_file(state->lock);
        state->lock = NGX_INVALID_FILE;
    }
}


/*
 * Whether this nginx may write: NGX_OK, NGX_DECLINED or NGX_ERROR.  What
 * nobody has taken over, as when an operator has emptied the directory, is
 * taken over now.
 */

static ngx_int_t
ngx_adm_state_own(ngx_adm_state_t *state)
{
    u_char   here[NGX_ADM_STATE_OWNER], ours[NGX_ADM_STATE_OWNER];
    ssize_t  n;

    n = pread(state->lock, here, NGX_ADM_STATE_OWNER, 0);

    if (n != NGX_ADM_STATE_OWNER) {
        return ngx_adm_state_take(state);
    }

    ngx_hex_dump(ours, (u_char *) &state->sh->epoch,
                 sizeof(state->sh->epoch));

    return (ngx_memcmp(here, ours, NGX_ADM_STATE_OWNER) == 0) ? NGX_OK
                                                              : NGX_DECLINED;
}


static ngx_int_t
ngx_adm_state_take(ngx_adm_state_t *state)
{
    u_char      owner[NGX_ADM_STATE_OWNER + 1], file[NGX_MAX_PATH];
    ngx_str_t  *name;

    ngx_hex_dump(owner, (u_char *) &state->sh->epoch,
                 sizeof(state->sh->epoch));
    owner[NGX_ADM_STATE_OWNER] = LF;

    if (pwrite(state->lock, owner, sizeof(owner), 0) != sizeof(owner)) {
        ngx_adm_state_file(state, file, &ngx_adm_state_lock_name, "");
        ngx_adm_state_fail(state, ngx_errno, "pwrite()", file);
        return NGX_ERROR;
    }

    name = &state->path->name;

    ngx_memcpy(state->sh->path, name->data, name->len);

    state->sh->len = name->len;
    state->sh->lost = 0;

    return NGX_OK;
}


ngx_int_t
ngx_adm_state_read(ngx_adm_state_t *state, ngx_adm_state_part_t *part,
    void *copy)
{
    ngx_str_t  whole;

    whole.len = part->size;
    whole.data = copy;

    return ngx_adm_state_read_all(state, part, &whole);
}


ngx_int_t
ngx_adm_state_read_all(ngx_adm_state_t *state, ngx_adm_state_part_t *part,
    ngx_str_t *copy)
{
    u_char     file[NGX_MAX_PATH];
    ngx_fd_t   fd;
    ngx_int_t  rc;

    state->log = state->cycle->log;

    if (!ngx_test_config
        && ngx_adm_state_lock(state, NGX_ADM_STATE_WAIT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_adm_state_file(state, file, &part->name, "");

    fd = open((const char *) file, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_EMERG, state->log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed", file);
        return NGX_ERROR;
    }

    if (part->measure) {
        ngx_str_null(copy);
    }

    rc = ngx_adm_state_load(state, part, file, fd, copy);

    if (rc != NGX_OK && part->measure && copy->data) {
        ngx_free(copy->data);
    }

    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_adm_state_load(ngx_adm_state_t *state, ngx_adm_state_part_t *part,
    u_char *file, ngx_fd_t fd, ngx_str_t *copy)
{
    u_char                digest[NGX_ADM_STATE_DIGEST], after;
    ssize_t               n;
    const char           *wrong;
    ngx_adm_state_head_t  head;

    n = ngx_adm_state_get(fd, &head, sizeof(ngx_adm_state_head_t));
    wrong = ngx_adm_state_check(part, &head, n);

    if (wrong == NULL && part->measure
        && ngx_adm_state_room(state, &head, file, fd, copy) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wrong == NULL
        && (ngx_adm_state_get(fd, copy->data, copy->len)
            != (ssize_t) copy->len
            || (uint64_t) copy->len != head.size
            || ngx_adm_state_get(fd, &after, 1) != 0))
    {
        wrong = "is damaged, it has another length than it says";
    }

    if (wrong == NULL
        && (ngx_adm_state_digest(&head, copy->data, copy->len, digest)
            != NGX_OK
            || ngx_memcmp(digest, head.digest, NGX_ADM_STATE_DIGEST) != 0))
    {
        wrong = "is damaged, its checksum is wrong";
    }

    if (wrong == NULL) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, state->log, 0,
                  "state file \"%s\" %s; put a good one there, or move it "
                  "away to begin without it: what it kept, as places in line "
                  "or settings of an operator, is lost then, and numbers are "
                  "given again",
                  file, wrong);

    return NGX_ERROR;
}


/* no more than the file has, whatever a damaged one says */

static ngx_int_t
ngx_adm_state_room(ngx_adm_state_t *state, ngx_adm_state_head_t *head,
    u_char *file, ngx_fd_t fd, ngx_str_t *copy)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, state->log, ngx_errno,
                      ngx_fd_info_n " \"%s\" failed", file);
        return NGX_ERROR;
    }

    copy->len = (size_t) ngx_min(head->size, (uint64_t) ngx_file_size(&fi));
    copy->data = ngx_alloc(copy->len + 1, state->log);

    return copy->data ? NGX_OK : NGX_ERROR;
}


/* NULL, or what is wrong */

static const char *
ngx_adm_state_check(ngx_adm_state_part_t *part, ngx_adm_state_head_t *head,
    ssize_t n)
{
    if (n == NGX_ERROR) {
        return "cannot be read";
    }

    if (n != sizeof(ngx_adm_state_head_t)) {
        return "is damaged, it is cut off";
    }

    if (head->magic != NGX_ADM_STATE_MAGIC) {
        return "was not written by \"admission_state\"";
    }

    if (head->format != NGX_ADM_STATE_FORMAT || head->layout != part->layout
        || (part->measure == NULL && head->size != part->size))
    {
        return "was written by another version of the module";
    }

    return NULL;
}


static ngx_int_t
ngx_adm_state_digest(const ngx_adm_state_head_t *head, const void *copy,
    size_t size, u_char *digest)
{
    ngx_int_t             rc;
    EVP_MD_CTX           *ctx;
    ngx_adm_state_head_t  zeroed;

    zeroed = *head;
    ngx_memzero(zeroed.digest, NGX_ADM_STATE_DIGEST);

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
          && EVP_DigestUpdate(ctx, &zeroed, sizeof(zeroed)) == 1
          && EVP_DigestUpdate(ctx, copy, size) == 1
          && EVP_DigestFinal_ex(ctx, digest, NULL) == 1)
         ? NGX_OK : NGX_ERROR;

    EVP_MD_CTX_free(ctx);

    return rc;
}


/* as many bytes as there are, up to "size" */

static ssize_t
ngx_adm_state_get(ngx_fd_t fd, void *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += n) {
        n = ngx_read_fd(fd, (u_char *) buf + len, size - len);

        if (n == -1) {
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }
    }

    return len;
}


ngx_int_t
ngx_adm_state_serve(ngx_adm_state_t *state, ngx_log_t *log)
{
    ngx_int_t  rc;

    if (ngx_test_config) {
        return NGX_OK;
    }

    ngx_adm_state_warn(state, log);

    state->log = log;
    state->written = ngx_pcalloc(state->parts.pool,
                                 (state->parts.nelts + 1) * sizeof(uint64_t));
    if (state->written == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_adm_state_lock(state, NGX_ADM_STATE_WAIT);

    if (rc == NGX_OK && ngx_adm_state_elsewhere(state)) {
        rc = ngx_adm_state_take(state);
    }

    if (rc == NGX_OK) {
        rc = ngx_adm_state_keep(state, 1, 0);
    }

    ngx_adm_state_unlock(state);

    if (rc == NGX_ERROR && state->starting) {
        return NGX_ERROR;
    }

    /* on reload an error here would be the end of the master */

    state->starting = 0;

    return NGX_OK;
}


/* without a master there is no cache manager either */

static void
ngx_adm_state_warn(ngx_adm_state_t *state, ngx_log_t *log)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(state->cycle->conf_ctx,
                                           ngx_core_module);

    if (!ccf->master) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "\"admission_state\" is written only when nginx starts "
                      "and ends, since \"master_process\" is off");
    }
}


void
ngx_adm_state_end(ngx_adm_state_t *state, ngx_log_t *log)
{
    state->log = log;

    (void) ngx_adm_state_keep(state, 1, NGX_ADM_STATE_WAIT);
}


ngx_uint_t
ngx_adm_state_works(ngx_adm_state_t *state)
{
    ngx_msec_int_t  age;

    age = (ngx_msec_int_t) (ngx_current_msec - state->sh->success);

    return !state->sh->failing && !state->sh->lost
           && age < NGX_ADM_STATE_STALE;
}


/* what nginx' cache manager calls; milliseconds until the next time */

static ngx_msec_t
ngx_adm_state_manage(void *data)
{
    ngx_adm_state_t  *state = data;

    ngx_int_t       rc;
    ngx_msec_int_t  left;

    /* caches may want to be managed sooner */

    left = (ngx_msec_int_t) (state->next - ngx_current_msec);

    if (left > 0 && left <= NGX_ADM_STATE_INTERVAL) {
        return left;
    }

    state->log = ngx_cycle->log;

    rc = ngx_adm_state_keep(state, 0, 0);

    if (rc == NGX_AGAIN) {
        return NGX_ADM_STATE_LOOK;
    }

    ngx_time_update();
    state->next = ngx_current_msec + NGX_ADM_STATE_INTERVAL;

    return NGX_ADM_STATE_INTERVAL;
}


/* writes the parts that have changed, or all */

static ngx_int_t
ngx_adm_state_keep(ngx_adm_state_t *state, ngx_uint_t all, ngx_msec_t wait)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_adm_state_part_t  **part;

    if (state->sh->lost) {
        return NGX_DECLINED;
    }

    rc = ngx_adm_state_lock(state, wait);

    if (rc == NGX_OK) {
        rc = ngx_adm_state_own(state);
    }

    if (rc == NGX_DECLINED && ngx_atomic_cmp_set(&state->sh->lost, 0, 1)) {
        ngx_log_error(NGX_LOG_WARN, state->log, 0,
                      "\"%V\" of \"admission_state\" was taken over by "
                      "another nginx, this one keeps nothing there any more",
                      &state->path->name);
    }

    part = state->parts.elts;

    for (i = 0; rc == NGX_OK && i < state->parts.nelts; i++) {
        rc = ngx_adm_state_keep_part(state, part[i], &state->written[i], all);
    }

    ngx_adm_state_unlock(state);

    if (rc == NGX_OK) {
        ngx_adm_state_succeed(state);
    }

    return rc;
}


static ngx_int_t
ngx_adm_state_keep_part(ngx_adm_state_t *state, ngx_adm_state_part_t *part,
    uint64_t *written, ngx_uint_t all)
{
    void       *buf;
    size_t      size;
    uint64_t    version;
    ngx_int_t   rc;

    version = part->version(part->data);

    if (version == *written && !all) {
        return NGX_OK;
    }

    size = part->measure ? part->measure(part->data) : part->size;

    buf = ngx_memalign(NGX_ADM_STATE_ALIGN,
                       sizeof(ngx_adm_state_head_t) + size, state->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(buf, sizeof(ngx_adm_state_head_t) + size);

    rc = ngx_adm_state_write(state, part, buf, size);

    if (rc == NGX_OK) {
        *written = version;
    }

    ngx_free(buf);

    /* what has grown meanwhile is measured anew the next time */

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


static ngx_int_t
ngx_adm_state_write(ngx_adm_state_t *state, ngx_adm_state_part_t *part,
    void *buf, size_t size)
{
    void                  *copy;
    u_char                 file[NGX_MAX_PATH], beside[NGX_MAX_PATH];
    ssize_t                n;
    ngx_adm_state_head_t  *head;

    head = buf;
    copy = (u_char *) buf + sizeof(ngx_adm_state_head_t);

    n = size;

    if (part->measure) {
        n = part->pack(part->data, copy, size);

    } else {
        part->save(part->data, copy);
    }

    if (n == NGX_ERROR) {
        return NGX_DECLINED;
    }

    head->magic = NGX_ADM_STATE_MAGIC;
    head->format = NGX_ADM_STATE_FORMAT;
    head->layout = part->layout;
    head->size = n;
    head->epoch = state->sh->epoch;

    ngx_adm_state_file(state, file, &part->name, "");
    ngx_adm_state_file(state, beside, &part->name, NGX_ADM_STATE_BESIDE);

    if (ngx_adm_state_digest(head, copy, n, head->digest) != NGX_OK) {
        ngx_adm_state_fail(state, 0, "SHA-256 of", file);
        return NGX_ERROR;
    }

    if (ngx_adm_state_put(state, beside, buf, sizeof(ngx_adm_state_head_t) + n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_rename_file(beside, file) == NGX_FILE_ERROR) {
        ngx_adm_state_fail(state, ngx_errno, ngx_rename_file_n, beside);
        return NGX_ERROR;
    }

    if (ngx_adm_state_sync(state) != NGX_OK) {
        return NGX_ERROR;
    }

    if (part->kept) {
        part->kept(part->data, copy);
    }

    return NGX_OK;
}


/* a file that is left there may be of another user */

static ngx_int_t
ngx_adm_state_put(ngx_adm_state_t *state, u_char *file, void *buf, size_t size)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (ngx_delete_file(file) == NGX_FILE_ERROR && ngx_errno != NGX_ENOENT) {
        ngx_adm_state_fail(state, ngx_errno, ngx_delete_file_n, file);
        return NGX_ERROR;
    }

    fd = ngx_adm_state_create(state, file);

    if (fd == NGX_INVALID_FILE) {
        ngx_adm_state_fail(state, ngx_errno, ngx_open_file_n, file);
        return NGX_ERROR;
    }

    rc = ngx_adm_state_flush(state, fd, file, buf, size);

    if (ngx_close_file(fd) == NGX_FILE_ERROR && rc == NGX_OK) {
        ngx_adm_state_fail(state, ngx_errno, ngx_close_file_n, file);
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        (void) ngx_delete_file(file);
    }

    return rc;
}


static ngx_int_t
ngx_adm_state_flush(ngx_adm_state_t *state, ngx_fd_t fd, u_char *file,
    void *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += n) {
        n = ngx_write_fd(fd, (u_char *) buf + len, size - len);

        if (n == -1) {
            ngx_adm_state_fail(state, ngx_errno, ngx_write_fd_n, file);
            return NGX_ERROR;
        }
    }

    if (fsync(fd) == -1) {
        ngx_adm_state_fail(state, ngx_errno, "fsync()", file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the new name of a file, too, has to be on disk */

static ngx_int_t
ngx_adm_state_sync(ngx_adm_state_t *state)
{
    u_char    *dir;
    ngx_fd_t   fd;

    dir = state->path->name.data;
    fd = open((const char *) dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        ngx_adm_state_fail(state, ngx_errno, ngx_open_file_n, dir);
        return NGX_ERROR;
    }

    /* some file systems have nothing to do, and say EINVAL */

    if (fsync(fd) == -1 && ngx_errno != NGX_EINVAL) {
        ngx_adm_state_fail(state, ngx_errno, "fsync()", dir);
        (void) ngx_close_file(fd);
        return NGX_ERROR;
    }

    (void) ngx_close_file(fd);

    return NGX_OK;
}


static void
ngx_adm_state_succeed(ngx_adm_state_t *state)
{
    state->sh->success = ngx_current_msec;

    if (state->sh->failing) {
        state->sh->failing = 0;

        ngx_log_error(NGX_LOG_WARN, state->log, 0,
                      "\"%V\" of \"admission_state\" is written again",
                      &state->path->name);
    }
}
