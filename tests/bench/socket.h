/* Client sides of sockets for the load generators: connecting from many addresses, the WebSocket handshake and frames.
 */
#ifndef CONFAB_BENCH_SOCKET_H
#define CONFAB_BENCH_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To "127.0.0.1:80" (loopback only) or to a path. source: from 127.0.<source>.1, 0 from anywhere. Where it is not to
 * wait, the connection may still be under way. Ends the program when it fails. */
int socket_connect(const char *address, int source, bool wait);

/* All of it, however long it takes. */
void socket_write(int fd, const char *bytes, size_t len);

/* A WebSocket's request; its length. */
int socket_request(char *out, size_t size, const char *host, const char *path);

/* Send a masked frame. */
void socket_frame(int fd, int opcode, const char *payload, size_t len);

/* Read a server's frame. Bytes it takes altogether, or 0 while it is not complete. */
size_t socket_frame_read(const char *bytes, size_t len, int *opcode, const char **payload, size_t *payload_len);

#endif
