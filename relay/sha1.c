#include "relay/sha1.h"

#include <string.h>

#include "base/must.h"

enum { BLOCK = 64, WORDS = 80 };

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t load(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* RFC 3174 section 5: the function and the constant of each of the four rounds of twenty. */
static uint32_t mix(int t, const uint32_t h[5])
{
    uint32_t b = h[1], c = h[2], d = h[3];
    switch (t / 20) {
    case 0: return ((b & c) | (~b & d)) + 0x5A827999;
    case 1: return (b ^ c ^ d) + 0x6ED9EBA1;
    case 2: return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
    default: return (b ^ c ^ d) + 0xCA62C1D6;
    }
}

static void add_block(uint32_t sum[5], const unsigned char *block)
{
    uint32_t w[WORDS] = { 0 }, h[5];
    for (int t = 0; t < WORDS; t++)
        w[t] = t < 16 ? load(block + 4 * t) : rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(h, sum, sizeof h);
    for (int t = 0; t < WORDS; t++) {
        uint32_t next = rotate(h[0], 5) + mix(t, h) + h[4] + w[t];
        h[4] = h[3];
        h[3] = h[2];
        h[2] = rotate(h[1], 30);
        h[1] = h[0];
        h[0] = next;
    }
    for (int i = 0; i < 5; i++)
        sum[i] += h[i];
}

void sha1(struct text text, unsigned char out[SHA1_BYTES])
{
    uint32_t sum[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };
    unsigned char blocks[2 * BLOCK] = { 0 };
    must(text.len <= SHA1_INPUT_MAX);
    size_t size = text.len + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
    if (text.len)
        memcpy(blocks, text.at, text.len);
    blocks[text.len] = 0x80;
    blocks[size - 2] = (unsigned char)(text.len * 8 >> 8);
    blocks[size - 1] = (unsigned char)(text.len * 8);
    for (size_t at = 0; at < size; at += BLOCK)
        add_block(sum, blocks + at);
    for (int i = 0; i < SHA1_BYTES; i++)
        out[i] = (unsigned char)(sum[i / 4] >> (24 - 8 * (i % 4)));
}
