/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Feeds every file of the directories given as arguments to a fuzz target, and the empty
 * input first. Ends with status 1 when there is nothing to replay.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20 };

/* In a block of exactly its size, so that a read beyond the end is seen. */
static int replay(const char *dir, const char *name)
{
    char path[4096];
    FILE *file;
    uint8_t *data = malloc(LARGEST);
    size_t size;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "rbe");
    if (!file || !data) {
        fprintf(stderr, "open '%s': %s\n", path, strerror(errno));
        free(data);
        return -1;
    }
    size = fread(data, 1, LARGEST, file);
    fclose(file);
    data = realloc(data, size ? size : 1);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int replay_all(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int n = 0;

    if (!d) {
        fprintf(stderr, "open directory '%s': %s\n", dir, strerror(errno));
        return -1;
    }
    while (n >= 0 && (entry = readdir(d))) {
        if (entry->d_name[0] != '.')
            n = replay(dir, entry->d_name) < 0 ? -1 : n + 1;
    }
    closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;

    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        int in_dir = replay_all(argv[i]);

        if (in_dir < 0)
            return 1;
        n += in_dir;
    }
    printf("%d inputs\n", n);
    return n > 0 ? 0 : 1;
}
