/* The answer's FastCGI records are written here and not by libfcgi, which sends pieces of 8 KB, each of which wakes the
 * web server. */
#include "cgi-bin/gateway.h"

#include <errno.h>
#include <fastcgi.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/must.h"

/* The most that a record holds, less what would need padding. */
enum { RECORD_MAX = FCGI_MAX_LENGTH / 8 * 8 };

struct text gateway_variable(const struct gateway *gateway, const char *name)
{
    return text_of(FCGX_GetParam(name, gateway->variables));
}

static size_t read_all(char *into, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(STDIN_FILENO, into + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return len;
}

size_t gateway_read(struct gateway *gateway, char *into, size_t size)
{
    if (!gateway->fastcgi)
        return read_all(into, size);
    int got = FCGX_GetStr(into, (int)size, gateway->fastcgi->in);
    gateway->taken += got > 0 ? got : 0;
    return got > 0 && !FCGX_GetError(gateway->fastcgi->in) ? (size_t)got : 0;
}

static bool write_all(const char *bytes, size_t len)
{
    while (len) {
        ssize_t put = write(STDOUT_FILENO, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

static bool write_parts(int fd, struct iovec *parts, int count)
{
    while (count) {
        ssize_t put = writev(fd, parts, count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        for (; count && (size_t)put >= parts->iov_len; parts++, count--)
            put -= (ssize_t)parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + put;
            parts->iov_len -= (size_t)put;
        }
    }
    return true;
}

static FCGI_Header header(const FCGX_Request *fastcgi, int type, size_t len)
{
    return (FCGI_Header){ .version = FCGI_VERSION_1,
                          .type = (unsigned char)type,
                          .requestIdB1 = (unsigned char)(fastcgi->requestId >> 8),
                          .requestIdB0 = (unsigned char)fastcgi->requestId,
                          .contentLengthB1 = (unsigned char)(len >> 8),
                          .contentLengthB0 = (unsigned char)len };
}

/* The last record leaves together with the end of the stream and of the request. */
static bool write_records(const FCGX_Request *fastcgi, struct text head, struct text body)
{
    FCGI_EndRequestBody finish = { .protocolStatus = FCGI_REQUEST_COMPLETE };
    struct {
        FCGI_Header stream;
        FCGI_EndRequestRecord request;
    } end = { header(fastcgi, FCGI_STDOUT, 0), { header(fastcgi, FCGI_END_REQUEST, sizeof finish), finish } };
    must(head.len <= RECORD_MAX);
    for (bool last = false; !last;) {
        size_t room = RECORD_MAX - head.len, size = body.len < room ? body.len : room;
        FCGI_Header record = header(fastcgi, FCGI_STDOUT, head.len + size);
        last = size == body.len;
        struct iovec parts[] = {
            { &record, sizeof record }, { (char *)head.at, head.len }, { (char *)body.at, size }, { &end, sizeof end }
        };
        if (!write_parts(fastcgi->ipcFd, parts, last ? 4 : 3))
            return false;
        head.len = 0;
        body = (struct text){ body.at + size, body.len - size };
    }
    return true;
}

bool gateway_write(struct gateway *gateway, struct text head, struct text body)
{
    gateway->answered = true;
    if (gateway->fastcgi)
        return write_records(gateway->fastcgi, head, body);
    return write_all(head.at, head.len) && write_all(body.at, body.len);
}

bool gateway_read_out(struct gateway *gateway)
{
    struct text length = gateway_variable(gateway, "CONTENT_LENGTH");
    int64_t whole = 0;
    if (gateway_variable(gateway, "HTTP_TRANSFER_ENCODING").len)
        return false;
    if (length.len && (!text_number(length, INT64_MAX, &whole) || gateway->taken < whole))
        return false;
    return FCGX_GetChar(gateway->fastcgi->in) == EOF && !FCGX_GetError(gateway->fastcgi->in);
}
