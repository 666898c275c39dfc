/* confab.conf and its environment: every key known today, checked once at the start.
 * conf/confab.conf.example explains each key to the operator; tests/checks hold the two lists together. */
#ifndef CONFAB_BASE_CONFIG_H
#define CONFAB_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum { CONFIG_KEYS_MAX = 8, CONFIG_KEY_BYTES = 32 };

/* One of our own signing keys. */
struct config_key {
    struct text kid;
    unsigned char bytes[CONFIG_KEY_BYTES];
};

/* So many in so long: `10/10s`. */
struct config_rate {
    int64_t count;
    int64_t period_ms;
};

struct config {
    const char *database_url;         /* handlers and tool */
    const char *database_listen_url;  /* a direct connection for LISTEN; relay_url when not set */
    const char *database_relay_url;   /* the relay's; url when not set */
    const char *database_migrate_url; /* the owner's, for `confab migrate`; url when not set */
    const char *site_name;
    const char *site_url;  /* with a slash at its end */
    const char *site_data; /* the folder that holds views/ */
    bool site_guests;
    const char *session_keys; /* as written; parsed into keys */
    const char *sso_url, *sso_client_id, *sso_key, *sso_issuer;
    const char *mail_from, *mail_smtp, *mail_sendmail;
    const char *relay_listen;
    const char *relay_bell; /* "unix:/path", or empty: there is none */
    int64_t relay_max_peers;
    int64_t relay_max_per_address;
    int64_t relay_peer_queue; /* bytes */
    int64_t relay_poll_window_ms;
    const char *handler_listen;
    int64_t handler_workers; /* 0: two per core */
    int64_t handler_polls;   /* 0: none are held */
    const char *handler_polls_listen;
    int64_t limits_message; /* code points */
    int64_t limits_body;    /* bytes */
    struct config_rate limits_rate;
    struct config_rate limits_sign_in;

    /* Made of the above. */
    struct text origin; /* of site_url, as a browser sends it: "https://chat.example.org" */
    struct text base;   /* path of site_url: "/" or "/chat/" */
    bool secure;        /* site_url is https */
    size_t key_count;   /* 0 when session.keys is not set */
    struct config_key keys[CONFIG_KEYS_MAX];
};

/* Read the file that path names (NULL: the one CONFAB_CONF names, else confab.conf under sysconfdir, which may be
 * absent), then the environment, which wins. Everything lives as long as the arena. NULL: a sentence is in *error. */
const struct config *config_load(struct arena *, const char *path, const char **error)
    __attribute__((warn_unused_result));

/* The same from text in memory, without environment; name stands for the file in errors. For tests and fuzzing. */
const struct config *config_parse(struct arena *, const char *name, struct text, const char **error)
    __attribute__((warn_unused_result));

/* The key of that kid, or NULL. */
const struct config_key *config_key_find(const struct config *, struct text kid);

#endif
