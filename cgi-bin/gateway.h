/* The server's side of one request: FastCGI or plain CGI, seen alike. Nothing of HTTP is understood here. */
#ifndef CONFAB_CGI_GATEWAY_H
#define CONFAB_CGI_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fcgiapp.h>

#include "base/text.h"

struct gateway {
    FCGX_Request *fastcgi; /* NULL: plain CGI, on this process's standard input and output */
    char **variables;
    int64_t taken; /* bytes of the body that were read */
    bool answered;
};

/* A variable of the request; empty when absent (servers differ in which of the two they send). */
struct text gateway_variable(const struct gateway *, const char *name);

/* Read up to size bytes of the body; less means that it ended, or broke. */
size_t gateway_read(struct gateway *, char *into, size_t size);

/* Write the answer, whole and once; its head has less than 64 KB. False: the client is gone. */
bool gateway_write(struct gateway *, struct text head, struct text body);

/* FastCGI: was the request read to its end? Then the connection can be closed at once, and the answer gets through. */
bool gateway_read_out(struct gateway *);

#endif
