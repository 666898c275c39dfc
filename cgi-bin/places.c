/* A place is a byte of a file in memory that its holder has locked: the kernel takes the lock back from whoever dies,
 * and no list has to be mended. */
#include "cgi-bin/places.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"

struct places {
    int fd;
    int count;
    int mine; /* the one that this process has, or -1 */
};

struct places *places_new(int count)
{
    struct places *places = calloc(1, sizeof *places);
    must(places != NULL);
    *places = (struct places){ .fd = memfd_create("confab places", MFD_CLOEXEC), .count = count, .mine = -1 };
    must(places->fd >= 0);
    return places;
}

void places_free(struct places **places)
{
    if (!*places)
        return;
    close((*places)->fd);
    free(*places);
    *places = NULL;
}

static struct flock range(short type, int from, int len)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = len };
}

/* The first place that somebody else has, from this one on, or count. */
static int next_taken(const struct places *places, int from)
{
    struct flock lock = range(F_WRLCK, from, places->count - from);
    if (from >= places->count || fcntl(places->fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
        return places->count;
    return (int)lock.l_start > from ? (int)lock.l_start : from;
}

bool places_take(struct places *places)
{
    for (int i = 0; places && i < places->count; i++) {
        struct flock lock = range(F_WRLCK, i, 1);
        if (fcntl(places->fd, F_SETLK, &lock) == 0) {
            places->mine = i;
            return true;
        }
    }
    return !places;
}

void places_give(struct places *places)
{
    if (!places || places->mine < 0)
        return;
    struct flock lock = range(F_UNLCK, places->mine, 1);
    must(fcntl(places->fd, F_SETLK, &lock) == 0);
    places->mine = -1;
}

int places_taken(const struct places *places)
{
    int taken = 0;
    for (int i = next_taken(places, 0); i < places->count; i = next_taken(places, i + 1))
        taken++;
    return taken;
}

bool places_left(const struct places *places)
{
    return !places || places_taken(places) < places->count;
}
