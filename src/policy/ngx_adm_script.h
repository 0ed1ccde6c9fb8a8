
/*
 * A site's own script as a policy: a function in Lua, which is given what a
 * request is and says how it is to be taken.  admission_script defines it,
 * admission_run applies it, before all other policies.
 *
 * LuaJIT interprets it, in a state of each process, and never compiles it,
 * since its hooks do not fire in compiled code: each run has so many steps,
 * so much processor time and so much memory, and can reach neither files nor
 * the network nor another run.  What goes wrong in it is counted, logged once
 * in a while, and otherwise as if it had said nothing.
 */


#ifndef _NGX_ADM_SCRIPT_H_INCLUDED_
#define _NGX_ADM_SCRIPT_H_INCLUDED_


#include <ngx_adm_policy.h>


/* of a run; a step is an instruction, or a byte that a pattern looks at */

#define NGX_ADM_SCRIPT_STEPS    100000
#define NGX_ADM_SCRIPT_TIME     10       /* ms of the processor */

/* of all that a script keeps, in each process, bytes */

#define NGX_ADM_SCRIPT_MEMORY   (1024 * 1024)

/* of the file, bytes */

#define NGX_ADM_SCRIPT_FILE     (64 * 1024)


/* the cells of a script's series: what went wrong, and who was let through */

typedef enum {
    NGX_ADM_SCRIPT_STEPPED = 0,    /* it took too many steps */
    NGX_ADM_SCRIPT_LATE,           /* ... or too much of the processor */
    NGX_ADM_SCRIPT_FULL,           /* ... or memory */
    NGX_ADM_SCRIPT_THREW,          /* an error of its own */
    NGX_ADM_SCRIPT_NONSENSE,       /* its answer is none */
    NGX_ADM_SCRIPT_ERRORS,
    NGX_ADM_SCRIPT_BYPASSED = NGX_ADM_SCRIPT_ERRORS,
    NGX_ADM_SCRIPT_CELLS
} ngx_adm_script_cell_e;


extern ngx_str_t  ngx_adm_script_errors[NGX_ADM_SCRIPT_ERRORS];


/* what a script may ask of a request; those with a name are many */

typedef enum {
    NGX_ADM_FACT_METHOD = 0,
    NGX_ADM_FACT_URI,
    NGX_ADM_FACT_ADDRESS,
    NGX_ADM_FACT_ARGUMENT,         /* decoded */
    NGX_ADM_FACT_FIELD,            /* all of the name, joined by commas */
    NGX_ADM_FACT_VARIABLE,
    NGX_ADM_FACT_TOKEN,            /* what the client has of that room */
    NGX_ADM_FACT_ROOM              /* NGX_OK: it stands in the location */
} ngx_adm_fact_e;


/*
 * NGX_DECLINED: there is none; NGX_BUSY: there are several, or what it says
 * cannot be read; NGX_ERROR: out of memory.
 */

typedef ngx_int_t (*ngx_adm_fact_pt)(ngx_adm_subject_t *s, ngx_uint_t fact,
    ngx_str_t *name, ngx_str_t *value);


#define NGX_ADM_SCRIPT_MESSAGE  256


/* a named script; in the cycle's pool */

typedef struct {
    ngx_str_t                name;
    ngx_str_t                file;       /* terminated */
    ngx_str_t                text;       /* of the file */
    ngx_adm_fact_pt          fact;
    ngx_adm_series_t        *series;     /* ngx_adm_script_cell_e */

    struct lua_State        *state;      /* NULL: to be made anew */
    ngx_pid_t                seeded;     /* the process for which chance was */
    size_t                   used;       /* bytes, of NGX_ADM_SCRIPT_MEMORY */

    /* of the run that is under way */
    ngx_adm_subject_t       *subject;    /* NULL: none, the file is loaded */
    ngx_adm_said_t          *said;
    ngx_uint_t               refuses;    /* ngx_adm_reason_e, or 0 */
    ngx_uint_t               retry;
    int64_t                  steps;      /* left */
    uint64_t                 until;      /* ns: when the clock is asked */
    uint64_t                 spent;      /* ns of the processor by then; 0: it
                                            was not asked */
    ngx_uint_t               failed;     /* ngx_adm_script_cell_e */

    /* what went wrong, printable and terminated, and how often it is told */
    u_char                   message[NGX_ADM_SCRIPT_MESSAGE];
    time_t                   told;
    ngx_uint_t               similar;
} ngx_adm_script_t;


extern ngx_adm_policy_t  ngx_adm_script_policy;


/* ngx_adm_script_state.c: the state */

/* makes it, from script->text; NGX_ERROR: script->message says why */

ngx_int_t ngx_adm_script_open(ngx_adm_script_t *script);
void ngx_adm_script_close(ngx_adm_script_t *script);

/*
 * Runs the function for script->subject, which is set, as are "said" and what
 * is below, by what it answers.  NGX_ERROR: script->failed and ->message say
 * why, and what it said so far is not to be believed.
 */

ngx_int_t ngx_adm_script_run(ngx_adm_script_t *script);


#endif /* _NGX_ADM_SCRIPT_H_INCLUDED_ */
