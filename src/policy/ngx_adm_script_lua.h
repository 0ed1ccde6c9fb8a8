
/*
 * What the files of scripts share of LuaJIT, and nobody else sees.
 *
 * An error of Lua leaves C functions as longjmp() does.  So these are called
 * by LuaJIT alone, within a protected call, hold nothing that would be lost,
 * and no function of nginx stands between them and Lua.
 */


#ifndef _NGX_ADM_SCRIPT_LUA_H_INCLUDED_
#define _NGX_ADM_SCRIPT_LUA_H_INCLUDED_


#include <ngx_adm_script.h>
#include <luajit-2.1/luajit.h>
#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/lualib.h>


/* whose state it is */

ngx_adm_script_t *ngx_adm_script_of(lua_State *L);

/*
 * Ends the run for that reason, with the message on top of the stack; it does
 * not return.
 */

int ngx_adm_script_throw(lua_State *L, ngx_adm_script_cell_e cell);


/* ngx_adm_script_facts.c: pushes the request, a value that Lua indexes */

void ngx_adm_script_push_request(lua_State *L);

/* ngx_adm_script_text.c: pushes a table of the functions of patterns */

void ngx_adm_script_push_patterns(lua_State *L);

/* ngx_adm_script_answer.c: reads the answer on top of the stack */

void ngx_adm_script_read_answer(lua_State *L);


#endif /* _NGX_ADM_SCRIPT_LUA_H_INCLUDED_ */
