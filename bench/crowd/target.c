
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"


static int read_authority(target_t *target);
static int wrong(const char *url);
static int is_loopback(const struct sockaddr *address);
static int start_tls(const target_t *target, client_t *client);


int
target_read(target_t *target, const char *url)
{
    size_t       len;
    const char  *rest, *path;

    memset(target, 0, sizeof(target_t));

    if (strncmp(url, "http://", 7) == 0) {
        rest = url + 7;

    } else if (strncmp(url, "https://", 8) == 0) {
        rest = url + 8;
        target->tls = 1;

    } else {
        return wrong(url);
    }

    path = rest + strcspn(rest, "/?#");
    len = strcspn(path, "?#");

    if (path[len] != '\0' || path == rest || strcspn(url, " \r\n") == 0) {
        return wrong(url);
    }

    while (len && path[len - 1] == '/') {
        len--;
    }

    target->url = strdup(url);
    target->authority = strndup(rest, path - rest);
    target->prefix = strndup(path, len);

    return read_authority(target);
}


/* "host", "host:port", "[::1]:port" */
static int
read_authority(target_t *target)
{
    char           *host, *port;
    unsigned long   n;

    host = target->authority;

    if (*host == '[') {
        port = strchr(host, ']');

        if (port == NULL) {
            return wrong(target->url);
        }

        target->host = strndup(host + 1, port - host - 1);
        port++;

    } else {
        port = host + strcspn(host, ":");
        target->host = strndup(host, port - host);
    }

    strcpy(target->port, target->tls ? "443" : "80");

    if (*port == '\0') {
        return 0;
    }

    n = strtoul(port + 1, &host, 10);

    if (*port != ':' || *host != '\0' || n < 1 || n > 65535) {
        return wrong(target->url);
    }

    snprintf(target->port, sizeof(target->port), "%lu", n);

    return 0;
}


static int
wrong(const char *url)
{
    fprintf(stderr, "crowd: \"%s\": expected a URL such as "
            "http://127.0.0.1:8080, without query\n", url);

    return -1;
}


int
target_resolve(target_t *target, client_t *client)
{
    int               rc;
    struct addrinfo   hints, *found;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(target->host, target->port, &hints, &found);

    if (rc != 0) {
        fprintf(stderr, "crowd: %s: %s\n", target->host, gai_strerror(rc));
        return -1;
    }

    memcpy(&client->address, found->ai_addr, found->ai_addrlen);
    client->address_len = found->ai_addrlen;
    client->host = target->host;
    target->loopback = is_loopback(found->ai_addr);

    freeaddrinfo(found);

    return target->tls ? start_tls(target, client) : 0;
}


static int
is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in   *sin;
    const struct sockaddr_in6  *sin6;

    if (address->sa_family == AF_INET) {
        sin = (const struct sockaddr_in *) address;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
    }

    sin6 = (const struct sockaddr_in6 *) address;

    return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
}


/* certificates of the loopback are those of tests: not verified */
static int
start_tls(const target_t *target, client_t *client)
{
    client->tls = SSL_CTX_new(TLS_client_method());

    if (client->tls == NULL) {
        fprintf(stderr, "crowd: no TLS\n");
        return -1;
    }

    SSL_CTX_set_mode(client->tls, SSL_MODE_ENABLE_PARTIAL_WRITE
                                  |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                  |SSL_MODE_RELEASE_BUFFERS);

    if (!target->loopback) {
        SSL_CTX_set_default_verify_paths(client->tls);
        SSL_CTX_set_verify(client->tls, SSL_VERIFY_PEER, NULL);
    }

    return 0;
}


void
target_free(target_t *target)
{
    free(target->url);
    free(target->host);
    free(target->authority);
    free(target->prefix);
}
