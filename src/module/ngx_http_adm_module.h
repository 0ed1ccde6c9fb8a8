
/*
 * What the files of this floor share: the directives' functions.
 */


#ifndef _NGX_HTTP_ADM_MODULE_H_INCLUDED_
#define _NGX_HTTP_ADM_MODULE_H_INCLUDED_


#include <ngx_http_adm.h>
#include <ngx_adm_rate.h>
#include <jansson.h>


#define NGX_HTTP_ADM_ZONE        "admission"
#define NGX_HTTP_ADM_ZONE_SIZE   (32 * 1024 * 1024)
#define NGX_HTTP_ADM_COUNTERS    "admission_counters"
#define NGX_HTTP_ADM_DEMAND      "admission_demand"
#define NGX_HTTP_ADM_SETTINGS    "admission_settings"


/* a named rate, and what cannot be told before all is read */

typedef struct {
    ngx_adm_rate_t            rate;
    ngx_http_complex_value_t  key;
    ngx_str_t                 zone;      /* empty: the default */
    ngx_str_t                 file;      /* where it stands */
    ngx_uint_t                line;
} ngx_http_adm_rate_conf_t;


/* a use before the name it gives is looked up */

typedef struct {
    ngx_adm_use_t             use;
    ngx_adm_limit_t           limit;
    ngx_http_complex_value_t  values[NGX_ADM_RATE_VALUES];
    ngx_int_t                 burst;     /* NGX_CONF_UNSET: the rate's */
    ngx_str_t                 file;
    ngx_uint_t                line;
} ngx_http_adm_limit_conf_t;


/* ngx_http_adm_conf.c: configurations, and small directives */

void *ngx_http_adm_create_main_conf(ngx_conf_t *cf);
char *ngx_http_adm_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_adm_create_srv_conf(ngx_conf_t *cf);
char *ngx_http_adm_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child);
void *ngx_http_adm_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_adm_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);

char *ngx_http_adm_site(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_on_store_failure(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_adm_args.c: what all directives do with their arguments */

/* 1 if "arg" is "NAME=VALUE" for that name, with the value in "value" */

ngx_uint_t ngx_http_adm_parameter(ngx_str_t *arg, const char *name,
    ngx_str_t *value);

/*
 * NGX_ERROR, with the sentence in the log, if two of the arguments from
 * "first" on are of the same parameter.
 */

ngx_int_t ngx_http_adm_check_arguments(ngx_conf_t *cf, ngx_uint_t first);

/*
 * The value of the word "text" in the list; NGX_ERROR, with the sentence in
 * the log, if it is not there: "invalid WHAT "text" WHOSE "owner"".
 */

ngx_int_t ngx_http_adm_enum(ngx_conf_t *cf, ngx_conf_enum_t *list,
    ngx_str_t *text, const char *what, const char *whose, ngx_str_t *owner,
    ngx_uint_t *value);

/* a slot for "enum" with such a sentence */

char *ngx_http_adm_enum_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* NGX_ERROR, with the sentence in the log, if "name" is none */

ngx_int_t ngx_http_adm_check_name(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_str_t *name);

ngx_int_t ngx_http_adm_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value);

/* 1 if "arg" is the word */

ngx_uint_t ngx_http_adm_is_word(ngx_str_t *arg, const char *word);

/* "a", "b", "c" of an array of ngx_str_t, for a sentence; "none" of none */

ngx_str_t ngx_http_adm_names(ngx_conf_t *cf, ngx_array_t *names);


/* ngx_http_adm_zone_conf.c: admission_zone */

char *ngx_http_adm_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_adm_zone_t *ngx_http_adm_find_zone(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_rate_conf_t *rate);


/* ngx_http_adm_rate_conf.c: admission_rate, admission_limit */

char *ngx_http_adm_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* once all is read: rates get their zones; then uses get their rates */

char *ngx_http_adm_init_rates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);
ngx_int_t ngx_http_adm_init_limits(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_array_t *uses);


/* ngx_http_adm_variables.c */

ngx_int_t ngx_http_adm_add_variables(ngx_conf_t *cf);


/* ngx_http_adm_module.c: the words of "admission" */

extern ngx_conf_enum_t  ngx_http_adm_modes[];


/* ngx_http_adm_content.c: what all content handlers of ours have in common */

/* the words that one takes, and what else there is to know of it */

#define NGX_HTTP_ADM_CONTENT_PUBLIC   0x01
#define NGX_HTTP_ADM_CONTENT_STRICT   0x02
#define NGX_HTTP_ADM_CONTENT_CONTROL  0x04
#define NGX_HTTP_ADM_CONTENT_ANYBODY  0x08   /* as if it was public */
#define NGX_HTTP_ADM_CONTENT_PATHS    0x10   /* there are paths below */

struct ngx_http_adm_content_s {
    ngx_str_t                 name;      /* of the directive */
    ngx_http_handler_pt       handler;   /* called for those who may ask */
    ngx_uint_t                methods;
    ngx_str_t                 allow;     /* ... as the field has them */
    ngx_uint_t                flags;
};

extern ngx_http_adm_content_t  ngx_http_adm_status;
extern ngx_http_adm_content_t  ngx_http_adm_dashboard;
extern ngx_http_adm_content_t  ngx_http_adm_health;
extern ngx_http_adm_content_t  ngx_http_adm_control;

/* the directive, with one of the above as "post" */

char *ngx_http_adm_content(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

ngx_int_t ngx_http_adm_content_handler(ngx_http_request_t *r);

/* once all is read: the names by which local clients may ask */

ngx_int_t ngx_http_adm_content_init(ngx_conf_t *cf);

/* sends what is true for this moment: with Cache-Control: no-store */

ngx_int_t ngx_http_adm_send_fresh(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);

/* likewise; the value is taken, NULL: out of memory */

ngx_int_t ngx_http_adm_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, json_t *value);

extern ngx_str_t  ngx_http_adm_json;     /* the type */


/* ngx_http_adm_control.c: the mode of the node, "mixed" if locations differ */

const char *ngx_http_adm_mode_name(ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_status.c: the metrics, in the form that is asked for */

ngx_int_t ngx_http_adm_status_handler(ngx_http_request_t *r);


#if (NGX_ADM_TEST)

/* t/probe: the directives of test builds */

char *ngx_http_adm_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_test_keeper(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif


#endif /* _NGX_HTTP_ADM_MODULE_H_INCLUDED_ */
