#include "web/device.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

struct sign {
    const char *part, *name;
};

/* In this order: most claim to be several of those below them. */
static const struct sign browsers[] = {
    { "Edg/", "Edge" },      { "EdgA/", "Edge" },       { "EdgiOS/", "Edge" },
    { "OPR/", "Opera" },     { "Vivaldi/", "Vivaldi" }, { "SamsungBrowser/", "Samsung Internet" },
    { "FxiOS/", "Firefox" }, { "Firefox/", "Firefox" }, { "CriOS/", "Chrome" },
    { "Chrome/", "Chrome" }, { "Safari/", "Safari" },   { NULL, NULL },
};

static const struct sign systems[] = {
    { "iPhone", "iPhone" },   { "iPad", "iPad" },       { "Android", "Android" }, { "CrOS", "ChromeOS" },
    { "Windows", "Windows" }, { "Macintosh", "macOS" }, { "Linux", "Linux" },     { "OpenBSD", "OpenBSD" },
    { "FreeBSD", "FreeBSD" }, { NULL, NULL },
};

static const char *recognise(struct text agent, const struct sign *signs)
{
    for (; signs->part; signs++)
        if (memmem(agent.at, agent.len, signs->part, strlen(signs->part)))
            return signs->name;
    return NULL;
}

/* "curl" of "curl/8.5.0": the first word of a program, if it is one. */
static struct text product(struct text agent)
{
    size_t len = 0;
    while (len < agent.len && len < 30 && (isalnum((unsigned char)agent.at[len]) || strchr("-_.", agent.at[len])))
        len++;
    bool ends = len == agent.len || agent.at[len] == '/' || agent.at[len] == ' ';
    struct text word = { agent.at, ends ? len : 0 };
    return text_is(word, "Mozilla") ? TEXT("") : word;
}

struct text device_name(struct arena *arena, struct text agent)
{
    if (agent.len == 0)
        return TEXT("An unknown device");
    const char *browser = recognise(agent, browsers), *system = recognise(agent, systems);
    struct text word = product(agent);
    if (browser && system)
        return text_of(arena_printf(arena, "%s on %s", browser, system));
    if (browser || system)
        return text_of(browser ? browser : system);
    return word.len ? text_copy(arena, word) : TEXT("An unknown device");
}
