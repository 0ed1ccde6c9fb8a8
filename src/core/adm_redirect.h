
/*
 * What a node of a Redis Cluster says to a command whose slot it does not
 * serve, as the text of an error:
 *
 *     MOVED 3999 127.0.0.1:6381     from now on, there
 *     ASK 3999 127.0.0.1:6381       this command alone, behind ASKING
 *     TRYAGAIN ...                  keys of a slot that is on its way
 *     CLUSTERDOWN ...               nobody serves the slot
 *
 * Source: the Redis Cluster specification, "MOVED Redirection" and on.  Of
 * what does not have this form nothing is taken.
 */


#ifndef _ADM_REDIRECT_H_INCLUDED_
#define _ADM_REDIRECT_H_INCLUDED_


#include "adm.h"


#define ADM_REDIRECT_HOST   255


typedef enum {
    ADM_REDIRECT_MOVED = 0,
    ADM_REDIRECT_ASK,
    ADM_REDIRECT_TRYAGAIN,
    ADM_REDIRECT_DOWN
} adm_redirect_e;


typedef struct {
    adm_redirect_e  kind;

    /* of MOVED and ASK */
    unsigned        slot;    /* below ADM_KEYSLOTS */
    adm_str_t       host;    /* within the text, to ADM_REDIRECT_HOST bytes;
                                empty: that of the one who says it */
    unsigned        port;    /* 1 to 65535 */
} adm_redirect_t;


/* ADM_ERROR: it is none, or none that can be followed */

int adm_redirect_parse(adm_str_t text, adm_redirect_t *redirect);


#endif /* _ADM_REDIRECT_H_INCLUDED_ */
