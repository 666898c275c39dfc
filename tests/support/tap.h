/* The Test Anything Protocol, as much of it as a unit test needs.
 *
 *     int main(void)
 *     {
 *         ok(1 + 1 == 2, "one and one are %d", 2);
 *         return done();
 *     }
 */
#ifndef CONFAB_TESTS_TAP_H
#define CONFAB_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, #cond, __VA_ARGS__)

/* Two C strings are equal; NULL equals only NULL. */
#define is(got, expected, ...) tap_is((got), (expected), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static inline bool tap_ok(bool good, const char *file, int line, const char *cond,
                                                                const char *name, ...)
{
    va_list args;
    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    printf("\n");
    if (!good) {
        tap_failed++;
        printf("# %s:%d: %s\n", file, line, cond);
    }
    fflush(stdout);
    return good;
}

__attribute__((format(printf, 5, 6))) static inline bool tap_is(const char *got, const char *expected, const char *file,
                                                                int line, const char *name, ...)
{
    char text[512];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    bool good = got && expected ? strcmp(got, expected) == 0 : got == expected;
    tap_ok(good, file, line, "is", "%s", text);
    if (!good)
        printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", expected ? expected : "(null)");
    return good;
}

/* Print the plan; the exit status of main. */
static inline int done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
