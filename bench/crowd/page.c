
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "page.h"


static int script_path(char path[PATH_MAX]);
static pid_t script_start(const char *argument, int input, const char *output);
static int script_wait(pid_t pid);
static int say(const char *subject, const char *sentence);


int
page_check(void)
{
    return script_wait(script_start("--check", -1, NULL));
}


int
page_write(const json_t *report, const char *file)
{
    int    ends[2];
    pid_t  pid;

    if (pipe(ends) != 0) {
        return say("pipe", strerror(errno));
    }

    pid = script_start(NULL, ends[0], file);

    close(ends[0]);

    if (pid != -1) {
        json_dumpfd(report, ends[1], REPORT_FLAGS);
    }

    close(ends[1]);

    return script_wait(pid);
}


/* the pipe's other end must be no one's but ours: it is the end of input */
static pid_t
script_start(const char *argument, int input, const char *output)
{
    char   script[PATH_MAX];
    pid_t  pid;

    if (script_path(script) != 0) {
        return -1;
    }

    /* or the child would write again what waits in our buffers */

    fflush(NULL);

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    if (input != -1 && dup2(input, STDIN_FILENO) == -1) {
        goto failed;
    }

    if (output != NULL && freopen(output, "w", stdout) == NULL) {
        say(output, strerror(errno));
        _exit(EXIT_FAILURE);
    }

    closefrom(STDERR_FILENO + 1);
    execl(script, script, argument, NULL);

failed:

    say(script, strerror(errno));
    _exit(EXIT_FAILURE);
}


static int
script_wait(pid_t pid)
{
    int  status;

    if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0) {
        return -1;
    }

    return 0;
}


/*
 * The script lies in the sources, and this program where ./dev builds it:
 * build/bench/crowd beside bench/crowd/report.  CROWD_REPORT names another.
 */

static int
script_path(char path[PATH_MAX])
{
    char        *slash;
    int          i;
    ssize_t      n;
    const char  *told;

    told = getenv("CROWD_REPORT");

    if (told != NULL) {
        snprintf(path, PATH_MAX, "%s", told);
        return access(path, X_OK) ? say(path, strerror(errno)) : 0;
    }

    n = readlink("/proc/self/exe", path, PATH_MAX - 32);

    if (n == -1) {
        return say("/proc/self/exe", strerror(errno));
    }

    path[n] = '\0';

    for (i = 0; i < 3; i++) {
        slash = strrchr(path, '/');

        if (slash != NULL) {
            *slash = '\0';
        }
    }

    strcat(path, "/bench/crowd/report");

    return access(path, X_OK) ? say(path, strerror(errno)) : 0;
}


static int
say(const char *subject, const char *sentence)
{
    fprintf(stderr, "crowd: \"%s\": %s\n", subject, sentence);

    return -1;
}
