
/*
 * A real Redis and the real scripts, for programs that run faster than time:
 * the scripts are as they are, but their clock is told to them.
 */


#ifndef _STORE_H_INCLUDED_
#define _STORE_H_INCLUDED_


#include <hiredis/hiredis.h>

#include "adm_line_fleet.h"


#define BASE   "adm:room:{sim}"


typedef enum {
    JOIN_SCRIPT = 0,
    CLAIM_SCRIPT,
    TICK_SCRIPT,
    SCRIPTS
} script_e;


static const char *const   script_names[] = { "line_join", "line_claim",
                                              "line_tick" };

static redisContext       *redis;
static char                shas[SCRIPTS][41];
static uint64_t            now;                  /* ms since the epoch */


static void
die(const char *what)
{
    fprintf(stderr, "fleet: %s: %s\n", what, redis ? redis->errstr : "");
    exit(2);
}


static redisReply *
command(const char *format, ...)
{
    va_list      args;
    redisReply  *reply;

    va_start(args, format);
    reply = redisvCommand(redis, format, args);
    va_end(args);

    if (reply == NULL) {
        die(format);
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "fleet: %s: %s\n", format, reply->str);
        exit(2);
    }

    return reply;
}


static void
order(const char *text)
{
    freeReplyObject(command(text));
}


/* the scripts, but for their clock: it is what the second argument says */

static char *
script(const char *dir, const char *name)
{
    FILE    *file;
    char    *text, *at, path[512];
    size_t   len;

    static const char  theirs[] = "redis.call('TIME')";
    static const char  short_theirs[] = "call('TIME')";
    static const char  ours[] = "{ARGV[2],ARGV[3]}";

    (void) snprintf(path, sizeof(path), "%s/%s.lua", dir, name);
    file = fopen(path, "r");
    text = calloc(1, 65536);

    if (file == NULL || (len = fread(text, 1, 65000, file)) == 0) {
        die(path);
    }

    fclose(file);

    at = strstr(text, theirs);
    len = sizeof(theirs) - 1;

    if (at == NULL) {
        at = strstr(text, short_theirs);
        len = sizeof(short_theirs) - 1;
    }

    if (at == NULL) {
        die("a script without a clock");
    }

    memmove(at + sizeof(ours) - 1, at + len, strlen(at + len) + 1);
    memcpy(at, ours, sizeof(ours) - 1);

    return text;
}


static void
meet(const char *socket, const char *dir)
{
    char        *text;
    size_t       i;
    redisReply  *reply;

    redis = redisConnectUnix(socket);

    if (redis == NULL || redis->err) {
        die(socket);
    }

    for (i = 0; i < SCRIPTS; i++) {
        text = script(dir, script_names[i]);
        reply = command("SCRIPT LOAD %s", text);
        memcpy(shas[i], reply->str, 40);
        freeReplyObject(reply);
        free(text);
    }
}


/* runs a script, now: its reply */

static redisReply *
run(script_e which, const char *const *keys, uint64_t ticket,
    const unsigned char *message, size_t len)
{
    int          n;
    char         names[8][64], nkeys[8], clock[2][32];
    size_t       lens[16];
    redisReply  *reply;
    const char  *args[16];

    for (n = 0; keys[n] != NULL; n++) {
        (void) snprintf(names[n], 64, BASE "%s", keys[n]);

        if (strcmp(keys[n], ":note:") == 0) {
            (void) snprintf(names[n], 64, BASE "%s%" PRIu64, keys[n], ticket);
        }

        args[n + 3] = names[n];
        lens[n + 3] = strlen(names[n]);
    }

    (void) snprintf(nkeys, sizeof(nkeys), "%d", n);
    (void) snprintf(clock[0], 32, "%" PRIu64, now / 1000);
    (void) snprintf(clock[1], 32, "%" PRIu64, now % 1000 * 1000);

    args[0] = "EVALSHA";
    args[1] = shas[which];
    args[2] = nkeys;
    args[n + 4] = clock[0];
    args[n + 5] = clock[1];

    lens[0] = 7;
    lens[1] = 40;
    lens[2] = strlen(nkeys);
    lens[n + 4] = strlen(clock[0]);
    lens[n + 5] = strlen(clock[1]);

    args[n + 3] = (const char *) message;
    lens[n + 3] = len;

    reply = redisCommandArgv(redis, n + 6, args, lens);

    if (reply == NULL) {
        die("no reply");
    }

    if (reply->type != REDIS_REPLY_STRING) {
        fprintf(stderr, "fleet: %s: %s\n", script_names[which],
                reply->str ? reply->str : "no string");
        exit(2);
    }

    return reply;
}


#endif /* _STORE_H_INCLUDED_ */
