/* The command line of the commands that take options. */
#ifndef CONFAB_CLI_ARGUMENTS_H
#define CONFAB_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* `--name VALUE` puts VALUE into *to. One without a name takes the argument that stands for itself; one without a `to`
 * takes no value and sets *set. */
struct argument {
    const char *name;
    const char **to;
    bool *set;
    bool required;
};

/* Read argv[1] and on. False: one that is not in the list, that came twice or without its value, or that is missing. */
bool arguments_read(int argc, char **argv, const struct argument *, size_t count);

#endif
