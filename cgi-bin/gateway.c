#include "cgi-bin/gateway.h"

#include <errno.h>
#include <unistd.h>

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

bool gateway_write(struct gateway *gateway, const char *bytes, size_t len)
{
    if (!gateway->fastcgi)
        return write_all(bytes, len);
    return FCGX_PutStr(bytes, (int)len, gateway->fastcgi->out) == (int)len;
}
