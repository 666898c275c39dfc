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
    { "users_email_check", "email", "must have the @ sign and no spaces" },
    { "users_email_length", "email", "should be at most 160 character(s)" },
    { "users_email_key", "email", "has already been taken" },
    { "users_userid_check", "userID", "is invalid" },
    { "users_userid_key", "userID", "has already been taken" },
    { "users_name_length", "name", "should be at most 60 character(s)" },
    { "users_name_characters", "name", "must be on one line, without control characters" },
    { "users_phone_check", "phone", "is invalid" },
    { "users_picture_check", "picture", "is invalid" },
    { "users_role_check", "role", "is invalid" },
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
