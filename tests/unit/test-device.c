#include "../support/edge.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "web/device.h"

static const struct {
    const char *agent, *name;
} cases[] = {
    { "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux" },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
      "Chrome on Windows" },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 "
      "Edg/126.0.0.0",
      "Edge on Windows" },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
      "Safari/605.1.15",
      "Safari on macOS" },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 "
      "Mobile/15E148 Safari/604.1",
      "Chrome on iPhone" },
    { "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 "
      "Chrome/121.0.0.0 Mobile Safari/537.36",
      "Samsung Internet on Android" },
    { "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 OPR/112.0",
      "Opera on ChromeOS" },
    { "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) Nothing", "iPad" },
    { "Firefox/1", "Firefox" },
    { "curl/8.5.0", "curl" },
    { "python-requests/2.31.0", "python-requests" },
    { "confab-bot", "confab-bot" },
    { "Mozilla/5.0", "An unknown device" },
    { "", "An unknown device" },
    { "<script>alert(1)</script>", "An unknown device" },
    { "\xC3\xA9t\xC3\xA9", "An unknown device" },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1", "An unknown device" },
    { "/1", "An unknown device" },
};

int main(void)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is(text_string(arena, device_name(arena, edge(cases[i].agent))), cases[i].name, "%.60s", cases[i].agent);
    arena_free(&arena);
    return done();
}
