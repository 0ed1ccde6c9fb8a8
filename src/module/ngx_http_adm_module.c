
/*
 * The module: its directives and its place in nginx' life.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_lag.h>


static ngx_int_t ngx_http_adm_add(ngx_conf_t *cf);
static ngx_int_t ngx_http_adm_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_adm_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_adm_init_process(ngx_cycle_t *cycle);
static void ngx_http_adm_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_adm_connect(ngx_cycle_t *cycle,
    ngx_http_adm_main_conf_t *amcf);
static void ngx_http_adm_disconnect(void);
static void ngx_http_adm_exit_master(ngx_cycle_t *cycle);


ngx_conf_enum_t  ngx_http_adm_modes[] = {
    { ngx_string("on"), NGX_HTTP_ADM_ON },
    { ngx_string("off"), NGX_HTTP_ADM_OFF },
    { ngx_string("dry_run"), NGX_HTTP_ADM_DRY_RUN },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_adm_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_adm_commands[] = {

    { ngx_string("admission_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_adm_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_site"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_site,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_rate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_adm_rate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_adm_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_body_field"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_adm_body_field,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_room"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_adm_room,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_wait"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_adm_wait,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_idempotency"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_adm_use_idempotency,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_inventory"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_adm_use_inventory,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_upstream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_adm_upstream,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_shed"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_adm_shed,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_script"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_adm_script,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_run,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_state"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_state,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_secret_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_adm_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_redis_auth"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_redis_auth,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_redis_tls"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_adm_redis_tls,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_redis_circuit"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_adm_redis_circuit,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_adm_loc_conf_t, mode),
      &ngx_http_adm_modes },

    { ngx_string("admission_on_store_failure"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_adm_on_store_failure,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_adm_loc_conf_t, log_level),
      &ngx_http_adm_log_levels },

    { ngx_string("admission_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_adm_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_adm_status },

    { ngx_string("admission_dashboard"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_adm_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_adm_dashboard },

    { ngx_string("admission_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_adm_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_adm_health },

    { ngx_string("admission_control"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_adm_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_adm_control },

    { ngx_string("admission_inventory_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_adm_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_adm_inventory_api },

    { ngx_string("admission_room_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_adm_room_api },

#if (NGX_ADM_TEST)

    { ngx_string("admission_probe"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_adm_probe,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("admission_test_keeper"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_adm_test_keeper,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

#endif

      ngx_null_command
};


/* of this process: 1 once it serves, and whose store and gates it is at */

static ngx_uint_t                 ngx_http_adm_serves;
static ngx_http_adm_main_conf_t  *ngx_http_adm_connected;


static ngx_http_module_t  ngx_http_adm_module_ctx = {
    ngx_http_adm_add,                      /* preconfiguration */
    ngx_http_adm_init,                     /* postconfiguration */

    ngx_http_adm_create_main_conf,         /* create main configuration */
    ngx_http_adm_init_main_conf,           /* init main configuration */

    ngx_http_adm_create_srv_conf,          /* create server configuration */
    ngx_http_adm_merge_srv_conf,           /* merge server configuration */

    ngx_http_adm_create_loc_conf,          /* create location configuration */
    ngx_http_adm_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_http_admission_module = {
    NGX_MODULE_V1,
    &ngx_http_adm_module_ctx,              /* module context */
    ngx_http_adm_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_adm_init_module,              /* init module */
    ngx_http_adm_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_adm_exit_process,             /* exit process */
    ngx_http_adm_exit_master,              /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * A second module, since one cannot stand both before realip, to run its
 * handlers after it, and among the filters.
 */

static ngx_http_module_t  ngx_http_adm_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_adm_filter_init,              /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_admission_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_adm_filter_module_ctx,       /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * And a third one: what the upstream has answered is kept as it was, in front
 * of what add_header and expires add.
 */

static ngx_http_module_t  ngx_http_adm_keep_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_adm_keep_init,                /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_admission_keep_module = {
    NGX_MODULE_V1,
    &ngx_http_adm_keep_module_ctx,         /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_adm_add(ngx_conf_t *cf)
{
    return ngx_http_adm_add_fields_variable(cf) == NGX_OK
           ? ngx_http_adm_add_variables(cf) : NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_init(ngx_conf_t *cf)
{
    ngx_str_t                   name;
    ngx_uint_t                  i;
    ngx_adm_limit_t           **limits;
    ngx_http_adm_main_conf_t   *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_admission_module);

    ngx_str_set(&name, "request_id");

    amcf->request_id = ngx_http_get_variable_index(cf, &name);
    if (amcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_ADM_PAGES; i++) {
        amcf->pages[i] = ngx_http_adm_page_compile(cf, i);
        if (amcf->pages[i] == NULL) {
            return NGX_ERROR;
        }
    }

    limits = amcf->limits.elts;

    for (i = 0; i < amcf->limits.nelts; i++) {
        ngx_adm_limit_share(limits[i]);
    }

    /* without policies a node is on: to get the first is no change of mode */

    if (amcf->modes == 0) {
        amcf->modes = 1 << NGX_HTTP_ADM_ON;
    }

    amcf->mode->configured = amcf->modes;

    if (ngx_http_adm_content_init(cf) != NGX_OK
        || ngx_http_adm_upstream_init(cf) != NGX_OK
        || ngx_http_adm_init_checkouts(cf, amcf) != NGX_OK
        || ngx_http_adm_check_sheds(cf, amcf) != NGX_OK
        || (amcf->fleet && ngx_adm_fleet_size(cf, amcf->fleet) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_http_adm_check_state(cf, amcf);
    ngx_http_adm_check_rates(cf, amcf);
    ngx_http_adm_check_rooms(cf, amcf);

#if (NGX_ADM_LUAJIT)
    ngx_http_adm_check_scripts(cf, amcf);
#endif

    return ngx_http_adm_phase_init(cf);
}


static ngx_int_t
ngx_http_adm_init_module(ngx_cycle_t *cycle)
{
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_admission_module);

    /*
     * a process without a master serves the new configuration from now on,
     * which may have no HTTP any more
     */

    if (ngx_http_adm_serves && ngx_http_adm_connect(cycle, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (amcf) {
        ngx_adm_counters_renew(amcf->counters);
        ngx_adm_settings_serve(amcf->settings, cycle->log);
        ngx_adm_room_renew(cycle, &amcf->rooms);

        if (amcf->state
            && ngx_adm_state_serve(amcf->state, cycle->log) != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        ngx_adm_counters_forget();
        ngx_adm_room_renew(cycle, NULL);
    }

    return ngx_http_adm_log_init(cycle);
}


static ngx_int_t
ngx_http_adm_init_process(ngx_cycle_t *cycle)
{
    ngx_http_adm_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_admission_module);

    ngx_http_adm_serves = 1;

    if (amcf) {
        ngx_adm_counters_open(amcf->counters);
        ngx_adm_lag_start(cycle);
    }

    if (ngx_http_adm_connect(cycle, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (amcf) {
        ngx_adm_room_start(cycle, &amcf->rooms);
    }

    return NGX_OK;
}


/* to what the configuration has, or to nothing, instead of the one before */

static ngx_int_t
ngx_http_adm_connect(ngx_cycle_t *cycle, ngx_http_adm_main_conf_t *amcf)
{
    ngx_http_adm_disconnect();

    ngx_adm_checkout_start(cycle);
    ngx_adm_shm_start(cycle, amcf ? amcf->keeper : NULL);

    if (amcf == NULL) {
        return NGX_OK;
    }

    ngx_http_adm_connected = amcf;

    if (amcf->redis) {

        if (ngx_adm_redis_start(amcf->redis, cycle) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_adm_fleet_start(amcf->fleet, cycle);
    }

    if (amcf->gates) {
        ngx_adm_gates_start(amcf->gates, cycle);
    }

    return NGX_OK;
}


static void
ngx_http_adm_disconnect(void)
{
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_adm_connected;

    if (amcf == NULL) {
        return;
    }

    if (amcf->gates) {
        ngx_adm_gates_stop(amcf->gates);
    }

    if (amcf->redis) {
        ngx_adm_fleet_stop(amcf->fleet);
        ngx_adm_redis_stop(amcf->redis);
    }

    ngx_http_adm_connected = NULL;
}


static void
ngx_http_adm_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_adm_disconnect();
    ngx_http_adm_log_flush();
    ngx_adm_counters_close();
}


/* all workers are gone; without a master the one process comes here, too */

static void
ngx_http_adm_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_admission_module);

    if (amcf && amcf->state) {
        ngx_adm_state_end(amcf->state, cycle->log);
    }
}
