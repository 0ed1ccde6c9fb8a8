
/*
 * Settings that an operator changes while nginx runs: what stands over the
 * configuration's own value, in shared memory, so in force in all workers at
 * once, and kept over reload; with a state directory over restart as well.
 *
 * An override holds as long as the configuration says what it said when the
 * override was made: who changes a value in the file means that value.
 *
 * Nodes of a fleet tell each other what was changed, and the newest change
 * wins.  One that comes from a node whose file has another value holds as long
 * as this node's file says what it said then, or what that node's does.
 */


#ifndef _NGX_ADM_SETTINGS_H_INCLUDED_
#define _NGX_ADM_SETTINGS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_adm_state.h>


#define NGX_ADM_SETTINGS_LAYOUT   2
#define NGX_ADM_SETTINGS          256
#define NGX_ADM_SETTING_NAME      96
#define NGX_ADM_SETTING_BY        64
#define NGX_ADM_SETTING_NODE      16

/* the value of a setting that nobody has overridden */
#define NGX_ADM_SETTING_NONE      ((ngx_atomic_uint_t) -1)


typedef struct ngx_adm_settings_sh_s  ngx_adm_settings_sh_t;
typedef struct ngx_adm_setting_sh_s   ngx_adm_setting_sh_t;


/* a cycle's view */

typedef struct {
    ngx_shm_zone_t         *shm_zone;
    ngx_adm_settings_sh_t  *sh;
    ngx_array_t             all;         /* of ngx_adm_setting_t * */
    ngx_adm_state_t        *state;       /* NULL: restart forgets */
    ngx_adm_state_part_t    kept;
    ngx_uint_t              restored;    /* this start brought them back */
} ngx_adm_settings_t;


/* one that can be overridden; in the cycle's pool */

typedef struct {
    ngx_str_t               name;
    uint64_t                configured;  /* what tells whether the file's
                                            value is another */
    uint64_t                most;        /* a value that is heard, and larger,
                                            is none; 0: any is good */
    ngx_adm_settings_t     *settings;
    ngx_adm_setting_sh_t   *sh;
} ngx_adm_setting_t;


/* an override as it is told */

typedef struct {
    ngx_uint_t              value;       /* or NGX_ADM_SETTING_NONE */
    time_t                  since;
    ngx_str_t               by;
    u_char                  text[NGX_ADM_SETTING_BY];
} ngx_adm_override_t;


/* a change as nodes tell it to each other */

typedef struct {
    ngx_str_t               name;
    ngx_uint_t              value;       /* or NGX_ADM_SETTING_NONE */
    uint64_t                configured;  /* on the node that it comes from */
    uint64_t                moment;      /* ms, of the store's clock */
    ngx_str_t               node;
    ngx_str_t               by;          /* empty: its file was changed */
} ngx_adm_change_t;


/* NULL: out of memory, or nginx has said why in the log */

ngx_adm_settings_t *ngx_adm_settings_add(ngx_conf_t *cf, ngx_str_t *name,
    void *tag);

/*
 * From now on overrides are kept in a file of "state", also those of settings
 * that the configuration does not have at present: of these the newest.
 */

ngx_int_t ngx_adm_settings_keep(ngx_adm_settings_t *settings,
    ngx_adm_state_t *state);

/*
 * Declares a setting, once in a cycle; the name, of at most
 * NGX_ADM_SETTING_NAME bytes, must live as long as the cycle.
 * "configured" may be written until the configuration is served.
 * NULL: out of memory.
 */

ngx_adm_setting_t *ngx_adm_settings_declare(ngx_adm_settings_t *settings,
    ngx_str_t *name);

/*
 * The configuration is served from now on: overrides of values that it has
 * changed are dropped.  This is logged, and which ones are back.
 */

void ngx_adm_settings_serve(ngx_adm_settings_t *settings, ngx_log_t *log);


/* what a request does: one load */

ngx_uint_t ngx_adm_setting(ngx_adm_setting_t *setting);


/*
 * What an operator reads: no lock.  If whoever writes was stopped or killed
 * in the middle, "by" is empty.
 */

void ngx_adm_setting_read(ngx_adm_setting_t *setting,
    ngx_adm_override_t *override);

/*
 * What an operator writes: under the memory's mutex, which the master frees
 * if its owner dies.  "by" is cut to NGX_ADM_SETTING_BY bytes;
 * NGX_ADM_SETTING_NONE resets.
 */

void ngx_adm_setting_write(ngx_adm_setting_t *setting, ngx_uint_t value,
    ngx_str_t *by);


/* 1 if there are changes that are not told yet */

ngx_uint_t ngx_adm_settings_pending(ngx_adm_settings_t *settings);

/*
 * The next change that is not told yet, from the place "*i" on, which goes
 * behind it; its texts are copied to "pool".  NGX_DECLINED: there is none;
 * NGX_ERROR: out of memory.
 */

ngx_int_t ngx_adm_settings_untold(ngx_adm_settings_t *settings, ngx_uint_t *i,
    ngx_pool_t *pool, ngx_adm_change_t *change);

/*
 * The change of place "i" that was made at "moment" is known to the store,
 * which has it at "kept"; or, with 0, the store knows a newer one.
 */

void ngx_adm_settings_told(ngx_adm_settings_t *settings, ngx_uint_t i,
    uint64_t moment, uint64_t kept);

/*
 * What the store has, all of it, as of "version": newer changes of what this
 * configuration declares are in force from now on, which is logged, and what
 * the store has lost will be told again.  "node" is this node.
 */

void ngx_adm_settings_hear(ngx_adm_settings_t *settings,
    ngx_adm_change_t *changes, ngx_uint_t n, uint64_t version, ngx_str_t *node,
    ngx_log_t *log);

/* the version that was heard last; 0: something may have been missed */

uint64_t ngx_adm_settings_version(ngx_adm_settings_t *settings);

/* this configuration may declare what the last one did not: all is asked */

void ngx_adm_settings_again(ngx_adm_settings_t *settings);

/* now, ms by the store's clock, as far as this node knows; and what it is */

uint64_t ngx_adm_settings_now(ngx_adm_settings_t *settings);
void ngx_adm_settings_clock(ngx_adm_settings_t *settings, uint64_t now);


#endif /* _NGX_ADM_SETTINGS_H_INCLUDED_ */
