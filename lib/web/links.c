#include "web/links.h"

#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* The length of "http://" or "https://" at this place, or 0. */
static size_t scheme(struct text at)
{
    if (at.len > 7 && strncasecmp(at.at, "http://", 7) == 0)
        return 7;
    if (at.len > 8 && strncasecmp(at.at, "https://", 8) == 0)
        return 8;
    return 0;
}

static size_t count(struct text text, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < text.len; i++)
        found += text.at[i] == c;
    return found;
}

/* What closes a sentence does not belong to the address before it; a closing bracket does if it was opened inside. */
static struct text without_punctuation(struct text link)
{
    while (link.len) {
        char last = link.at[link.len - 1];
        bool closes = (last == ')' && count(link, '(') < count(link, ')')) ||
                      (last == ']' && count(link, '[') < count(link, ']'));
        if (!closes && !strchr(".,;:!?'*_~", last))
            break;
        link.len--;
    }
    return link;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Take a character of an address, which may be written as %xx. */
static int next_decoded(struct text *rest)
{
    bool coded = rest->len >= 3 && rest->at[0] == '%' && hex(rest->at[1]) >= 0 && hex(rest->at[2]) >= 0;
    int c = coded ? hex(rest->at[1]) * 16 + hex(rest->at[2]) : rest->at[0];
    rest->at += coded ? 3 : 1;
    rest->len -= coded ? 3 : 1;
    return c;
}

/* Whoever follows a link on a page of ours to our own /logout is signed out by it (S31), and a message could have been
 * written to do that. The host has too many spellings to ask for, so it counts for every site's. */
static bool signs_out(struct text link)
{
    static const char word[] = "logout";
    for (; link.len; link.at++, link.len--) {
        struct text rest = link;
        size_t same = 0;
        while (word[same] && rest.len && next_decoded(&rest) == word[same])
            same++;
        if (!word[same])
            return true;
    }
    return false;
}

/* The address that begins here, or an empty text. */
static struct text link_at(struct text at)
{
    size_t start = scheme(at), len = start;
    if (!start || !is_word(at.at[start]))
        return (struct text){ at.at, 0 };
    while (len < at.len && (unsigned char)at.at[len] > ' ' && !strchr("<>\"`{}|\\^", at.at[len]))
        len++;
    struct text link = without_punctuation((struct text){ at.at, len });
    return link.len > start && !signs_out(link) ? link : (struct text){ at.at, 0 };
}

bool links_next(struct text *rest, struct text *part, bool *is_link)
{
    struct text link = { rest->at, 0 };
    size_t at = 0;
    if (rest->len == 0)
        return false;
    for (; at < rest->len; at++) {
        bool boundary = at == 0 || !is_word(rest->at[at - 1]);
        if (boundary && (rest->at[at] | 32) == 'h')
            link = link_at((struct text){ rest->at + at, rest->len - at });
        if (link.len)
            break;
    }
    *is_link = link.len && at == 0;
    *part = *is_link ? link : (struct text){ rest->at, at };
    rest->at += part->len;
    rest->len -= part->len;
    return true;
}
