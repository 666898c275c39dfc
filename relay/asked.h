/* Requests that are no WebSocket: the long poll (WIRE-PROTOCOL 6) and a room's stream. Pure. A part of upgrade.h, which
 * says what the answers mean. Who may poll is judged in live/poll_asker.h. */
#ifndef CONFAB_RELAY_ASKED_H
#define CONFAB_RELAY_ASKED_H

struct arena;
struct config;
struct head;
struct upgrade;

void asked_poll(const struct config *, struct arena *, const struct head *, struct upgrade *out);
void asked_stream(const struct config *, struct arena *, const struct head *, struct upgrade *out);

#endif
