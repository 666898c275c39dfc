#include "../support/edge.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "web/links.h"

static const struct {
    const char *text, *marked; /* addresses stand in [] */
} cases[] = {
    { "", "" },
    { "no address", "no address" },
    { "http://x.org", "[http://x.org]" },
    { "https://x.org/a?b=c&d=e#f", "[https://x.org/a?b=c&d=e#f]" },
    { "see https://x.org/ now", "see [https://x.org/] now" },
    { "HTTPS://X.ORG/", "[HTTPS://X.ORG/]" },
    { "https://x.org. And", "[https://x.org]. And" },
    { "https://x.org?!", "[https://x.org]?!" },
    { "(https://x.org)", "([https://x.org])" },
    { "https://x.org/a_(b)", "[https://x.org/a_(b)]" },
    { "(https://x.org/a_(b))", "([https://x.org/a_(b)])" },
    { "\"https://x.org\"", "\"[https://x.org]\"" },
    { "<https://x.org>", "<[https://x.org]>" },
    { "https://x.org/<script>", "[https://x.org/]<script>" },
    { "'https://x.org/'", "'[https://x.org/]'" },
    { "*https://x.org*", "*[https://x.org]*" },
    { "a https://x.org\nhttps://y.org b", "a [https://x.org]\n[https://y.org] b" },
    { "https://x.org,https://y.org", "[https://x.org,https://y.org]" },
    { "xhttps://x.org", "xhttps://x.org" },
    { "\xC3\xA9https://x.org", "\xC3\xA9https://x.org" },
    { "https://\xC3\xA9t\xC3\xA9.org/\xE2\x82\xAC", "[https://\xC3\xA9t\xC3\xA9.org/\xE2\x82\xAC]" },
    { "javascript:alert(1)", "javascript:alert(1)" },
    { "javascript://x.org/%0aalert(1)", "javascript://x.org/%0aalert(1)" },
    { "data:text/html,https://x.org", "data:text/html,[https://x.org]" },
    { "ftp://x.org file:///etc", "ftp://x.org file:///etc" },
    { "//x.org www.x.org x.org", "//x.org www.x.org x.org" },
    { "http://", "http://" },
    { "https://", "https://" },
    { "https:// x", "https:// x" },
    { "https:///x", "https:///x" },
    { "https://.", "https://." },
    { "https://-", "https://-" },
    { "https://?x", "https://?x" },
    { "http:/x.org https:x.org", "http:/x.org https:x.org" },
    { "http://h", "[http://h]" },
    { "httphttp://x.org", "httphttp://x.org" },
    { "http://http://x.org", "[http://http://x.org]" },
    { "https://x.org\\evil", "[https://x.org]\\evil" },
    { "https://x.org`a`", "[https://x.org]`a`" },
    { "http://x.org/logout see", "http://x.org/logout see" },
    { "http://x.org/chat/%6cog%6Fut?a", "http://x.org/chat/%6cog%6Fut?a" },
    { "http://x.org/./logout#a", "http://x.org/./logout#a" },
    { "http://x.org/log", "[http://x.org/log]" },
    { "http://x.org/%6", "[http://x.org/%6]" },
    { "http://x.org/logou%7", "[http://x.org/logou%7]" },
    { "h", "h" },
    { "http", "http" },
    { "http:/", "http:/" },
    { "hhhttps:/", "hhhttps:/" },
};

static struct text mark(struct arena *arena, struct text rest)
{
    struct buffer out = buffer_new(4096);
    struct text part;
    bool is_link;
    while (links_next(&rest, &part, &is_link)) {
        buffer_string(&out, is_link ? "[" : "");
        buffer_text(&out, part);
        buffer_string(&out, is_link ? "]" : "");
    }
    struct text marked = text_copy(arena, (struct text){ out.at ? out.at : "", out.len });
    buffer_free(&out);
    return marked;
}

int main(void)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is(mark(arena, edge(cases[i].text)).at, cases[i].marked, "S12 %s", cases[i].marked);
    struct text nul = mark(arena, edge_text(TEXT("https://x.org\0y")));
    ok(text_equal(nul, TEXT("[https://x.org]\0y")), "S12 a NUL byte ends an address");
    size_t len = 4000;
    char *many = arena_alloc(arena, len);
    memset(many, 'h', len);
    ok(mark(arena, edge_bytes(many, len)).len == len, "S12 nothing is lost in a long text");
    arena_free(&arena);
    return done();
}
