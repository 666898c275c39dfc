#include "db/constraint.h"

#include <string.h>

#include "base/errors.h"

static const struct {
    const char *constraint, *field, *sentence;
} sentences[] = {
    { "messages_name_present", "name", "can't be blank" },
    { "messages_name_length", "name", "should be at most 60 character(s)" },
    { "messages_name_characters", "name", "must be on one line, without control characters" },
    { "messages_name_trimmed", "name", "must not begin or end with a space" },
    { "messages_message_present", "message", "can't be blank" },
    { "messages_message_least", "message", "should be at least 2 character(s)" },
    { "messages_message_most", "message", "should be at most 4000 character(s)" },
    { "messages_message_characters", "message", "must not contain control characters" },
    { "messages_message_trimmed", "message", "must not begin or end with a space" },
    { "messages_client_id_check", "client_id", "is invalid" },
};

bool constraint_explain(const char *constraint, struct errors *errors)
{
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (strcmp(constraint, sentences[i].constraint) == 0) {
            errors_add(errors, sentences[i].field, sentences[i].sentence);
            return true;
        }
    return false;
}
