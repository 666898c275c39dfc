#include "chat/message_rules.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "chat/posting.h"
#include "chat/scope.h"

/* The rules that every typed text has. False: a sentence was added, and there is nothing more to say about the field.
 */
static bool check_text(struct text text, const char *field, struct errors *errors)
{
    if (!utf8_valid(text)) {
        errors_add(errors, field, "must be UTF-8 text");
        return false;
    }
    if (utf8_has_control(text)) {
        errors_add(errors, field, "must not contain control characters");
        return false;
    }
    if (utf8_invisible(text)) {
        errors_add(errors, field, "can't be blank");
        return false;
    }
    return true;
}

struct text message_name(const struct scope *scope, struct text typed, struct errors *errors)
{
    struct text name = utf8_tidy(scope->arena, typed);
    if (!check_text(name, "name", errors))
        return name;
    if (utf8_has_line_break(name))
        errors_add(errors, "name", "must be on one line");
    else if (utf8_count(name) > MESSAGE_NAME_MAX)
        errors_add(errors, "name", "should be at most 60 character(s)");
    return name;
}

static struct text check_message(const struct scope *scope, struct text typed, struct errors *errors)
{
    struct text message = utf8_tidy(scope->arena, typed);
    if (!check_text(message, "message", errors))
        return message;
    size_t count = utf8_count(message), most = (size_t)scope->config->limits_message;
    if (count < 2)
        errors_add(errors, "message", "should be at least 2 character(s)");
    else if (count > most)
        errors_add(errors, "message", arena_printf(scope->arena, "should be at most %zu character(s)", most));
    return message;
}

static bool client_id_valid(struct text id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    if (id.len == 0 || id.len > MESSAGE_CLIENT_ID_MAX || text_has_nul(id))
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!strchr(allowed, id.at[i]))
            return false;
    return true;
}

static struct text check_client_id(const struct scope *scope, struct text id, struct errors *errors)
{
    if (id.len == 0) {
        unsigned char bytes[16];
        randombytes_buf(bytes, sizeof bytes);
        return text_base64url(scope->arena, bytes, sizeof bytes);
    }
    if (!client_id_valid(id))
        errors_add(errors, "client_id", "is invalid");
    return id;
}

bool message_check(const struct scope *scope, const struct message_new *in, struct message_new *out,
                   struct errors *errors)
{
    out->name = scope_member(scope) ? scope->name : message_name(scope, in->name, errors);
    out->message = check_message(scope, in->message, errors);
    out->client_id = check_client_id(scope, in->client_id, errors);
    return !errors_any(errors);
}
