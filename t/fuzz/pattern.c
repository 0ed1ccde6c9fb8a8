
/*
 * Fuzzes the matcher of patterns beside LuaJIT's: the same is found, with the
 * same captures, or both find the pattern wrong.  What is before the first
 * newline is the pattern.
 */


#include <stdio.h>
#include <stdlib.h>
#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/lualib.h>

#include "../../src/core/adm_pattern.c"


/* LuaJIT has no bound, and a few bytes may take for ever */
#define STEPS  20000


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static lua_State *
lua(void)
{
    static lua_State  *L;

    if (L == NULL) {
        L = luaL_newstate();
        luaopen_base(L);
        lua_pushcfunction(L, luaopen_string);
        lua_call(L, 0, 0);
    }

    lua_settop(L, 0);

    return L;
}


static void
compare(lua_State *L, adm_str_t subject, adm_pattern_found_t *f)
{
    int                     at;
    size_t                  i, len;
    const char             *s;
    adm_pattern_capture_t  *c;

    hold(lua_tointeger(L, 1) == (lua_Integer) f->begin + 1);
    hold(lua_tointeger(L, 2) == (lua_Integer) f->end);
    hold(lua_gettop(L) == 2 + (int) f->n);

    for (i = 0; i < f->n; i++) {
        c = &f->captures[i];
        at = 3 + (int) i;

        if (c->len == ADM_PATTERN_PLACE) {
            hold(lua_type(L, at) == LUA_TNUMBER);
            hold(lua_tointeger(L, at) == (lua_Integer) c->begin + 1);
            continue;
        }

        hold(lua_type(L, at) == LUA_TSTRING);
        s = lua_tolstring(L, at, &len);

        hold(c->begin + c->len <= subject.len && len == c->len);
        hold(memcmp(s, subject.data + c->begin, len) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t              steps;
    lua_State            *L;
    adm_str_t             pattern, subject;
    const uint8_t        *end;
    adm_pattern_rc_e      rc;
    adm_pattern_found_t   f;

    end = size ? memchr(data, '\n', size) : NULL;

    /* LuaJIT takes a NUL for the pattern's end */

    if (end == NULL || memchr(data, '\0', (size_t) (end - data))) {
        return 0;
    }

    pattern.data = data;
    pattern.len = (size_t) (end - data);
    subject.data = end + 1;
    subject.len = size - pattern.len - 1;

    steps = STEPS;
    rc = adm_pattern_find(subject, pattern, 0, &steps, &f);

    if (rc == ADM_PATTERN_STEPS || rc == ADM_PATTERN_COMPLEX
        || adm_pattern_plain(pattern))
    {
        return 0;
    }

    L = lua();
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_remove(L, 1);
    lua_pushlstring(L, (const char *) subject.data, subject.len);
    lua_pushlstring(L, (const char *) pattern.data, pattern.len);

    if (lua_pcall(L, 2, LUA_MULTRET, 0) != 0) {
        hold(rc != ADM_PATTERN_MATCH && rc != ADM_PATTERN_NONE);
        return 0;
    }

    if (lua_isnil(L, 1)) {
        hold(rc == ADM_PATTERN_NONE);
        return 0;
    }

    hold(rc == ADM_PATTERN_MATCH);
    compare(L, subject, &f);

    return 0;
}
