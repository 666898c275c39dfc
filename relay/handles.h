/* The end of what holds libuv handles: their memory may be freed only when the loop has closed them. Loop thread only.
 */
#ifndef CONFAB_RELAY_HANDLES_H
#define CONFAB_RELAY_HANDLES_H

#include <stddef.h>

/* Close these handles (of any type), and free the owner, in which they lie, when the loop has closed the last of them:
 * it must run once more. Their data is ours from now on. A handle with memory of its own is its own owner. */
void handles_close(void *owner, void *const *handles, size_t count);

#endif
