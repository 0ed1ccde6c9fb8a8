
/*
 * Patterns for scripts: find(), match(), and what the library makes others of.
 * What they take is charged to the run.
 */


#include <ngx_adm_script_lua.h>
#include <adm_pattern.h>


static int ngx_adm_script_find(lua_State *L);
static int ngx_adm_script_match(lua_State *L);
static int ngx_adm_script_locate(lua_State *L);
static int ngx_adm_script_plain(lua_State *L, adm_str_t *text,
    adm_str_t *pattern, size_t from);
static ngx_uint_t ngx_adm_script_texts(lua_State *L, adm_str_t *text,
    adm_str_t *pattern, size_t *from);
static ngx_uint_t ngx_adm_script_search(lua_State *L, adm_str_t *text,
    adm_str_t *pattern, size_t from, adm_pattern_found_t *found);
static int ngx_adm_script_captures(lua_State *L, adm_str_t *text,
    adm_pattern_found_t *found, ngx_uint_t whole);
static void ngx_adm_script_charge(lua_State *L, uint64_t steps);


void
ngx_adm_script_push_patterns(lua_State *L)
{
    static luaL_Reg  functions[] = {
        { "find", ngx_adm_script_find },
        { "match", ngx_adm_script_match },
        { "locate", ngx_adm_script_locate },
        { NULL, NULL }
    };

    ngx_uint_t  i;

    lua_newtable(L);

    for (i = 0; functions[i].func; i++) {
        lua_pushcfunction(L, functions[i].func);
        lua_setfield(L, -2, functions[i].name);
    }
}


/* find(text, pattern [, from [, plain]]): from, to, captures */

static int
ngx_adm_script_find(lua_State *L)
{
    size_t               from;
    adm_str_t            text, pattern;
    adm_pattern_found_t  found;

    if (!ngx_adm_script_texts(L, &text, &pattern, &from)) {
        return 0;
    }

    if (lua_toboolean(L, 4) || adm_pattern_plain(pattern)) {
        return ngx_adm_script_plain(L, &text, &pattern, from);
    }

    if (!ngx_adm_script_search(L, &text, &pattern, from, &found)) {
        return 0;
    }

    lua_pushinteger(L, found.begin + 1);
    lua_pushinteger(L, found.end);

    return 2 + ngx_adm_script_captures(L, &text, &found, 0);
}


/* match(text, pattern [, from]): the captures, or all that matched */

static int
ngx_adm_script_match(lua_State *L)
{
    size_t               from;
    adm_str_t            text, pattern;
    adm_pattern_found_t  found;

    if (!ngx_adm_script_texts(L, &text, &pattern, &from)
        || !ngx_adm_script_search(L, &text, &pattern, from, &found))
    {
        return 0;
    }

    return ngx_adm_script_captures(L, &text, &found, 1);
}


/* both: from, to, and what match() returns */

static int
ngx_adm_script_locate(lua_State *L)
{
    size_t               from;
    adm_str_t            text, pattern;
    adm_pattern_found_t  found;

    if (!ngx_adm_script_texts(L, &text, &pattern, &from)
        || !ngx_adm_script_search(L, &text, &pattern, from, &found))
    {
        return 0;
    }

    lua_pushinteger(L, found.begin + 1);
    lua_pushinteger(L, found.end);

    return 2 + ngx_adm_script_captures(L, &text, &found, 1);
}


static int
ngx_adm_script_plain(lua_State *L, adm_str_t *text, adm_str_t *pattern,
    size_t from)
{
    const u_char  *p;

    ngx_adm_script_charge(L, (text->len - from) / 8);

    p = pattern->len ? memmem(text->data + from, text->len - from,
                              pattern->data, pattern->len)
                     : text->data + from;
    if (p == NULL) {
        return 0;
    }

    lua_pushinteger(L, p - text->data + 1);
    lua_pushinteger(L, p - text->data + pattern->len);

    return 2;
}


/* the first three arguments; 0: it is to begin behind the end */

static ngx_uint_t
ngx_adm_script_texts(lua_State *L, adm_str_t *text, adm_str_t *pattern,
    size_t *from)
{
    lua_Integer  init;

    text->data = (const u_char *) luaL_checklstring(L, 1, &text->len);
    pattern->data = (const u_char *) luaL_checklstring(L, 2, &pattern->len);
    init = luaL_optinteger(L, 3, 1);

    if (init < 0) {
        init += (lua_Integer) text->len + 1;
    }

    *from = (init < 1) ? 0 : (size_t) init - 1;

    return *from <= text->len;
}


/* 1 if it was found */

static ngx_uint_t
ngx_adm_script_search(lua_State *L, adm_str_t *text, adm_str_t *pattern,
    size_t from, adm_pattern_found_t *found)
{
    uint64_t           left;
    adm_pattern_rc_e   rc;
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);

    left = (script->steps > 0) ? script->steps : 0;

    rc = adm_pattern_find(*text, *pattern, from, &left, found);

    script->steps = left;

    if (rc == ADM_PATTERN_MATCH || rc == ADM_PATTERN_NONE) {
        return rc == ADM_PATTERN_MATCH;
    }

    luaL_where(L, 1);
    lua_pushstring(L, adm_pattern_error(rc));
    lua_concat(L, 2);

    (void) ngx_adm_script_throw(L, rc == ADM_PATTERN_STEPS
                                   ? NGX_ADM_SCRIPT_STEPPED
                                   : NGX_ADM_SCRIPT_THREW);
    return 0;
}


/* pushes them, or with "whole" what matched if there are none; their number */

static int
ngx_adm_script_captures(lua_State *L, adm_str_t *text,
    adm_pattern_found_t *found, ngx_uint_t whole)
{
    size_t                  i;
    adm_pattern_capture_t  *capture;

    if (found->n == 0 && whole) {
        lua_pushlstring(L, (const char *) text->data + found->begin,
                        found->end - found->begin);
        return 1;
    }

    luaL_checkstack(L, ADM_PATTERN_CAPTURES, "too many captures");

    for (i = 0; i < found->n; i++) {
        capture = &found->captures[i];

        if (capture->len == ADM_PATTERN_PLACE) {
            lua_pushinteger(L, capture->begin + 1);

        } else {
            lua_pushlstring(L, (const char *) text->data + capture->begin,
                            capture->len);
        }
    }

    return found->n;
}


static void
ngx_adm_script_charge(lua_State *L, uint64_t steps)
{
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);
    script->steps -= steps;

    if (script->steps < 0) {
        luaL_where(L, 1);
        lua_pushstring(L, adm_pattern_error(ADM_PATTERN_STEPS));
        lua_concat(L, 2);

        (void) ngx_adm_script_throw(L, NGX_ADM_SCRIPT_STEPPED);
    }
}
