/* Rows that nobody asks for any more are taken away now and then: mailboxes of long polls. Loop thread only. */
#ifndef CONFAB_RELAY_SWEEPING_H
#define CONFAB_RELAY_SWEEPING_H

struct relay;

/* Once a second. */
void sweeping_tick(struct relay *);

#endif
