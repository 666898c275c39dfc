/* A main for fuzz targets built without libFuzzer: every file given, or every file of a folder given, is one input.
 * Without arguments fuzz-view replays tests/fuzz/corpus/view, as a test: what once crashed must not crash again. */
#include "../support/tap.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { INPUT_MAX = 4 * 1024 * 1024 };

/* The bytes are copied to a block of their own size, so that a sanitizer sees reads past the end. */
static void replay_file(const char *path)
{
    static uint8_t room[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (!ok(file != NULL, "%s is read", path))
        return;
    size_t len = fread(room, 1, sizeof room, file);
    fclose(file);
    uint8_t *bytes = malloc(len ? len : 1);
    if (bytes) {
        memcpy(bytes, room, len);
        LLVMFuzzerTestOneInput(bytes, len);
    }
    ok(bytes != NULL, "and survived");
    free(bytes);
}

static void replay_folder(const char *path)
{
    struct dirent **items;
    int count = scandir(path, &items, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, items[i]->d_name);
        if (items[i]->d_name[0] != '.')
            replay_file(file);
        free(items[i]);
    }
    free(count < 0 ? NULL : items);
}

static void replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        replay_folder(path);
    else
        replay_file(path);
}

int main(int argc, char **argv)
{
    char corpus[4096];
    const char *name = strrchr(argv[0], '-');
    snprintf(corpus, sizeof corpus, "%s/fuzz/corpus/%s", TESTS, name ? name + 1 : "");
    if (argc < 2)
        replay(corpus);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    ok(tap_count > 0, "there were inputs");
    return done();
}
