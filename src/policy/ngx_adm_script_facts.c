
/*
 * The request as a script sees it: what it asks for is fetched then, and
 * nothing else is.
 *
 * There is one for all requests, of the state, so that a request costs no
 * table; what a script keeps of it is the next request's.
 */


#include <ngx_adm_script_lua.h>


/* steps of one, whether there is such or not, and bytes of it for a step */
#define NGX_ADM_SCRIPT_FACT   20
#define NGX_ADM_SCRIPT_BYTES  8


/* which of them is indexed: the userdata's one byte */

typedef enum {
    NGX_ADM_SCRIPT_OF_REQUEST = 0,
    NGX_ADM_SCRIPT_OF_ARGS,
    NGX_ADM_SCRIPT_OF_HEADERS,
    NGX_ADM_SCRIPT_OF_VAR,
    NGX_ADM_SCRIPT_OF_TOKEN,
    NGX_ADM_SCRIPT_OFS
} ngx_adm_script_of_e;


static int ngx_adm_script_index(lua_State *L);
static int ngx_adm_script_member(lua_State *L, ngx_str_t *name);
static int ngx_adm_script_fact(lua_State *L, ngx_adm_fact_e fact,
    ngx_str_t *name);


/* "what" of the request is: a fact, or another that is indexed */

static struct {
    ngx_str_t            name;
    ngx_adm_fact_e       fact;
    ngx_adm_script_of_e  of;
} ngx_adm_script_members[] = {
    { ngx_string("method"), NGX_ADM_FACT_METHOD, 0 },
    { ngx_string("uri"), NGX_ADM_FACT_URI, 0 },
    { ngx_string("remote_addr"), NGX_ADM_FACT_ADDRESS, 0 },
    { ngx_string("args"), 0, NGX_ADM_SCRIPT_OF_ARGS },
    { ngx_string("headers"), 0, NGX_ADM_SCRIPT_OF_HEADERS },
    { ngx_string("var"), 0, NGX_ADM_SCRIPT_OF_VAR },
    { ngx_string("token"), 0, NGX_ADM_SCRIPT_OF_TOKEN },
    { ngx_null_string, 0, 0 }
};


/* all of them share a metatable, and its function has them as upvalues */

void
ngx_adm_script_push_request(lua_State *L)
{
    u_char      *of;
    ngx_uint_t   i;

    lua_newtable(L);

    for (i = 0; i < NGX_ADM_SCRIPT_OFS; i++) {
        of = lua_newuserdata(L, 1);
        *of = i;

        lua_pushvalue(L, -(int) i - 2);
        lua_setmetatable(L, -2);
    }

    /* the metatable, the request, the others */

    lua_pushvalue(L, -NGX_ADM_SCRIPT_OFS);
    lua_insert(L, -NGX_ADM_SCRIPT_OFS - 2);
    lua_pushcclosure(L, ngx_adm_script_index, NGX_ADM_SCRIPT_OFS);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}


static int
ngx_adm_script_index(lua_State *L)
{
    u_char     *of;
    ngx_str_t   name;

    static ngx_adm_fact_e  facts[NGX_ADM_SCRIPT_OFS] = {
        0,
        NGX_ADM_FACT_ARGUMENT,
        NGX_ADM_FACT_FIELD,
        NGX_ADM_FACT_VARIABLE,
        NGX_ADM_FACT_TOKEN
    };

    of = lua_touserdata(L, 1);
    name.data = (u_char *) luaL_checklstring(L, 2, &name.len);

    return (*of == NGX_ADM_SCRIPT_OF_REQUEST)
           ? ngx_adm_script_member(L, &name)
           : ngx_adm_script_fact(L, facts[*of], &name);
}


/* a name that is none is a mistake, which nobody would see as a nil */

static int
ngx_adm_script_member(lua_State *L, ngx_str_t *name)
{
    ngx_uint_t  i;

    if (name->len == 4 && ngx_memcmp(name->data, "time", 4) == 0) {
        lua_pushnumber(L, (lua_Number) ngx_time());
        return 1;
    }

    for (i = 0; ngx_adm_script_members[i].name.len; i++) {

        if (ngx_adm_script_members[i].name.len != name->len
            || ngx_memcmp(ngx_adm_script_members[i].name.data, name->data,
                          name->len)
               != 0)
        {
            continue;
        }

        if (ngx_adm_script_members[i].of) {
            lua_pushvalue(L, lua_upvalueindex(1
                                              + ngx_adm_script_members[i].of));
            return 1;
        }

        return ngx_adm_script_fact(L, ngx_adm_script_members[i].fact, name);
    }

    return luaL_error(L, "a request has no \"%s\"", name->data);
}


static int
ngx_adm_script_fact(lua_State *L, ngx_adm_fact_e fact, ngx_str_t *name)
{
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);

    rc = script->fact(script->subject, fact, name, &value);

    script->steps -= NGX_ADM_SCRIPT_FACT
                     + (name->len + (rc == NGX_OK ? value.len : 0))
                       / NGX_ADM_SCRIPT_BYTES;

    if (rc == NGX_ERROR) {
        return luaL_error(L, "out of memory of the request");
    }

    if (rc == NGX_DECLINED) {
        return 0;
    }

    if (rc == NGX_BUSY) {
        lua_pushboolean(L, 0);
        return 1;
    }

    lua_pushlstring(L, (const char *) value.data, value.len);

    return 1;
}
