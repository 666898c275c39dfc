/* SHA-1 (RFC 3174), for the WebSocket handshake alone, where it protects nothing (RFC 6455 10.8). */
#ifndef CONFAB_RELAY_SHA1_H
#define CONFAB_RELAY_SHA1_H

#include "base/text.h"

enum { SHA1_BYTES = 20, SHA1_INPUT_MAX = 119 };

/* Of a text of at most SHA1_INPUT_MAX bytes. */
void sha1(struct text, unsigned char out[SHA1_BYTES]);

#endif
