/* Requests that are no WebSocket: the long poll (WIRE-PROTOCOL 6) and a room's stream. Pure. A part of upgrade.h, which
 * says what the answers mean.
 *
 * When a cookie may count. A page of ours sends its requests with the cookie and with a CSRF token in the query, which
 * no other page can know; that is asked for with every request of a poll. Besides, whatever the browser tells must not
 * speak against it:
 * 1. An Origin that came must be ours, with or without a cookie: pages of others are never answered.
 * 2. A POST carries an Origin in every browser, so one without has no business with a cookie.
 * 3. A GET to one's own host carries none. There Sec-Fetch-Site must be same-origin. Browsers that send neither (Safari
 *    before 16.4) are left with the CSRF token alone: an answer in JSON that is let out to no other origin shows them
 *    nothing, and a GET changes nothing. */
#ifndef CONFAB_RELAY_ASKED_H
#define CONFAB_RELAY_ASKED_H

struct arena;
struct config;
struct head;
struct upgrade;

/* A body of a POST may have so many times limits.body, which is for one message. */
enum { ASKED_BODY_TIMES = 16 };

void asked_poll(const struct config *, struct arena *, const struct head *, struct upgrade *out);
void asked_stream(const struct config *, struct arena *, const struct head *, struct upgrade *out);

#endif
