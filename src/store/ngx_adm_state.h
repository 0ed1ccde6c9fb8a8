
/*
 * What shared memory must bring back after a restart, in files of one
 * directory: admission_state.
 *
 * Parts are copied and written by nginx' cache manager, a process of its own
 * under the workers' user, whenever they have changed, once a second at most;
 * at the end by the master, when all workers are gone; and by the master at
 * the start, before the first worker, so that whatever is given out is
 * covered by a file from the beginning.  Never by a worker.
 *
 * A file is written beside, flushed, and renamed over the old one, so there
 * is a whole one at any moment.  Processes of two generations write one after
 * the other; an nginx whose files another one has taken over, as in a binary
 * upgrade, writes no more, and says so once.
 */


#ifndef _NGX_ADM_STATE_H_INCLUDED_
#define _NGX_ADM_STATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ADM_STATE_NAME   80


typedef struct ngx_adm_state_sh_s  ngx_adm_state_sh_t;


/*
 * What is kept in one file; in the cycle's pool.
 *
 * One that has "measure" varies in length: its file has what is in use, and
 * can be read into memory of another size.
 */

typedef struct {
    ngx_str_t       name;      /* of the file, [A-Za-z0-9_.-] */
    ngx_uint_t      layout;    /* of what is in it: another is not read */
    size_t          size;      /* bytes */
    void           *data;

    /* a number that changes when there is something to be kept */
    uint64_t      (*version)(void *data);

    /* fills "copy", zeroed, "size" bytes, aligned to 64 */
    void          (*save)(void *data, void *copy);

    /* the copy is on disk; NULL: nobody waits for it */
    void          (*kept)(void *data, const void *copy);

    /* instead of "size" and "save": bytes that a copy may need now; and fills
       it: the bytes used, or NGX_ERROR if it has grown meanwhile */
    size_t        (*measure)(void *data);
    ssize_t       (*pack)(void *data, void *copy, size_t size);
} ngx_adm_state_part_t;


/* a cycle's view */

typedef struct {
    ngx_path_t           *path;
    ngx_cycle_t          *cycle;
    ngx_uint_t            starting;  /* what fails ends nginx */
    ngx_array_t           parts;     /* of ngx_adm_state_part_t * */
    ngx_shm_zone_t       *shm_zone;  /* who writes, and whether it works */
    ngx_adm_state_sh_t   *sh;        /* NULL until the memory is there */
    uint64_t             *written;   /* versions, by part */
    ngx_fd_t              lock;      /* while this process has the files */
    ngx_msec_t            next;      /* when the manager is due */
    ngx_log_t            *log;
} ngx_adm_state_t;


/*
 * The directory that a directive names, made if it is missing, for the
 * workers' user.  NULL: nginx has said why in the log.
 */

ngx_adm_state_t *ngx_adm_state_add(ngx_conf_t *cf, ngx_path_t *path,
    ngx_str_t *name, void *tag);

/*
 * 1 if a file of that name may stand in such a directory: a part's, what is
 * written beside it, or an operator's copy, as "keys.old"; or what a file
 * system keeps in directories of others.
 */

ngx_uint_t ngx_adm_state_may_have(ngx_str_t *file);

/* "part" and what it points to must live as long as the cycle */

ngx_int_t ngx_adm_state_part(ngx_adm_state_t *state,
    ngx_adm_state_part_t *part);

/*
 * Reads what was kept into "copy", "part->size" bytes, in the master when
 * memory is laid out anew: NGX_OK; NGX_DECLINED, there is no file;
 * NGX_ERROR, it cannot be read, or is not whole, or of another layout: the
 * log says what to do.  From here until the configuration is served, or is
 * given up, nobody else writes.
 */

ngx_int_t ngx_adm_state_read(ngx_adm_state_t *state,
    ngx_adm_state_part_t *part, void *copy);

/* the same of one that varies; "copy" is to be freed by ngx_free() */

ngx_int_t ngx_adm_state_read_all(ngx_adm_state_t *state,
    ngx_adm_state_part_t *part, ngx_str_t *copy);

/*
 * The configuration is served from now on: in the master, before the workers
 * start.  NGX_ERROR: nginx is started, and the files cannot be written; on
 * reload the old ones stay, and it is tried again.  The log says why.
 */

ngx_int_t ngx_adm_state_serve(ngx_adm_state_t *state, ngx_log_t *log);

/* the master ends, all others are gone */

void ngx_adm_state_end(ngx_adm_state_t *state, ngx_log_t *log);

/* 1 while what changes comes to disk within a few seconds; no lock */

ngx_uint_t ngx_adm_state_works(ngx_adm_state_t *state);


#endif /* _NGX_ADM_STATE_H_INCLUDED_ */
