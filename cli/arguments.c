#include "cli/arguments.h"

#include <string.h>

/* Where no options are known, a word that looks like one is none (a hash may begin with a hyphen). */
static const struct argument *find(const char *word, const struct argument *arguments, size_t count)
{
    const struct argument *itself = NULL;
    bool options = false;
    for (size_t i = 0; i < count; i++) {
        options = options || arguments[i].name;
        if (!arguments[i].name)
            itself = &arguments[i];
        else if (strcmp(arguments[i].name, word) == 0)
            return &arguments[i];
    }
    return options && word[0] == '-' ? NULL : itself;
}

bool arguments_read(int argc, char **argv, const struct argument *arguments, size_t count)
{
    for (int i = 1; i < argc; i++) {
        const struct argument *argument = find(argv[i], arguments, count);
        if (!argument || (argument->to ? *argument->to != NULL : *argument->set))
            return false;
        if (argument->to && argument->name && ++i == argc)
            return false;
        if (argument->to)
            *argument->to = argv[i];
        else
            *argument->set = true;
    }
    for (size_t i = 0; i < count; i++)
        if (arguments[i].required && !*arguments[i].to)
            return false;
    return true;
}
