
/*
 * The state of a script: made, run within bounds, and made anew when its
 * memory was full.
 *
 * Nothing of Lua is called outside of lua_cpcall(), but for what neither
 * allocates nor throws: an error without a protected call ends the process.
 */


#include <ngx_adm_script_lua.h>
#include <ngx_adm_clock.h>
#include <ngx_adm_script_library.h>


/* instructions between two looks at the bounds: the longest that can run
   unseen is so many of the dearest, each as long as the memory is large */
#define NGX_ADM_SCRIPT_HOOK      100

/* a file is run once, and may take so many times the bounds of a request */
#define NGX_ADM_SCRIPT_LOAD      10

/* bytes of garbage that are as dear as a step */
#define NGX_ADM_SCRIPT_CHURN     64

/* where it is kept: the function of the file, and the request */
#define NGX_ADM_SCRIPT_FUNCTION  1
#define NGX_ADM_SCRIPT_REQUEST   2


static void *ngx_adm_script_alloc(void *data, void *p, size_t old, size_t new);
static void ngx_adm_script_hook(lua_State *L, lua_Debug *ar);
static ngx_uint_t ngx_adm_script_late(ngx_adm_script_t *script);
static ngx_int_t ngx_adm_script_call(ngx_adm_script_t *script,
    lua_CFunction function, ngx_uint_t times);
static int ngx_adm_script_make(lua_State *L);
static void ngx_adm_script_libraries(lua_State *L);
static void ngx_adm_script_environment(lua_State *L);
static void ngx_adm_script_load(lua_State *L);
static int ngx_adm_script_enter(lua_State *L);
static int ngx_adm_script_collect(lua_State *L);
static int ngx_adm_script_seed(lua_State *L);
static void ngx_adm_script_explain(ngx_adm_script_t *script, int rc);


ngx_int_t
ngx_adm_script_open(ngx_adm_script_t *script)
{
    script->used = 0;
    script->steps = 0;
    script->seeded = 0;
    script->subject = NULL;

    script->state = lua_newstate(ngx_adm_script_alloc, script);

    if (script->state == NULL) {
        (void) ngx_snprintf(script->message, NGX_ADM_SCRIPT_MESSAGE,
                            "LuaJIT cannot make a state in memory that "
                            "is limited%Z");
        script->failed = NGX_ADM_SCRIPT_FULL;
        return NGX_ERROR;
    }

    if (ngx_adm_script_call(script, ngx_adm_script_make, NGX_ADM_SCRIPT_LOAD)
        != NGX_OK)
    {
        ngx_adm_script_close(script);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_adm_script_close(ngx_adm_script_t *script)
{
    if (script->state) {
        lua_close(script->state);
        script->state = NULL;
    }
}


ngx_int_t
ngx_adm_script_run(ngx_adm_script_t *script)
{
    ngx_int_t           rc;
    ngx_adm_subject_t  *subject;

    subject = script->subject;

    if (script->state == NULL && ngx_adm_script_open(script) != NGX_OK) {
        return NGX_ERROR;
    }

    /* each process draws another lot, though it was forked from one */

    if (script->seeded != ngx_pid) {
        (void) ngx_adm_script_call(script, ngx_adm_script_seed, 1);
        script->seeded = ngx_pid;
    }

    script->subject = subject;

    rc = ngx_adm_script_call(script, ngx_adm_script_enter, 1);

    script->subject = NULL;

    /* there is no telling what was lost where memory was */

    if (rc != NGX_OK && script->failed == NGX_ADM_SCRIPT_FULL) {
        ngx_adm_script_close(script);

    } else if (script->used > NGX_ADM_SCRIPT_MEMORY / 2) {

        /* LuaJIT does not collect when an allocation fails */

        (void) lua_cpcall(script->state, ngx_adm_script_collect, NULL);
    }

    return rc;
}


ngx_adm_script_t *
ngx_adm_script_of(lua_State *L)
{
    void  *script;

    (void) lua_getallocf(L, &script);

    return script;
}


int
ngx_adm_script_throw(lua_State *L, ngx_adm_script_cell_e cell)
{
    ngx_adm_script_of(L)->failed = cell;

    return lua_error(L);
}


/* garbage is a cost, too, since somebody has to collect it */

static void *
ngx_adm_script_alloc(void *data, void *p, size_t old, size_t new)
{
    ngx_adm_script_t *script = data;

    void  *to;

    if (new == 0) {
        free(p);
        script->used -= old;
        return NULL;
    }

    if (new > old && script->used + (new - old) > NGX_ADM_SCRIPT_MEMORY) {
        return NULL;
    }

    to = realloc(p, new);
    if (to == NULL) {
        return NULL;
    }

    script->used += new - old;
    script->steps -= new / NGX_ADM_SCRIPT_CHURN;

    return to;
}


/* what it raises nobody catches: there is no pcall() in the library */

static void
ngx_adm_script_hook(lua_State *L, lua_Debug *ar)
{
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);

    script->steps -= NGX_ADM_SCRIPT_HOOK;

    if (script->steps < 0) {
        script->failed = NGX_ADM_SCRIPT_STEPPED;

    } else if (ngx_adm_script_late(script)) {
        script->failed = NGX_ADM_SCRIPT_LATE;

    } else {
        return;
    }

    (void) lua_getinfo(L, "Sl", ar);
    (void) lua_pushfstring(L, "%s:%d: too %s", ar->short_src, ar->currentline,
                           script->failed == NGX_ADM_SCRIPT_STEPPED
                           ? "many steps" : "much time");
    (void) lua_error(L);
}


/*
 * The clock that is cheap runs on while the processor is another's: when it
 * says that the time is over, the other one is asked, at first from when on
 * to count.
 */

static ngx_uint_t
ngx_adm_script_late(ngx_adm_script_t *script)
{
    uint64_t         now, spent, most;
    struct timespec  ts;

    now = ngx_adm_clock();

    if (now < script->until) {
        return 0;
    }

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    spent = (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
    most = (uint64_t) NGX_ADM_SCRIPT_TIME * 1000000;

    if (script->spent == 0) {
        script->spent = spent;
    }

    if (spent - script->spent >= most) {
        return 1;
    }

    script->until = now + most - (spent - script->spent);

    return 0;
}


static ngx_int_t
ngx_adm_script_call(ngx_adm_script_t *script, lua_CFunction function,
    ngx_uint_t times)
{
    int         rc;
    lua_State  *L;

    L = script->state;

    script->steps = (int64_t) NGX_ADM_SCRIPT_STEPS * times;
    script->until = ngx_adm_clock() + (uint64_t) NGX_ADM_SCRIPT_TIME * 1000000
                                      * times;
    script->spent = 0;
    script->failed = NGX_ADM_SCRIPT_THREW;

    rc = lua_cpcall(L, function, NULL);

    if (rc == 0) {
        return NGX_OK;
    }

    ngx_adm_script_explain(script, rc);
    lua_settop(L, 0);

    return NGX_ERROR;
}


/* the library, the function of the file, and the request that it is given */

static int
ngx_adm_script_make(lua_State *L)
{
    (void) luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE|LUAJIT_MODE_OFF);
    (void) lua_sethook(L, ngx_adm_script_hook, LUA_MASKCOUNT,
                       NGX_ADM_SCRIPT_HOOK);

    ngx_adm_script_libraries(L);
    ngx_adm_script_environment(L);
    ngx_adm_script_load(L);

    ngx_adm_script_push_request(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, NGX_ADM_SCRIPT_REQUEST);

    return 0;
}


static void
ngx_adm_script_libraries(lua_State *L)
{
    ngx_uint_t  i;

    static luaL_Reg  libraries[] = {
        { "", luaopen_base },
        { LUA_STRLIBNAME, luaopen_string },
        { LUA_TABLIBNAME, luaopen_table },
        { LUA_MATHLIBNAME, luaopen_math },
        { LUA_BITLIBNAME, luaopen_bit },
        { NULL, NULL }
    };

    for (i = 0; libraries[i].func; i++) {
        lua_pushcfunction(L, libraries[i].func);
        lua_pushstring(L, libraries[i].name);
        lua_call(L, 1, 0);
    }
}


/* leaves the environment, and the function that makes it read-only */

static void
ngx_adm_script_environment(lua_State *L)
{
    if (luaL_loadbuffer(L, (const char *) ngx_adm_script_library,
                        sizeof(ngx_adm_script_library), "=library")
        != 0)
    {
        (void) lua_error(L);
    }

    lua_pushvalue(L, LUA_GLOBALSINDEX);
    ngx_adm_script_push_patterns(L);
    lua_call(L, 2, 2);
}


/* the file's own text, and no bytecode, which nobody checks */

static void
ngx_adm_script_load(lua_State *L)
{
    u_char            *p;
    const char        *name;
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);

    p = (u_char *) strrchr((char *) script->file.data, '/');
    name = lua_pushfstring(L, "@%s", p ? p + 1 : script->file.data);

    if (luaL_loadbufferx(L, (const char *) script->text.data,
                         script->text.len, name, "t")
        != 0)
    {
        (void) lua_error(L);
    }

    lua_pushvalue(L, -4);
    (void) lua_setfenv(L, -2);
    lua_call(L, 0, 1);

    if (!lua_isfunction(L, -1)) {
        (void) luaL_error(L, "%s: it returns a %s, it must return a function",
                          name + 1, luaL_typename(L, -1));
    }

    lua_rawseti(L, LUA_REGISTRYINDEX, NGX_ADM_SCRIPT_FUNCTION);
    lua_pop(L, 1);
    lua_call(L, 0, 0);
}


static int
ngx_adm_script_enter(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, NGX_ADM_SCRIPT_FUNCTION);
    lua_rawgeti(L, LUA_REGISTRYINDEX, NGX_ADM_SCRIPT_REQUEST);
    lua_call(L, 1, 1);

    ngx_adm_script_read_answer(L);

    return 0;
}


static int
ngx_adm_script_collect(lua_State *L)
{
    (void) lua_gc(L, LUA_GCCOLLECT, 0);

    return 0;
}


/* the real one of LuaJIT, which scripts do not have */

static int
ngx_adm_script_seed(lua_State *L)
{
    lua_getglobal(L, LUA_MATHLIBNAME);
    lua_getfield(L, -1, "randomseed");
    lua_pushnumber(L, (lua_Number) ngx_random());
    lua_call(L, 1, 0);

    return 0;
}


/* what was thrown may be of a client: nothing that a log would break at */

static void
ngx_adm_script_explain(ngx_adm_script_t *script, int rc)
{
    size_t       i, len;
    const char  *text;

    text = NULL;
    len = 0;

    if (rc == LUA_ERRMEM) {
        script->failed = NGX_ADM_SCRIPT_FULL;
        text = "too much memory";
        len = ngx_strlen(text);

    } else if (lua_type(script->state, -1) == LUA_TSTRING) {
        text = lua_tolstring(script->state, -1, &len);
    }

    if (text == NULL) {
        text = "it threw what is no string";
        len = ngx_strlen(text);
    }

    len = ngx_min(len, NGX_ADM_SCRIPT_MESSAGE - 1);

    for (i = 0; i < len; i++) {
        script->message[i] = (text[i] >= 0x20 && text[i] < 0x7f) ? text[i]
                                                                 : '?';
    }

    script->message[len] = '\0';
}
