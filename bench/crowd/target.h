
/*
 * Where the crowd goes: a URL, resolved once.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _TARGET_H_INCLUDED_
#define _TARGET_H_INCLUDED_


#include "client.h"


typedef struct {
    char  *url;
    char  *host;
    char  *authority;       /* host and port, as given */
    char  *prefix;          /* of all paths, without a slash at its end */
    char   port[8];
    int    tls;
    int    loopback;
} target_t;


/* returns 0, or -1 after it has said on stderr what is wrong */
int target_read(target_t *target, const char *url);
int target_resolve(target_t *target, client_t *client);

void target_free(target_t *target);


#endif /* _TARGET_H_INCLUDED_ */
