
/*
 * What a script answers: nil, or a table whose members are all known and good.
 * A table that is not is an error as any other, since half of an answer may be
 * the wrong half.
 */


#include <ngx_adm_script_lua.h>


#define NGX_ADM_SCRIPT_NAME       64     /* bytes: a class, a word */
#define NGX_ADM_SCRIPT_KEY        255
#define NGX_ADM_SCRIPT_RETRY_MAX  86400


typedef struct ngx_adm_script_answer_s  ngx_adm_script_answer_t;

/* reads the value on top of the stack */

typedef void (*ngx_adm_script_answer_pt)(lua_State *L,
    ngx_adm_script_answer_t *answer);

struct ngx_adm_script_answer_s {
    const char                *name;
    const char                *expected;
    ngx_adm_script_answer_pt   read;
    size_t                     offset;   /* in ngx_adm_said_t */
    uint64_t                   max;
};


static void ngx_adm_script_members(lua_State *L,
    ngx_adm_script_answer_t *known, const char *what);
static void ngx_adm_script_nonsense(lua_State *L,
    ngx_adm_script_answer_t *answer);
static void ngx_adm_script_keep(lua_State *L, ngx_adm_script_answer_t *answer,
    u_char *data, size_t len);
static void ngx_adm_script_word(lua_State *L, ngx_adm_script_answer_t *answer);
static void ngx_adm_script_number(lua_State *L,
    ngx_adm_script_answer_t *answer);
static ngx_uint_t ngx_adm_script_whole(lua_State *L,
    ngx_adm_script_answer_t *answer);
static void ngx_adm_script_key(lua_State *L, ngx_adm_script_answer_t *answer);
static void ngx_adm_script_room(lua_State *L, ngx_adm_script_answer_t *answer);
static void ngx_adm_script_bypass(lua_State *L,
    ngx_adm_script_answer_t *answer);
static void ngx_adm_script_refuse(lua_State *L,
    ngx_adm_script_answer_t *answer);
static void ngx_adm_script_status(lua_State *L,
    ngx_adm_script_answer_t *answer);
static void ngx_adm_script_retry(lua_State *L,
    ngx_adm_script_answer_t *answer);


#define NGX_ADM_SCRIPT_WORD                                                   \
    "1 to 64 letters, digits, \"_\", \".\" or \"-\""


static ngx_adm_script_answer_t  ngx_adm_script_answers[] = {

    { "class", NGX_ADM_SCRIPT_WORD,
      ngx_adm_script_word, offsetof(ngx_adm_said_t, cls), 0 },

    { "priority", "a whole number from 0 to 9",
      ngx_adm_script_number, offsetof(ngx_adm_said_t, priority), 9 },

    { "cost", "a whole number from 0 to 1000000",
      ngx_adm_script_number, offsetof(ngx_adm_said_t, cost),
      ADM_GCRA_COST_MAX },

    { "key", "a string that is not empty",
      ngx_adm_script_key, offsetof(ngx_adm_said_t, key), 0 },

    { "room", "a room of an \"admission_wait\" of the location",
      ngx_adm_script_room, 0, 0 },

    { "bypass", "true or false",
      ngx_adm_script_bypass, 0, 0 },

    { "refuse", "true, or a table",
      ngx_adm_script_refuse, 0, 0 },

    { NULL, NULL, NULL, 0, 0 }
};


static ngx_adm_script_answer_t  ngx_adm_script_refusals[] = {

    { "status", "403, 429 or 503",
      ngx_adm_script_status, 0, 503 },

    { "reason", NGX_ADM_SCRIPT_WORD,
      ngx_adm_script_word, offsetof(ngx_adm_said_t, word), 0 },

    { "retry", "seconds from 1 to 86400",
      ngx_adm_script_retry, 0, NGX_ADM_SCRIPT_RETRY_MAX },

    { NULL, NULL, NULL, 0, 0 }
};


void
ngx_adm_script_read_answer(lua_State *L)
{
    if (lua_isnil(L, -1)) {
        return;
    }

    if (!lua_istable(L, -1)) {
        lua_pushfstring(L, "the answer is a %s, it must be nil or a table",
                        luaL_typename(L, -1));
        (void) ngx_adm_script_throw(L, NGX_ADM_SCRIPT_NONSENSE);
    }

    ngx_adm_script_members(L, ngx_adm_script_answers, "an answer");
}


static void
ngx_adm_script_members(lua_State *L, ngx_adm_script_answer_t *known,
    const char *what)
{
    const char               *name;
    ngx_adm_script_answer_t  *answer;

    lua_pushnil(L);

    while (lua_next(L, -2)) {

        name = (lua_type(L, -2) == LUA_TSTRING) ? lua_tostring(L, -2) : "";

        for (answer = known; answer->name; answer++) {
            if (ngx_strcmp(answer->name, name) == 0) {
                break;
            }
        }

        if (answer->name == NULL) {
            lua_pushfstring(L, "%s has no \"%s\"", what, name);
            (void) ngx_adm_script_throw(L, NGX_ADM_SCRIPT_NONSENSE);
        }

        answer->read(L, answer);
        lua_pop(L, 1);
    }
}


static void
ngx_adm_script_nonsense(lua_State *L, ngx_adm_script_answer_t *answer)
{
    lua_pushfstring(L, "\"%s\" of the answer must be %s", answer->name,
                    answer->expected);
    (void) ngx_adm_script_throw(L, NGX_ADM_SCRIPT_NONSENSE);
}


/* in the request's pool: what Lua has may be gone with its next step */

static void
ngx_adm_script_keep(lua_State *L, ngx_adm_script_answer_t *answer,
    u_char *data, size_t len)
{
    u_char            *p;
    ngx_str_t         *field;
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);

    p = ngx_pnalloc(script->subject->pool, len);
    if (p == NULL) {
        (void) luaL_error(L, "out of memory of the request");
    }

    field = (ngx_str_t *) ((u_char *) script->said + answer->offset);

    ngx_memcpy(p, data, len);

    field->data = p;
    field->len = len;
}


static void
ngx_adm_script_word(lua_State *L, ngx_adm_script_answer_t *answer)
{
    u_char  *p;
    size_t   i, len;

    if (lua_type(L, -1) != LUA_TSTRING) {
        ngx_adm_script_nonsense(L, answer);
    }

    p = (u_char *) lua_tolstring(L, -1, &len);

    for (i = 0; i < len; i++) {

        if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'A' && p[i] <= 'Z')
            && !(p[i] >= 'a' && p[i] <= 'z') && p[i] != '_' && p[i] != '.'
            && p[i] != '-')
        {
            break;
        }
    }

    if (len == 0 || len > NGX_ADM_SCRIPT_NAME || i < len) {
        ngx_adm_script_nonsense(L, answer);
    }

    ngx_adm_script_keep(L, answer, p, len);
}


static void
ngx_adm_script_number(lua_State *L, ngx_adm_script_answer_t *answer)
{
    size_t  len;
    u_char  text[NGX_INT64_LEN];

    len = ngx_sprintf(text, "%ui", ngx_adm_script_whole(L, answer)) - text;

    ngx_adm_script_keep(L, answer, text, len);
}


static ngx_uint_t
ngx_adm_script_whole(lua_State *L, ngx_adm_script_answer_t *answer)
{
    lua_Number  number;

    if (lua_type(L, -1) != LUA_TNUMBER) {
        ngx_adm_script_nonsense(L, answer);
    }

    number = lua_tonumber(L, -1);

    if (!(number >= 0 && number <= (lua_Number) answer->max)
        || number != (lua_Number) (ngx_uint_t) number)
    {
        ngx_adm_script_nonsense(L, answer);
    }

    return (ngx_uint_t) number;
}


/*
 * A key may be what the client sent.  Were it an error, the client could
 * choose to have none, and so no limit: what cannot stand in a variable is
 * escaped, and what is too long shares the budget of all that begin like it.
 */

static void
ngx_adm_script_key(lua_State *L, ngx_adm_script_answer_t *answer)
{
    u_char  *p, *q, *last, text[NGX_ADM_SCRIPT_KEY];
    size_t   i, len;

    if (lua_type(L, -1) != LUA_TSTRING) {
        ngx_adm_script_nonsense(L, answer);
    }

    p = (u_char *) lua_tolstring(L, -1, &len);

    if (len == 0) {
        ngx_adm_script_nonsense(L, answer);
    }

    q = text;
    last = text + NGX_ADM_SCRIPT_KEY - 3;

    for (i = 0; i < len && q <= last; i++) {

        if (p[i] > 0x20 && p[i] < 0x7f && p[i] != '%') {
            *q++ = p[i];

        } else {
            q = ngx_sprintf(q, "%%%02Xd", (ngx_uint_t) p[i]);
        }
    }

    ngx_adm_script_keep(L, answer, text, q - text);
}


/* a name that is none of them would leave the location without a room */

static void
ngx_adm_script_room(lua_State *L, ngx_adm_script_answer_t *answer)
{
    ngx_int_t          rc;
    ngx_str_t          room, value;
    ngx_adm_script_t  *script;

    if (lua_type(L, -1) != LUA_TSTRING) {
        ngx_adm_script_nonsense(L, answer);
    }

    script = ngx_adm_script_of(L);
    room.data = (u_char *) lua_tolstring(L, -1, &room.len);

    rc = script->fact(script->subject, NGX_ADM_FACT_ROOM, &room, &value);

    if (rc != NGX_OK) {
        ngx_adm_script_nonsense(L, answer);
    }

    script->said->room = value;
    script->said->room_dry = script->subject->dry_run;
}


static void
ngx_adm_script_bypass(lua_State *L, ngx_adm_script_answer_t *answer)
{
    ngx_adm_script_t  *script;

    if (!lua_isboolean(L, -1)) {
        ngx_adm_script_nonsense(L, answer);
    }

    if (lua_toboolean(L, -1)) {
        script = ngx_adm_script_of(L);

        script->said->bypass = 1;
        script->said->bypass_dry = script->subject->dry_run;
    }
}


static void
ngx_adm_script_refuse(lua_State *L, ngx_adm_script_answer_t *answer)
{
    ngx_adm_script_t  *script;

    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) {
        return;
    }

    if (!lua_isboolean(L, -1) && !lua_istable(L, -1)) {
        ngx_adm_script_nonsense(L, answer);
    }

    script = ngx_adm_script_of(L);

    script->refuses = NGX_ADM_REASON_SCRIPT;
    script->retry = NGX_ADM_NO_RETRY;

    if (lua_istable(L, -1)) {
        ngx_adm_script_members(L, ngx_adm_script_refusals, "\"refuse\"");
    }
}


static void
ngx_adm_script_status(lua_State *L, ngx_adm_script_answer_t *answer)
{
    ngx_adm_script_t  *script;

    script = ngx_adm_script_of(L);

    switch (ngx_adm_script_whole(L, answer)) {

    case 403:
        break;

    case 429:
        script->refuses = NGX_ADM_REASON_SCRIPT_LIMIT;
        break;

    case 503:
        script->refuses = NGX_ADM_REASON_SCRIPT_SHED;
        break;

    default:
        ngx_adm_script_nonsense(L, answer);
    }
}


static void
ngx_adm_script_retry(lua_State *L, ngx_adm_script_answer_t *answer)
{
    ngx_uint_t  retry;

    retry = ngx_adm_script_whole(L, answer);

    if (retry == 0) {
        ngx_adm_script_nonsense(L, answer);
    }

    ngx_adm_script_of(L)->retry = retry;
}
