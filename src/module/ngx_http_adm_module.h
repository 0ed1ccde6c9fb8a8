
/*
 * What the files of this floor share: the directives' functions.
 */


#ifndef _NGX_HTTP_ADM_MODULE_H_INCLUDED_
#define _NGX_HTTP_ADM_MODULE_H_INCLUDED_


#include <ngx_http_adm.h>
#include <ngx_adm_rate.h>
#include <ngx_adm_shed.h>
#include <jansson.h>


#define NGX_HTTP_ADM_ZONE        "admission"
#define NGX_HTTP_ADM_ZONE_SIZE   (32 * 1024 * 1024)
#define NGX_HTTP_ADM_COUNTERS    "admission_counters"
#define NGX_HTTP_ADM_DEMAND      "admission_demand"
#define NGX_HTTP_ADM_SETTINGS    "admission_settings"
#define NGX_HTTP_ADM_STATE       "admission_state"
#define NGX_HTTP_ADM_FLEET       "admission_fleet"
#define NGX_HTTP_ADM_KNOWN       "admission_known"
#define NGX_HTTP_ADM_GATES       "admission_gates"

/* each has two of the histograms that there may be */
#define NGX_HTTP_ADM_ROOMS       15

#define NGX_HTTP_ADM_ACTIVE_MAX  1000000000


/* a named rate, and what cannot be told before all is read */

typedef struct {
    ngx_adm_rate_t            rate;
    ngx_http_complex_value_t  key;
    ngx_str_t                 zone;      /* empty: the default */
    ngx_uint_t                used;      /* some admission_limit has it */
    ngx_str_t                 file;      /* where it stands */
    ngx_uint_t                line;
} ngx_http_adm_rate_conf_t;


/* a use before the name it gives is looked up; first in what follows */

typedef struct {
    ngx_adm_use_t             use;
    ngx_str_t                 file;      /* where it stands */
    ngx_uint_t                line;
} ngx_http_adm_use_conf_t;


typedef struct {
    ngx_http_adm_use_conf_t   of;
    ngx_adm_limit_t           limit;
    ngx_http_complex_value_t  values[NGX_ADM_RATE_VALUES];
    ngx_int_t                 burst;     /* NGX_CONF_UNSET: the rate's */
    uint64_t                  cost;      /* units; 0: none, or a variable */
} ngx_http_adm_limit_conf_t;


typedef struct {
    ngx_http_adm_use_conf_t   of;
    ngx_adm_wait_t            wait;
    ngx_http_complex_value_t  values[NGX_ADM_ROOM_VALUES];
} ngx_http_adm_wait_conf_t;


typedef struct {
    ngx_http_adm_use_conf_t   of;
    ngx_adm_idempotency_t     idempotency;
    ngx_http_complex_value_t  values[NGX_ADM_IDEMPOTENCY_VALUES];
    ngx_str_t                 zone;      /* empty: the default */
} ngx_http_adm_idempotency_conf_t;


typedef struct {
    ngx_http_adm_use_conf_t   of;
    ngx_adm_inventory_t       inventory;
    ngx_http_complex_value_t  values[NGX_ADM_INVENTORY_VALUES];
    ngx_str_t                 zone;      /* empty: the default */
    ngx_str_t                 key;       /* with %s */
} ngx_http_adm_inventory_conf_t;


/* a named upstream; its gate is what is configured of it */

typedef struct {
    ngx_adm_gate_t           *gate;
    ngx_uint_t                used;      /* some admission_shed has it */
    ngx_str_t                 file;      /* where it stands */
    ngx_uint_t                line;
} ngx_http_adm_gate_conf_t;


typedef struct {
    ngx_http_adm_use_conf_t   of;
    ngx_adm_shed_t            shed;
    ngx_http_complex_value_t  values[NGX_ADM_SHED_VALUES];
} ngx_http_adm_shed_conf_t;


/* where it applies */

typedef struct {
    ngx_http_core_srv_conf_t  *cscf;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_adm_loc_conf_t   *alcf;
    ngx_http_adm_shed_conf_t  *use;
} ngx_http_adm_shed_spot_t;


/* those of keys and stock, before they are looked at together */

struct ngx_http_adm_orders_s {
    ngx_http_adm_idempotency_conf_t  *keyed;     /* the first use; or NULL */
    ngx_http_adm_inventory_conf_t    *stocked;
    ngx_array_t                       locations; /* that have one of either:
                                                    of ngx_http_adm_spot_t */
};

typedef struct {
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_adm_use_conf_t   *use;
} ngx_http_adm_spot_t;


typedef struct {
    ngx_str_t                 file;
    ngx_uint_t                line;      /* 0: it stands nowhere */
} ngx_http_adm_place_t;


/* the directives of Redis, before they are looked at together */

struct ngx_http_adm_store_s {
    ngx_adm_redis_conf_t      conf;

    ngx_str_t                 ca;        /* files; empty: not given */
    ngx_str_t                 certificate;
    ngx_str_t                 key;

    ngx_http_adm_place_t      redis;
    ngx_http_adm_place_t      auth;
    ngx_http_adm_place_t      tls;
    ngx_http_adm_place_t      circuit;
};


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

/* 1 if nginx, or the configuration so far, has a variable of that name */

ngx_uint_t ngx_http_adm_is_variable(ngx_conf_t *cf, ngx_str_t *name);

/* 1 if the variable, in lower case, stands in the value; not behind a map */

ngx_uint_t ngx_http_adm_has_variable(ngx_conf_t *cf,
    ngx_http_complex_value_t *value, const char *name);

/* 1 if "arg" is the word */

ngx_uint_t ngx_http_adm_is_word(ngx_str_t *arg, const char *word);

/*
 * Reads a rate, or a burst or a cost; NGX_ERROR, with the sentence in the log,
 * if it is none: "invalid WHAT "text" of "NAME" in "DIRECTIVE"".
 */

ngx_int_t ngx_http_adm_read_rate(ngx_conf_t *cf, ngx_str_t *text,
    const char *what, ngx_str_t *name, const char *directive,
    adm_rate_t *rate);
ngx_int_t ngx_http_adm_read_burst(ngx_conf_t *cf, ngx_str_t *text,
    const char *what, ngx_str_t *name, const char *directive, uint64_t *burst);

/* both texts around the name; "data" is NULL if there is no memory */

ngx_str_t ngx_http_adm_concat(ngx_conf_t *cf, const char *before,
    ngx_str_t *name, const char *after);

/* what has a name, in arrays of pointers */

typedef ngx_str_t *(*ngx_http_adm_name_pt)(void *named);

/* the element of that name; NULL: there is none */

void *ngx_http_adm_named(ngx_array_t *all, ngx_http_adm_name_pt name_of,
    ngx_str_t *name);

/* "a", "b", "c": all the names, for a sentence; "none" of none */

ngx_str_t ngx_http_adm_names(ngx_conf_t *cf, ngx_array_t *all,
    ngx_http_adm_name_pt name_of);

/*
 * A parameter "NAME=VALUE", or a word alone, as directives with many of them
 * know it.
 */

typedef struct ngx_http_adm_arg_s  ngx_http_adm_arg_t;

/* NGX_DECLINED: not what is expected; NGX_ERROR: the log says why */

typedef ngx_int_t (*ngx_http_adm_read_pt)(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);

struct ngx_http_adm_arg_s {
    const char                 *name;    /* with "=", or a word alone */
    const char                 *expected;
    ngx_http_adm_read_pt        read;
    size_t                      offset;  /* of the field, in "conf" */
    ngx_uint_t                  min;
    ngx_uint_t                  max;
    const char                 *words;   /* "a|b|c" */
};

/*
 * Reads the arguments from "first" on; "known" ends with a NULL name.
 * NGX_ERROR: out of memory, or the sentence is in the log.
 */

ngx_int_t ngx_http_adm_read_args(ngx_conf_t *cf, void *conf,
    ngx_http_adm_arg_t *known, ngx_uint_t first);

/*
 * NGX_ERROR, with the sentence in the log, if what has to stand as argument
 * "n" is missing, and a parameter is there instead: ""directive" must have
 * WHAT before "text"".
 */

ngx_int_t ngx_http_adm_check_first(ngx_conf_t *cf, ngx_http_adm_arg_t *known,
    ngx_uint_t n, const char *what);

/*
 * NGX_DECLINED: the directive is "off"; NGX_ERROR, with the sentence in the
 * log: it is, and there is more.
 */

ngx_int_t ngx_http_adm_check_off(ngx_conf_t *cf);

/* an ngx_msec_t, a time_t, an ngx_uint_t, a size_t from "min" to "max" */

ngx_int_t ngx_http_adm_read_time(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);
ngx_int_t ngx_http_adm_read_seconds(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);
ngx_int_t ngx_http_adm_read_number(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);
ngx_int_t ngx_http_adm_read_size(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);

/*
 * An ngx_str_t and an ngx_http_complex_value_t, not empty; the latter is no
 * pair of quotes either, which nginx takes off the whole of a word alone.
 */

ngx_int_t ngx_http_adm_read_text(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);
ngx_int_t ngx_http_adm_read_value(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);

/* an ngx_uint_t: which of "words", from 0; 1 for a word alone; a mask */

ngx_int_t ngx_http_adm_read_word(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);
ngx_int_t ngx_http_adm_read_flag(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);
ngx_int_t ngx_http_adm_read_methods(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);

/* an ngx_adm_statuses_t */

ngx_int_t ngx_http_adm_read_statuses(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field);

/*
 * 1, and the next word of a list with commas, which goes on behind it; 0: it
 * is over, as one with data NULL is.
 */

ngx_uint_t ngx_http_adm_next_word(ngx_str_t *list, ngx_str_t *word);

/*
 * Adds a use of the policy to those of the level: "size" zeroed bytes, at
 * first a ngx_http_adm_use_conf_t with its name and its place.  NULL: out of
 * memory, or, with the sentence in the log, the level has that name already:
 * "WHAT "name" is already set".
 */

void *ngx_http_adm_push_use(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *alcf,
    ngx_adm_policy_e policy, const char *what, ngx_str_t *name, size_t size);


/* ngx_http_adm_zone_conf.c: admission_zone */

char *ngx_http_adm_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * The zone of that name, or, if it is empty, the first one, or one that is
 * made now.  NULL: out of memory, or, with the sentence in the log, there is
 * none: "unknown zone "name" of WHAT "owner"", which stands at that place.
 */

ngx_adm_zone_t *ngx_http_adm_find_zone(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name, const char *what,
    ngx_str_t *owner, ngx_str_t *file, ngx_uint_t line);


/* ngx_http_adm_rate_conf.c: admission_rate, admission_limit */

char *ngx_http_adm_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* once all is read: rates get their zones; then uses get their rates */

char *ngx_http_adm_init_rates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);
ngx_int_t ngx_http_adm_init_limits(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_array_t *uses);

/* once all locations are merged: rates that none has are warned of */

void ngx_http_adm_check_rates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_script_conf.c: admission_script, admission_run */

char *ngx_http_adm_script(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#if (NGX_ADM_LUAJIT)

/* once all is read: uses get their scripts */

ngx_int_t ngx_http_adm_init_runs(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_array_t *uses);

/* once all locations are merged: scripts that none runs are warned of */

void ngx_http_adm_check_scripts(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);

#endif


/* ngx_http_adm_field_conf.c: admission_body_field */

char *ngx_http_adm_body_field(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_http_adm_room_conf.c: admission_room */

char *ngx_http_adm_room(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* NULL, with the sentence in the log, if there is no room of that name */

ngx_http_adm_room_t *ngx_http_adm_room_named(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name, const char *directive,
    ngx_str_t *file, ngx_uint_t line);


/* ngx_http_adm_room_init.c: rooms get zones, keys, settings */

/* once all is read */

char *ngx_http_adm_init_rooms(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);

/* once all locations are merged: rooms that none has are warned of */

void ngx_http_adm_check_rooms(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_wait_conf.c: admission_wait */

char *ngx_http_adm_wait(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* once all is read, rooms first: uses get their rooms */

ngx_int_t ngx_http_adm_init_waits(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_array_t *uses);


/* ngx_http_adm_idempotency_conf.c: admission_idempotency */

char *ngx_http_adm_use_idempotency(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_adm_init_keyed(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_idempotency_conf_t *keyed);


/* ngx_http_adm_once.c: fields and arguments that must not be sent twice */

/*
 * If "text" is nothing but "$http_NAME", or "$arg_NAME", it becomes a variable
 * of ours: of fields it has all values, joined by commas; of arguments the
 * decoded one, or a comma if it is empty, or if there are several, or what
 * another reader may take for one.
 */

ngx_int_t ngx_http_adm_once_field(ngx_conf_t *cf, ngx_str_t *text);

/* the name, in lower case, of the field that "text" is; empty: none */

ngx_int_t ngx_http_adm_once_name(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *field);
ngx_int_t ngx_http_adm_once_argument(ngx_conf_t *cf, ngx_str_t *text);
ngx_int_t ngx_http_adm_add_fields_variable(ngx_conf_t *cf);


/* ngx_http_adm_inventory_conf.c: admission_inventory */

char *ngx_http_adm_use_inventory(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_adm_init_stocked(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_inventory_conf_t *stocked);

/* the stock, of which something is of interest now; NULL: out of memory */

ngx_adm_stock_t *ngx_http_adm_stock(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_checkout_init.c: keys and stock get a store */

/* once all is read: uses that stand in this location, or that it inherits */

ngx_int_t ngx_http_adm_init_checkout_uses(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_loc_conf_t *alcf);

/*
 * What this node remembers of keys and of those who have holds; made when it
 * is first asked for.  NULL: out of memory.
 */

ngx_adm_known_t *ngx_http_adm_remember(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);

/* once all locations are merged */

ngx_int_t ngx_http_adm_init_checkouts(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_shed_conf.c: admission_upstream, admission_shed */

char *ngx_http_adm_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_shed(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* once all is read: uses get their gates */

ngx_int_t ngx_http_adm_init_sheds(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_array_t *uses);


/* ngx_http_adm_shed_init.c: gates get settings, and the fleet's limit */

/* once all is read, Redis first */

char *ngx_http_adm_init_gates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);

/* the location, whose pipeline is built, has these sheds ... */

ngx_int_t ngx_http_adm_note_sheds(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_loc_conf_t *alcf);

/* ... and once all are merged and servers have their named locations */

ngx_int_t ngx_http_adm_check_sheds(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_aborts.c: may a client that leaves cut off its order? */

/* the location, whose pipeline is built, may be one of those ... */

ngx_int_t ngx_http_adm_note_location(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_loc_conf_t *alcf);

/* ... and once all are merged each that does so is warned of */

ngx_int_t ngx_http_adm_check_aborts(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);

/*
 * Likewise: locations of these, ngx_http_adm_shed_spot_t, in which nginx reads
 * the body before it looks for an upstream, are marked.
 */

void ngx_http_adm_mark_buffers(ngx_conf_t *cf, ngx_array_t *sheds);


/* ngx_http_adm_state_conf.c: admission_state, admission_secret_file */

char *ngx_http_adm_state(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* once rooms, keys and stock have their places: what is not kept is told */

void ngx_http_adm_check_state(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_redis_conf.c: admission_redis, and what belongs to it */

char *ngx_http_adm_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_redis_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_redis_tls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_redis_circuit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_adm_redis_uri.c: one URI of admission_redis */

/* 1 if there is a password: such a text is told nowhere */

ngx_uint_t ngx_http_adm_redis_secret(ngx_str_t *uri);

/* adds a seed; NGX_ERROR: out of memory, or the sentence is in the log */

ngx_int_t ngx_http_adm_redis_uri(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_str_t *uri);


/* ngx_http_adm_redis_init.c: once all is read, before rates and rooms */

char *ngx_http_adm_init_redis(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_metrics_store.c: of a node that has a Redis */

/* 1 if every process can ask it */

ngx_uint_t ngx_http_adm_redis_is_up(ngx_http_adm_main_conf_t *amcf);

/* the worst of all processes: open, then half-open */

ngx_adm_circuit_e ngx_http_adm_redis_circuit_state(
    ngx_http_adm_main_conf_t *amcf);


/* ngx_http_adm_metrics_shed.c: the circuits of upstreams */

/* the worst of all: open, then half-open; an operator's word is one */

ngx_adm_circuit_e ngx_http_adm_gates_circuit(ngx_http_adm_main_conf_t *amcf);

/* "closed", "open", "half_open": in the order of ngx_adm_circuit_e */

extern const char  *ngx_http_adm_circuit_words[];


/* ngx_http_adm_control.c: what all resources of admission_control share */

/*
 * Reads the body of what changes something, and calls "handler"; answers at
 * once if a page of another site asks, or the type is not JSON.  Returns what
 * a content handler has to.
 */

ngx_int_t ngx_http_adm_control_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler);

/*
 * The object that was sent, or an empty one, if it is "optional" and nothing
 * was; the caller's.  NULL: none, and "rc" is what a content handler has to
 * return.
 */

json_t *ngx_http_adm_control_object(ngx_http_request_t *r,
    ngx_uint_t optional, ngx_int_t *rc);

/* both as a content handler does; "reason" is one word, or NULL */

ngx_int_t ngx_http_adm_control_not_allowed(ngx_http_request_t *r,
    ngx_str_t *allow);
ngx_int_t ngx_http_adm_control_problem(ngx_http_request_t *r,
    ngx_uint_t status, const char *title, const char *detail,
    const char *reason);

/* for JSON, which takes no half of a character, and for logs */

void ngx_http_adm_control_ascii(ngx_str_t *text);

/* the name of a member that is not "known", or NULL */

const char *ngx_http_adm_control_only(json_t *patch, const char *known);

/* the mode of the node, "mixed" if locations differ */

const char *ngx_http_adm_mode_name(ngx_http_adm_main_conf_t *amcf);

/* {"configured", "effective", "since", "by"}; both values are taken */

json_t *ngx_http_adm_control_setting(ngx_adm_setting_t *setting,
    json_t *configured, json_t *effective);

/*
 * A sentence with a word of the client's, which is cut; terminated, ASCII, in
 * the request's pool, never NULL.
 */

ngx_str_t *ngx_http_adm_control_sentence(ngx_http_request_t *r,
    const char *format, const char *word);

/* who asks: USER@ADDRESS, or the address alone */

ngx_int_t ngx_http_adm_control_by(ngx_http_request_t *r, ngx_str_t *by);

/* the line of a change; "reset": it is again as configured */

void ngx_http_adm_control_log(ngx_http_request_t *r,
    ngx_adm_setting_t *setting, ngx_str_t *now, ngx_str_t *was,
    ngx_uint_t reset, ngx_str_t *by);

/* "1970-09-28T12:00:00Z"; the end of it */

#define NGX_HTTP_ADM_MOMENT   (sizeof("1970-09-28T12:00:00Z") - 1)

u_char *ngx_http_adm_moment(u_char *p, time_t moment);


/* ngx_http_adm_control_rooms.c: the resources /rooms and /rooms/NAME */

json_t *ngx_http_adm_tell_rooms(ngx_http_adm_main_conf_t *amcf, void *data);
void *ngx_http_adm_find_room(ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);
json_t *ngx_http_adm_tell_room(ngx_http_adm_main_conf_t *amcf, void *data);

/* NULL, or why not, in the request's pool; "patch" is an object */

ngx_str_t *ngx_http_adm_change_room(ngx_http_request_t *r, void *data,
    json_t *patch);


/* ngx_http_adm_control_circuits.c: the resources /circuits and /circuits/NAME,
   as those of rooms */

json_t *ngx_http_adm_tell_circuits(ngx_http_adm_main_conf_t *amcf,
    void *data);
void *ngx_http_adm_find_circuit(ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name);
json_t *ngx_http_adm_tell_circuit(ngx_http_adm_main_conf_t *amcf, void *data);
ngx_str_t *ngx_http_adm_change_circuit(ngx_http_request_t *r, void *data,
    json_t *patch);


/*
 * ngx_http_adm_inventory_api.c: the resources of stock, holds and keys, which
 * admission_control has too.  NGX_DECLINED: the path is none of them; else
 * what a content handler returns.
 */

ngx_int_t ngx_http_adm_stock_resource(ngx_http_request_t *r);


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
#define NGX_HTTP_ADM_CONTENT_ROOM     0x20   /* the first word is a room */

/* the handler looks at the method itself */

#define NGX_HTTP_ADM_CONTENT_METHODS  ((ngx_uint_t) -1)

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
extern ngx_http_adm_content_t  ngx_http_adm_room_api;
extern ngx_http_adm_content_t  ngx_http_adm_inventory_api;

/* the directive, with one of the above as "post" */

char *ngx_http_adm_content(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

ngx_int_t ngx_http_adm_content_handler(ngx_http_request_t *r);

/* once all is read: the names by which local clients may ask */

ngx_int_t ngx_http_adm_content_init(ngx_conf_t *cf);

/*
 * The path of the request below its location, without the slash between
 * them; NGX_DECLINED: there is none.
 */

ngx_int_t ngx_http_adm_content_path(ngx_http_request_t *r, ngx_str_t *path);

/* sends what is true for this moment: with Cache-Control: no-store */

ngx_int_t ngx_http_adm_send_fresh(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);

/* likewise; the value is taken, NULL: out of memory */

ngx_int_t ngx_http_adm_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, json_t *value);

/* ngx_http_adm_status.c: the metrics, in the form that is asked for */

ngx_int_t ngx_http_adm_status_handler(ngx_http_request_t *r);


#if (NGX_ADM_TEST)

/* t/probe: the directives of test builds */

char *ngx_http_adm_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_adm_test_keeper(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif


#endif /* _NGX_HTTP_ADM_MODULE_H_INCLUDED_ */
