
/*
 * The command line.
 */


#ifndef _OPTIONS_H_INCLUDED_
#define _OPTIONS_H_INCLUDED_


#include <stdint.h>
#include <sys/socket.h>


typedef struct {
    struct sockaddr_storage  address;
    int                      address_length;
    int                      backlog;
    uint64_t                 servers;
    int64_t                  base;          /* us */
    double                   sigma;
    double                   contention;
    uint64_t                 queue;         /* UINT64_MAX: unlimited */
    uint64_t                 stock;         /* units; UINT64_MAX: unlimited */
    uint64_t                 seed;
    const char              *field;         /* of orders; NULL: none */
} options_t;


typedef enum {
    OPTIONS_RUN,
    OPTIONS_HELP,                           /* was printed */
    OPTIONS_BAD                             /* a sentence was printed */
} options_verdict_e;


options_verdict_e options_parse(options_t *options, int argc, char **argv);


#endif /* _OPTIONS_H_INCLUDED_ */
