#include "cgi-bin/lines.h"

#include <string.h>

#include "base/clock.h"

/* After a minute they are read again whatever the counters say: what somebody did to the tables with triggers switched
 * off, or by loading rows of another time, is then seen as well. */
enum {
    PLACES = 16,
    HTML_MOST = 60 * 1024,
    SLUG_MOST = 60,
    EPOCH_MOST = 16,
    HERE_MOST = 8 * (PRESENCE_PAGES_FEW + 1),
    KEPT_SECONDS = 60
};

static struct place {
    struct lines lines; /* its texts are the ones below */
    char slug[SLUG_MOST], epoch[EPOCH_MOST], here[HERE_MOST];
} places[PLACES];

static struct place *place_of(struct text slug)
{
    unsigned hash = 0;
    for (size_t i = 0; i < slug.len; i++)
        hash = hash * 31 + (unsigned char)slug.at[i];
    return &places[hash % PLACES];
}

static void empty(struct place *place)
{
    json_decref(place->lines.html);
    json_decref(place->lines.people);
    *place = (struct place){ .lines.html = NULL };
}

const struct lines *lines_find(struct text slug)
{
    const struct place *place = place_of(slug);
    bool there = place->lines.html && text_equal(place->lines.stand.slug, slug) && clock_steady() < place->lines.until;
    return there ? &place->lines : NULL;
}

static bool fits(const struct lines *lines)
{
    const struct room_stand *stand = &lines->stand;
    return stand->slug.len <= SLUG_MOST && stand->epoch.len <= EPOCH_MOST && stand->here.len <= HERE_MOST &&
           json_string_length(lines->html) <= HTML_MOST && json_string_length(lines->people) <= HTML_MOST;
}

static struct text put(char *at, struct text text)
{
    if (text.len)
        memcpy(at, text.at, text.len);
    return (struct text){ at, text.len };
}

void lines_keep(const struct lines *lines)
{
    struct place *place = place_of(lines->stand.slug);
    struct lines kept = *lines;
    if (!fits(lines))
        return;
    json_incref(kept.html);
    json_incref(kept.people);
    empty(place);
    kept.stand.slug = put(place->slug, lines->stand.slug);
    kept.stand.epoch = put(place->epoch, lines->stand.epoch);
    kept.stand.here = put(place->here, lines->stand.here);
    if (!kept.until)
        kept.until = clock_steady() + KEPT_SECONDS * INT64_C(1000000);
    place->lines = kept;
}

void lines_forget(void)
{
    for (size_t i = 0; i < PLACES; i++)
        empty(&places[i]);
}
