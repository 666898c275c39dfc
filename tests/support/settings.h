/* Configurations for unit tests. */
#ifndef CONFAB_TESTS_SETTINGS_H
#define CONFAB_TESTS_SETTINGS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/config.h"

/* 32 bytes each, the last one 1, 2 and 3. */
#define SETTINGS_KEY_A "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"
#define SETTINGS_KEY_B "b:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI"
#define SETTINGS_KEY_C "c:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM"
#define SETTINGS_URL   "https://chat.example.org/"

static inline const struct config *settings(struct arena *arena, const char *text)
{
    const char *error = NULL;
    const struct config *config = config_parse(arena, "settings", text_of(text), &error);
    if (!config) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    return config;
}

/* A site over https whose signing keys are as given; the first one signs. */
static inline const struct config *settings_keys(struct arena *arena, const char *keys)
{
    return settings(arena, arena_printf(arena, "[site]\nurl = %s\n[session]\nkeys = %s\n", SETTINGS_URL, keys));
}

#endif
