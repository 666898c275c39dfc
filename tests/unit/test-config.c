#include "../support/tap.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/config.h"

#define KEY_A "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"
#define KEY_B "b:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI"

static struct arena *arena;
static const char *error;

static const struct config *parse(const char *text)
{
    error = NULL;
    return config_parse(arena, "confab.conf", text_of(text), &error);
}

static void refused(const char *text, const char *sentence)
{
    ok(parse(text) == NULL, "refused: %s", sentence);
    is(error, sentence, "and says where and why");
}

static void test_defaults(void)
{
    const struct config *config = parse("");
    is(config->database_url, "postgresql:///confab", "an empty file gives the defaults");
    is(config->database_listen_url, "postgresql:///confab", "listen_url is the same unless set");
    ok(config->site_guests && config->relay_peer_queue == 256 * 1024 && config->relay_poll_window_ms == 10000,
       "with their units");
    ok(config->limits_rate.count == 10 && config->limits_rate.period_ms == 10000, "and the rate");
    ok(text_is(config->origin, "http://127.0.0.1:8080") && text_is(config->base, "/") && !config->secure,
       "the public address is taken apart");
}

static void test_values(void)
{
    const struct config *config =
        parse("# a comment\r\n; another\n[site]\r\nurl = https://chat.example.org:443/chat\r\n"
              "guests=off\n[relay]\npeer_queue = 1 MiB\n[session]\nkeys = " KEY_A "  " KEY_B "\n");
    ok(config && config->secure && text_is(config->origin, "https://chat.example.org"),
       "the default port is no part of an origin");
    ok(config && text_is(config->base, "/chat/"), "the base path ends with a slash");
    is(config ? config->site_url : NULL, "https://chat.example.org/chat/", "and so does the address");
    ok(config && !config->site_guests && config->relay_peer_queue == 1 << 20, "switches and sizes");
    config = parse("[relay]\nbell =\n[session]\nkeys = " KEY_A "  " KEY_B "\n");
    is(config ? config->relay_bell : NULL, "", "a socket that one can do without");
    ok(config && config->key_count == 2 && config_key_find(config, TEXT("b")) == &config->keys[1] &&
           !config_key_find(config, TEXT("c")),
       "keys are found by their kid");
}

static void test_errors(void)
{
    refused("[site]\nnaem = x\n", "confab.conf:2: site.naem: unknown key");
    refused("[cite]\n", "confab.conf:1: [cite]: unknown section");
    refused("name = x\n", "confab.conf:1: a key stands before the first [section]");
    refused("[site]\nname\n", "confab.conf:2: expected `key = value` or `[section]`");
    refused("[site]\nname = a\nname = b\n", "confab.conf:3: site.name: given twice");
    refused("[site]\nguests = yes\n", "confab.conf:2: site.guests: expected `on` or `off`");
    refused("[relay]\npeer_queue = 1 KB\n", "confab.conf:2: relay.peer_queue: expected a size, such as `256 KiB`");
    refused("[relay]\npeer_queue = 99999999999999999 MiB\n",
            "confab.conf:2: relay.peer_queue: expected a size, such as `256 KiB`");
    refused("[limits]\nrate = 10\n", "confab.conf:2: limits.rate: expected a count and a time, such as `10/10s`");
    refused("[limits]\nmessage = 1\n", "confab.conf:2: limits.message: must be between 2 and 4000");
    refused("[relay]\nlisten = unix:relay.sock\n",
            "confab.conf:2: relay.listen: expected `unix:/path` (at most 107 bytes) or `address:port`");
    refused("[relay]\nbell = 127.0.0.1:80\n",
            "confab.conf:2: relay.bell: expected `unix:/path` (at most 107 bytes) or nothing");
    refused("[relay]\nbell = unix:\n",
            "confab.conf:2: relay.bell: expected `unix:/path` (at most 107 bytes) or nothing");
    for (const char *const *url = (const char *const[]){ "ftp://a/", "http://", "http://u@a/", "http://A/",
                                                         "http://a/?x", "http://a/b//c", "http://a/\"", NULL };
         *url; url++)
        ok(!parse(arena_printf(arena, "[site]\nurl = %s\n", *url)), "no public address: %s", *url);
}

static void test_keys(void)
{
    const char *sentence = "confab.conf:2: session.keys: expected `kid:base64url(32 bytes)`, at most 8 of them with a "
                           "space between, each kid once";
    refused("[session]\nkeys = a:AAAA\n", sentence);
    refused("[session]\nkeys = password\n", sentence);
    refused("[session]\nkeys = " KEY_A " " KEY_A "\n", sentence);
    refused("[session]\nkeys = a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", sentence);
    ok(!strstr(error, "AAAA"), "a refused key is never repeated");
}

static void test_environment(void)
{
    setenv("CONFAB_SITE_NAME", "From outside", 1);
    setenv("CONFAB_CONF", "/dev/null", 1);
    const struct config *config = config_load(arena, NULL, &error);
    is(config ? config->site_name : NULL, "From outside", "the environment wins");
    setenv("CONFAB_SITE_GUESTS", "maybe", 1);
    ok(!config_load(arena, NULL, &error), "a bad value in the environment is refused");
    is(error, "CONFAB_SITE_GUESTS: site.guests: expected `on` or `off`", "and the variable is named");
    unsetenv("CONFAB_SITE_GUESTS");
    setenv("CONFAB_CONF", "/nowhere/confab.conf", 1);
    ok(!config_load(arena, NULL, &error), "a file that was named must be there");
    is(error, "/nowhere/confab.conf: No such file or directory", "or the sentence says so");
}

int main(void)
{
    arena = arena_new();
    test_defaults();
    test_values();
    test_errors();
    test_keys();
    test_environment();
    arena_free(&arena);
    return done();
}
